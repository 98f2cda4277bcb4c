"""What a program may do that calls /api/v1, and that a request it sends twice is carried out once."""
