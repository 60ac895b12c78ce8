"""Finding, checking and decoding images."""
