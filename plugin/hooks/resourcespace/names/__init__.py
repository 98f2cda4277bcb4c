"""Names in ResourceSpace: its nodes, their persons, its log, and writing."""
