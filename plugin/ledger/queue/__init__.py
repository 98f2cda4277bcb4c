"""Jobs, skipped items, and how long rows are kept."""
