"""Reproducing a paper: its configuration, its claims, and its tables next to this benchmark's."""
