"""Accounts of our own: made at the command line or in the console, with a password and a second factor."""
