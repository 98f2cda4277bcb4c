"""What is kept: the store, the vault, the audit log and the queue."""
