"""The readers that come with cadbench, a dataset each; found as those of any other package."""
