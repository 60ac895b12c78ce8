"""What is odd about a dataset: files left out, odd images and masks, labels."""
