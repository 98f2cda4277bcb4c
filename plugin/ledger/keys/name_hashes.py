"""Names as keyed hashes: they can be recognised again, and name nobody without the key.

HMAC-SHA256 under a random key in a file beside the master key, outside the store and its backups. Each hash
begins with a few signs of its key, so that those made under a key that was lost can be told.
"""

import hashlib
import hmac
import secrets
import threading
from pathlib import Path

from plugin.errors import VaultError
from plugin.ledger.keys import private_files

_BYTES = 32
_SIGNS = 8


class NameHasher:
    """The key, read at the first use and made where there is none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._key = b""

    def hash(self, key: str) -> str:
        """The hash of a name's key (`node_key`). Raises VaultError: the file is open to others, or no key."""
        digest = hmac.new(self._secret(), key.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return f"{self.sign}:{digest.hexdigest()}"

    def number(self, key: str) -> int:
        """The hash as 64 bits with a sign, for an index of many; names that share one are told apart by a look.

        Raises VaultError, as `hash` does.
        """
        digest = hmac.new(self._secret(), b"word:" + key.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return int.from_bytes(digest.digest()[:8], signed=True)

    @property
    def sign(self) -> str:
        """What every hash under this key begins with."""
        return hashlib.sha256(b"key of names:" + self._secret()).hexdigest()[:_SIGNS]

    def make(self) -> bool:
        """Make the key where there is none; whether it was made now."""
        try:
            private_files.write_secret(
                self.path, secrets.token_bytes(_BYTES).hex().encode() + b"\n", fresh=True
            )
        except FileExistsError:
            return False
        return True

    def _secret(self) -> bytes:
        with self._lock:
            if not self._key:
                self._key = self._load()
            return self._key

    def _load(self) -> bytes:
        if not self.path.exists():
            self.make()
        try:
            private_files.refuse_open_to_others(self.path, VaultError)
            key = bytes.fromhex(self.path.read_text(encoding="ascii"))
        except (OSError, ValueError) as error:
            raise VaultError(
                f"keys.names_file: {self.path} cannot be read as a key: put the right file back, for without "
                "it no name that was taken off is recognised when it comes back"
            ) from error
        if len(key) != _BYTES:
            raise VaultError(f"keys.names_file: {self.path} holds no whole key: put the right file back")
        return key
