"""Shared by all figures: style, labels, heat maps, writing files."""
