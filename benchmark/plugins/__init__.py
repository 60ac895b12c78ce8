"""Plugins: finding methods by name, checking their declarations, the scaffold of a new one."""
