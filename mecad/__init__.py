"""MECAD: expert assignment, two-level memory, replay and routing."""
