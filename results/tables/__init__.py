"""The tables that `cadbench table` prints."""
