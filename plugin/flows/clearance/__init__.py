"""Whether a photograph may be used, on which channel, on which day."""
