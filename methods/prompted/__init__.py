"""Methods that train prompts of a frozen vision transformer."""
