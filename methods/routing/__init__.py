"""Routers, which choose the expert that scores an image, and the scoring that uses them."""
