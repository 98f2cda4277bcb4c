"""A person decides: about faces, names that stay, and photographs that go out."""
