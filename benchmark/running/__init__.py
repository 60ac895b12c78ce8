"""Running studies: cells, the runner, checkpoints, records, and engines for many processes."""
