"""The built-in synthetic benchmark: 15 procedurally drawn categories."""
