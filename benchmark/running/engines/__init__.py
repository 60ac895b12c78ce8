"""Engines: computing the cells of a run in several processes or on a Ray cluster."""
