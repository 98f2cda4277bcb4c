"""Names in files and beside them: where they are, how they are read and written."""
