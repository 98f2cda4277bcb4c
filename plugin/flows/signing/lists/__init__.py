"""Many people asked at once."""
