"""Measures the accuracy of an engine."""
