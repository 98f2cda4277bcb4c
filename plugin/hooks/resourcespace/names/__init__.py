"""Names in ResourceSpace: its nodes, whose they are, its log, and writing to it."""
