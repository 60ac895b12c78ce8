"""What methods share: coresets and nearest neighbours, cached by content."""
