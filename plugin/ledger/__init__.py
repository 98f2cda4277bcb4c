"""Storage: the database, the vault, the audit log and the queue."""
