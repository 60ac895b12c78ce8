"""Exact nearest-neighbor distances from test patches to memory blocks, shared by all cells.

The problem. After every experience, every method scores every test image it has seen: for each of
its P patches it needs the Euclidean distance to the nearest vector of a memory. Most memories are
unions of blocks that other experiences, expert counts, methods and seeds also use, or subsets of
such blocks. Computing each distance once saves most of the work of a study.

Distance tables (`distance_table`, stored by `disk_cache`). The minimum over a union is the minimum
of the blocks' minima. For each block there is one table with an entry per image and patch.

Subsets (`DistanceTable.add_images_from`). If a block is a subset of another one, its new rows are
filled from the larger block's table where the nearest vector is in the subset.

Refinement (`search`, on the CPU `cpu_search` and `cpu_loops`). |q - v|^2 = |q|^2 + |v|^2 - 2 q.v,
and q.v for all pairs is one float32 matrix product, fast but rounded. All vectors whose rounded
value is within the largest possible rounding error of the best one are candidates; their distances
are computed in float64 as sums of squared differences, and the smallest is rounded to float32 once.

Why results are exact. A candidate set always contains the nearest vector, because errors are
bounded from above, and the float64 distance of a pair does not depend on what else is searched. So
the result is the correctly rounded distance, bit for bit, whatever was searched before, and however
memories, batches and threads divide the work.
"""
