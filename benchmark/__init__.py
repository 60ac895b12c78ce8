"""Data sets, streams, features, the method interface, the evaluator, the runner, the command line."""
