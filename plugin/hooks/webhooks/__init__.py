"""Signed messages from a DAM over HTTP."""
