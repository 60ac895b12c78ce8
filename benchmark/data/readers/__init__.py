"""The built-in readers, one per dataset. They are found like those of any other package."""
