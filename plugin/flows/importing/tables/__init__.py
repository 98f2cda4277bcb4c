"""Tables of others, read so that what nobody can see in them is no consent."""
