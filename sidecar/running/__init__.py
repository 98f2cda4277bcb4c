"""A process of ours: opened, looped, watched, logged and stopped."""
