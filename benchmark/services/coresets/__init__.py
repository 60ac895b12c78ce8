"""Coreset selection, computed once per category and shared by all cells."""
