"""Asking people from the page of a photograph that shows them."""
