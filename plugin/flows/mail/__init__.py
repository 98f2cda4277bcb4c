"""Letters: their words, their causes, their sending, and the forms and receipts that they speak of."""
