"""Subcommands that list what there is: methods, metrics, protocols, drift domains; and the
scaffold for a new method.
"""
