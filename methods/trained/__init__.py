"""Detectors trained by gradient descent, with the continual strategies of avalanche-lib."""
