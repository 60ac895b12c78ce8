"""A table and the formats it can be written in: terminal, Markdown, LaTeX, HTML."""
