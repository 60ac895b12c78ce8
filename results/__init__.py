"""Everything that happens after a run: records, metrics, tables, figures, reports.

It imports no other package of cadbench, and never torch.
"""
