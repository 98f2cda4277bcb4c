"""What the pages of invitations and forms show."""
