"""Backups: made, sealed, believed and restored."""
