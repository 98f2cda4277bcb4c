"""What people read: a gettext catalogue for each language."""
