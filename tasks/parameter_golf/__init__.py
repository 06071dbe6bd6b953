"""Task `parameter_golf`: fewest bits per byte from a small artifact."""
