"""Recipes as files: their names, where submissions are kept, where they are edited."""
