"""How well an engine does, measured."""
