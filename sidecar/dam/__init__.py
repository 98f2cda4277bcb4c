"""What the DAM asks of us over HTTP: events, the panel of a photograph, downloads."""
