"""Files on disk: atomic writes and locks."""
