"""Names as keyed hashes: recognisable again, and anonymous without the key.

HMAC-SHA256 under a random key in a file beside the master key, outside the store and its backups. Each hash starts with
an id of its key, so that hashes under a lost key can be told apart.
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
    """The key, loaded on first use and created if missing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._key = b""

    def hash(self, key: str) -> str:
        """The hash of a name's key (`node_key`). Raises VaultError: the file is readable by others, or invalid."""
        digest = hmac.new(self._secret(), key.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return f"{self.sign}:{digest.hexdigest()}"

    def number(self, key: str) -> int:
        """The hash as a signed 64-bit number, for a large index; collisions are resolved by a look.

        Raises VaultError, as `hash` does.
        """
        digest = hmac.new(self._secret(), b"word:" + key.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return int.from_bytes(digest.digest()[:8], signed=True)

    @property
    def sign(self) -> str:
        """The prefix of every hash under this key."""
        return hashlib.sha256(b"key of names:" + self._secret()).hexdigest()[:_SIGNS]

    def make(self) -> bool:
        """Create the key if missing; whether it was created now."""
        try:
            private_files.write_secret(self.path, secrets.token_bytes(_BYTES).hex().encode() + b"\n", fresh=True)
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
