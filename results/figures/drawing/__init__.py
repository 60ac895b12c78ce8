"""What all figures share: style, labels, heat maps, saving to a file."""
