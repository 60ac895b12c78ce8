"""Open a dataset by name: find its reader and its folder, join several datasets into one."""
