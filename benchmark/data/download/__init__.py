"""Download datasets: transfer, check, unpack, move into place."""
