"""Methods that score with a memory bank of patch embeddings."""
