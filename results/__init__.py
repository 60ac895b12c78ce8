"""All that happens after a run: records, metrics, tables. Imports no other package here, and never torch."""
