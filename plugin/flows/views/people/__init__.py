"""What the staff's pages about people show: the list, one person's file, portraits."""
