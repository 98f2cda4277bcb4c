"""Jobs, what was set aside, and how long rows are kept."""
