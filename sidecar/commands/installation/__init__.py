"""Commands that run, check, keep and restore an installation."""
