"""The readers that come with cadbench, a data set each; found as those of any other package."""
