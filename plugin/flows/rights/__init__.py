"""Erasure, its certificate, and the search for what is left."""
