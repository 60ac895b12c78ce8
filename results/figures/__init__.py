"""Figures that go into a paper as they are: one file a figure, one style, drawn from records."""
