"""Compares faces with those of people who agreed to it."""
