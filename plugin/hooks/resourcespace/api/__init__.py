"""ResourceSpace's API as it really answers: asking, listing, pacing, and reading what comes back."""
