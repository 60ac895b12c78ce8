"""Frozen backbones: one pass over every image, cached on disk."""
