"""Guess the height of trees: a task and a specialist for autores."""
