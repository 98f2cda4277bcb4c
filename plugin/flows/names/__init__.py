"""Names on photographs: who they belong to, and how they are written and removed."""
