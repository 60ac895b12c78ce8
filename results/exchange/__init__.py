"""Records on their way to somebody else and back, as a folder, a zip or a tar.gz."""
