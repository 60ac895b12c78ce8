"""Single images and masks: decoding, content hashes, preprocessing."""
