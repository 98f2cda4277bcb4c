"""Somebody signs by a link."""
