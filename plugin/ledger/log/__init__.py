"""Proves the audit log from outside the store: signed heads, and ended.log."""
