"""Stores: where a lineage is kept."""
