"""The lineage: an append-only chain of events, and what is folded from it."""
