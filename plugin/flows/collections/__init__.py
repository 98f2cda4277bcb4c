"""What may be done in which collection, and how a ruling follows its collection."""
