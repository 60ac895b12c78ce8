"""Run records: what they hold, where they are stored, how they are read back."""
