"""Nearest-neighbor distances, computed once per image and block and shared by all cells."""
