"""Coreset selection; each selection is computed once per category and shared by all cells.

`service.Coresets` is what methods use. The selectors are `k_center` (exact greedy selection, whose
algorithm is `farthest_first`, the variant published with PatchCore, and selection beyond a bank),
`herding` and `k_means`.
"""
