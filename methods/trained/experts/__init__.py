"""Strategies with several networks: a rule chooses the one that learns, a router that scores."""
