"""Datasets, streams, features, the method interface, the evaluator, the command line."""
