"""Who may be tagged: their names, ages, guardians, addresses, and what is held on them."""
