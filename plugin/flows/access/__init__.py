"""Authentication: links, API tokens, one-time codes, visits, staff sessions."""
