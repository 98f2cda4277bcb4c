"""Signing by a link: invitations, the form, keys and lost links."""
