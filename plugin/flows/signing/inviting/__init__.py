"""Somebody is invited from elsewhere than their own page: from a list, or from a photograph."""
