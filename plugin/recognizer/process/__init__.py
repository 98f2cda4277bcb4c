"""The confined process that examines pictures, and the pipe to it."""
