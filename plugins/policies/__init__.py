"""Policies: what becomes of a measured trial."""
