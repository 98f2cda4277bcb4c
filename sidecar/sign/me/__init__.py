"""A person's own page: what is held on them, and what they may do about it."""
