"""What the store keeps of a secret that somebody bears: enough to know it again, not to have it."""

from hashlib import sha256


def digest(token: str) -> str:
    """SHA-256 in hex. Whoever guesses has 256 bits to go through, so that no slow hash is needed."""
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
