"""Backups: written, sealed, verified and restored."""
