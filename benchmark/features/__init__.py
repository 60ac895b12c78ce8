"""Patch embeddings of images: computed once by a frozen backbone and cached on disk."""
