"""Where the cells of a run are computed: in this process, in several, or on a Ray cluster."""
