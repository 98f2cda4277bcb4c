"""What happens: one module a story. A newcomer starts with tagging.py and consent.py."""
