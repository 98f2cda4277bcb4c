"""Read tables from outside; what nobody can see in them does not count as consent."""
