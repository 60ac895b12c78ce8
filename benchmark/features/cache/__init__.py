"""The feature cache: which arrays are stored in which file, and how they are filled and read."""
