"""Names that stand in files and beside them: where they may, how they are read and written."""
