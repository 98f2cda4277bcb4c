"""Names that we write on photographs: the intent before, the outcome after, and what was taken off."""
