"""Scoring of new images with the method of a finished record."""
