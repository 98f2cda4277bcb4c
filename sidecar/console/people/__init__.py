"""The staff's pages about people, their faces and their names."""
