"""Routers: which expert scores an image when the category is not given."""
