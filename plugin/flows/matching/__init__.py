"""Who may be compared: the gallery, and the reference photographs that somebody vouched for."""
