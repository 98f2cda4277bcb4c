"""Who agreed to what: pure rules over frozen values. No I/O, no clock, no randomness of its own."""
