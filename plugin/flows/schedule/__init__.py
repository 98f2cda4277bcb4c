"""What the calendar brings: chores, retries of what is owed, retention, and a house that closes or opens."""
