"""Methods that score with memory banks of patch embeddings."""
