"""Change streams: what is recorded of every write, how long, and how it is read."""
