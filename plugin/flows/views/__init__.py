"""What a page shows; mostly read only."""
