"""Running cells: the study, the evaluator, checkpoints, and writing records."""
