"""Rules put into words."""
