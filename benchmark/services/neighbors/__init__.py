"""Exact nearest-neighbor distances from test patches to memory blocks, shared by all cells.

The problem. After every experience, every method scores every test image it has seen: for each of
its P patches it needs the Euclidean distance to the nearest vector of a memory. Most memories are
unions of blocks that other experiences, expert counts, methods and seeds also use, or subsets of
such blocks. Computing each distance once saves most of the work of a study.

Distance tables (`distance_table`, stored by `disk_cache`). The minimum over a union is the minimum
of the blocks' minima. For each block there is one table with an entry per image and patch: either
the exact distance to the nearest vector of the block, or a lower bound of it (0 at the start).

Bounds (`DistanceTable.search`). The minimum over a union starts with the exact distances in the
tables of its blocks. Another block matters to a patch only if its lower bound is smaller than the
current minimum; only these patches are searched. The largest block is searched first, because a
small minimum excludes many patches from the other blocks.

Subsets (`DistanceTable.add_images_from`). If a block is a subset of another one, its new rows are
filled from the larger block's table: where the nearest vector is in the subset, the distance stays
exact; where it is not, it is a lower bound, because removing vectors can only increase a minimum.

Refinement (`search`, on the CPU `cpu_search` and `cpu_loops`). |q - v|^2 = |q|^2 + |v|^2 - 2 q.v,
and q.v for all pairs is one float32 matrix product, fast but rounded. All vectors whose rounded
value is within the largest possible rounding error of the best one are candidates; their distances
are computed in float64 as sums of squared differences, and the smallest is rounded to float32 once.

Why results are exact. A candidate set always contains the nearest vector, because errors are
bounded from above; the float64 distance of a pair does not depend on what else is searched; and
lower bounds only decide which distances are not computed. So the result is the correctly rounded
distance, bit for bit, whatever was searched before, and however memories, batches and threads
divide the work.
"""
