"""What methods share: coresets and nearest neighbors, cached by content."""
