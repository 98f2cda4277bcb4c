"""What a page shows, read only."""
