"""Names on photographs: whose they are, and how they are written and taken off."""
