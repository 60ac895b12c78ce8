"""Files on disk: atomic writes, locks, Parquet."""
