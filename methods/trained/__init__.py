"""Detectors that are trained by gradient descent, under the strategies of avalanche-lib."""
