"""The bundled tasks: each is one folder with a plugin, its data and a recipe."""
