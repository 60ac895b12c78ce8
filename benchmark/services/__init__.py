"""What methods share: coresets and nearest-neighbor distances, cached by content."""
