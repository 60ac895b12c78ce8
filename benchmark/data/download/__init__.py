"""Downloading a dataset: transfer over HTTP, checksum, unpacking."""
