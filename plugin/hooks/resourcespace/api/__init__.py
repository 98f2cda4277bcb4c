"""ResourceSpace's API as it really behaves: calls, paging, rate limit, parsing of answers."""
