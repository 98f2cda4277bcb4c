"""The visit by a link: its session, its row, and the protection of its forms."""
