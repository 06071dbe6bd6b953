"""The bundled plugins: each is loaded by name, like anybody else's."""
