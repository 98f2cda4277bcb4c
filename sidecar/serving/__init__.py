"""The HTTP server around the app: one loop that reads and writes, and threads that only ever hold whole requests.

Waitress parses and sends. This package isolates senders from each other: surfaces with their own threads and memory,
bodies that are permitted before they are read, deadlines, and connections that are closed to make room.
"""
