"""Endpoints that the DAM's plugin calls, signed: events, the panel of a photograph, downloads."""
