"""Methods that fit one Gaussian per patch position (PaDiM)."""
