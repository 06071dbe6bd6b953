"""Executors that come with autores."""
