"""All that happens after a run: records, metrics, tables.

Imports no other package of the project, and never torch.
"""
