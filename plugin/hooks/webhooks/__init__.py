"""What a DAM tells us over HTTP, signed."""
