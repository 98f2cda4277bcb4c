"""What the DAM's own search asks: which photographs, and the state of those that it shows."""
