"""`facelease demo`: the whole story on sample photographs."""
