"""The confined process that looks at pictures, and the pipe to it."""
