"""What the staff's pages about one photograph show: who is on it, what may be done with it, and the picture."""
