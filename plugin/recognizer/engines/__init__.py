"""Networks that find and encode faces: their weights, and how near is near enough."""
