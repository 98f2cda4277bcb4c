"""A photograph arrives, is examined, compared and tagged."""
