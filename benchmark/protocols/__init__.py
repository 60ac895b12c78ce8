"""Protocols: the TOML files, how they are parsed, and their ids."""
