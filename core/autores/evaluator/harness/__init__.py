"""The recipe's side of the wire: the one file `harness.py`, staged beside every recipe."""
