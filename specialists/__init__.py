"""The bundled specialists: what each looks at, and how far it may go."""
