"""One photograph looked at: which faces, how good, whether everything was seen."""
