"""Scheduled work: chores, retries of what is owed, retention, and closing and opening the house."""
