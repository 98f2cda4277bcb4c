"""Consent: quitclaims, grants, their lives and their ends."""
