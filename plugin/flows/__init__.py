"""What happens: one module a story. A newcomer starts with photos/tagging.py and consent/withdrawal.py."""
