"""One image: decoding, masks, preprocessing, content hashes."""
