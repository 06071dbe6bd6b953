"""Who proposes."""
