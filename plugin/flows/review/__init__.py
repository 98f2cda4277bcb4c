"""Decisions by people: about faces, names that stay, and photographs that are delivered."""
