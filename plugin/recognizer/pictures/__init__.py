"""From bytes to pixels: decoding, its cost, orientation, and other pictures in a file."""
