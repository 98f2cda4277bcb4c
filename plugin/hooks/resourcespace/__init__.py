"""A ResourceSpace server as the DAM: its API, with our plugin there or without it."""
