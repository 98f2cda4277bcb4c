"""The HTTP server around the app: one loop that reads and writes, and threads that only ever hold whole requests.

Waitress parses and sends; here is what keeps one sender from taking what others need: surfaces with threads and
memory of their own, bodies that are permitted before they are read, deadlines, and connections that give way.
"""
