"""Examines one photograph: its faces, their quality, and whether everything was seen."""
