"""Passwords of our own accounts, as argon2id (RFC 9106, its second recommended choice: 64 MiB, three passes)."""

import threading
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from plugin.errors import PasswordRefused

SHORTEST, LONGEST = 12, 200
_FEWEST_SIGNS = 6
_HASHER = PasswordHasher()
_AT_ONCE = threading.BoundedSemaphore(2)
"""Each takes 64 MiB for a moment: more at once would only be slower, and take the memory of others."""

_NOBODYS = _HASHER.hash("nobody has this password")
"""Against this the password of an account is verified that does not exist: it must take as long."""


def check(typed: str, name: str) -> None:
    """Raises PasswordRefused for a password that is easy to guess."""
    plain = _normalise(typed)
    if len(plain) < SHORTEST:
        raise PasswordRefused("short")
    if len(plain) > LONGEST:
        raise PasswordRefused("long")
    if len(set(plain.casefold())) < _FEWEST_SIGNS:
        raise PasswordRefused("plain")
    if name.casefold() in plain.casefold() and len(plain) - len(name) < SHORTEST:
        raise PasswordRefused("name")


def make_hash(typed: str) -> str:
    """What the store keeps of a password."""
    with _AT_ONCE:
        return _HASHER.hash(_normalise(typed))


def verify(kept: str | None, typed: str) -> bool:
    """Whether this is the password; for an account without one, or none at all, False after the same work."""
    with _AT_ONCE:
        try:
            fits = _HASHER.verify(kept or _NOBODYS, _normalise(typed)[: LONGEST + 1])
        except (Argon2Error, InvalidHashError):
            return False
    return fits and kept is not None


def _normalise(typed: str) -> str:
    """The same password from any keyboard (NIST SP 800-63B, 5.1.1.2)."""
    return unicodedata.normalize("NFKC", typed)
