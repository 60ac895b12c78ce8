"""`Results`: the records of finished runs as DataFrames, tables and figures."""
