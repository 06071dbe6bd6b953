"""Recipes as files: what their names may be, where every submission is kept, where one is edited."""
