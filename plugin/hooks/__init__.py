"""The DAM: events in, tags out; everything that knows a DAM."""
