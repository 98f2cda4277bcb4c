"""Networks as files: found in packages, verified, converted, and opened."""
