"""What the networks of timm offer: how they are created, their names, layers and blocks."""
