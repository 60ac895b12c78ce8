"""The ground floor: cache folder, random generators, processes, threads, plugin loading."""
