"""Detectors that reconstruct patch embeddings with a transformer: `uniad`, `moead` and `iuf`."""
