"""`/console/invitations`: who was asked, many at once, and the code of a shoot."""
