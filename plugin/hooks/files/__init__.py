"""Files as they are: their kinds, their parts, and how they are replaced without loss."""
