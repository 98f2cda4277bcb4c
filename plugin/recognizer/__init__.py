"""Faces: pixels in, boxes and decisions out. Nothing here knows a person; a gallery key is opaque."""
