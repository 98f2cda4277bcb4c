"""Quitclaims recorded and ended, and what follows from an end."""
