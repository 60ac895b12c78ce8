"""The built-in baselines and the memory-bank primitives they share."""
