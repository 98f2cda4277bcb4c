"""The database: its engine, transactions, and the audit log that each of them writes."""
