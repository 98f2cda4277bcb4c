"""A folder of photographs as a DAM: its tree, its index, and what changed in it."""
