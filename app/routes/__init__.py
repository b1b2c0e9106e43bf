"""The HTTP side: one blueprint per noun; views parse, ask, and serialise, nothing else."""
