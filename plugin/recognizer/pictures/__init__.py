"""From bytes to pixels: decoding, its cost, orientation, and what else lies in a file."""
