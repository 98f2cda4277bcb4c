"""What proves the log from outside the store: heads, and ended.log."""
