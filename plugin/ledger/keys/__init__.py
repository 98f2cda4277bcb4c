"""Keys: the vault, sealing, rotation, shredding."""
