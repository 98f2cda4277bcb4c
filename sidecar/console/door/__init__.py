"""Who comes in: signing in with an account of ours, proving oneself again, accounts and sessions."""
