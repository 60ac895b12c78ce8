"""Progress and messages as users see them: bars, lines, or one bar in a notebook."""
