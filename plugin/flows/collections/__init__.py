"""What may be done in which collection, and how a decision follows its collection."""
