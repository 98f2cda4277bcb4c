"""Who comes in: links, tokens, codes, visits, sessions of the staff."""
