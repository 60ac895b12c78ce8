"""Image metrics, one per file. The registry finds each file's `METRIC`; nothing else lists them.

All are NaN where only one label occurs, so that they are defined for the same categories. Ties are
exact: images of one score are counted together.
"""
