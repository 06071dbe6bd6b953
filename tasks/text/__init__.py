"""Text that two tasks share: a procedural world, tokens, shards, and streams to be predicted."""
