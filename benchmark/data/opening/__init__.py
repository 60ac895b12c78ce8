"""Opening a dataset by name: which reader, which folder, one dataset or several joined."""
