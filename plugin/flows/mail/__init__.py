"""Letters: their texts, causes and delivery, and the forms and receipts that they refer to."""
