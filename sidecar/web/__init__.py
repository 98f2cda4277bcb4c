"""What all surfaces share: sign-in of the staff, signed requests, rate limits, error responses, uploads."""
