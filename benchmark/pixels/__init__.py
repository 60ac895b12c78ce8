"""Pixel metrics: patch maps to full size, masks along the images' way, one sort a category."""
