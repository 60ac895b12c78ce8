"""anomalib's models as continual methods, refitted after each experience."""
