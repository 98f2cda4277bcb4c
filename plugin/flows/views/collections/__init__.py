"""What the staff's pages about collections show."""
