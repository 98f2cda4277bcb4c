"""Faces that wait for a decision, and reference pictures that wait for somebody who knows them."""
