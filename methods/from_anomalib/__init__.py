"""Models of anomalib as continual methods, fitted again after each experience."""
