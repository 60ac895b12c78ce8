"""Reproducing a paper: its configuration, its claims, and its numbers compared with ours."""
