"""What all surfaces share: sessions of the staff, signatures, limits, errors, uploads."""
