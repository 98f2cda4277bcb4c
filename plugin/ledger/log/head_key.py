"""The key that signs heads of the audit log and manifests of backups (Ed25519, RFC 8032).

It lies beside the master key and survives its rotations. After a replacement its public key stays listed, so that old
signatures can be verified.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from plugin.errors import VaultError
from plugin.ledger.keys import private_files


@dataclass(frozen=True)
class FormerKey:
    """A public key, in base64, that signed until it was replaced."""

    public: str
    until: str


class HeadKey:
    """The signing key in its file, with former public keys. Made by `create` or `load`."""

    def __init__(self, path: Path, private: Ed25519PrivateKey, former: tuple[FormerKey, ...]) -> None:
        self.path = path
        self._private = private
        self.former = former

    @classmethod
    def create(cls, path: Path) -> "HeadKey":
        """A new key in a new file. Raises VaultError where the file exists."""
        try:
            private_files.write_secret(path, _dump(Ed25519PrivateKey.generate(), ()), fresh=True)
        except FileExistsError as error:
            raise VaultError(f"{path} exists: another key would sign what nobody can hold it against") from error
        return cls.load(path)

    @classmethod
    def load(cls, path: Path) -> "HeadKey":
        """The key in `path`. Raises VaultError: missing, readable by others, or invalid."""
        try:
            private_files.refuse_open_to_others(path, VaultError)
            tree = json.loads(path.read_text(encoding="ascii"))
            private = Ed25519PrivateKey.from_private_bytes(b64decode(tree["private"], validate=True))
            former = tuple(FormerKey(str(one["public"]), str(one["until"])) for one in tree["former"])
        except FileNotFoundError as error:
            raise VaultError(
                f"keys.heads_key_file: there is no key at {path}: put back the one that "
                "there was, for nothing else goes on from the heads that are known; where it is lost, "
                "`facelease keys heads --lost REASON` begins anew"
            ) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise VaultError(f"keys.heads_key_file: {path} holds no whole key: put the right file back") from error
        return cls(path, private, former)

    @property
    def public(self) -> str:
        """The public key, 32 bytes in base64, for the officer to write down."""
        return _export_public(self._private)

    @property
    def known(self) -> tuple[str, ...]:
        """The public keys whose signatures are ours: the current one, then former ones."""
        return (self.public, *(one.public for one in reversed(self.former)))

    def sign(self, data: bytes) -> str:
        """The signature of `data`, 64 bytes in base64."""
        return b64encode(self._private.sign(data)).decode()

    def knowing(self, public: str, now: datetime) -> "HeadKey":
        """The same key with another public key listed as former: it was written down, and its private key lost."""
        if public in self.known:
            return self
        former = (FormerKey(public, now.isoformat()), *self.former)
        private_files.write_secret(self.path, _dump(self._private, former))
        return HeadKey.load(self.path)

    def replaced(self, now: datetime, announce: Callable[["HeadKey", str], None]) -> "HeadKey":
        """A new key in this file, with this public key listed. The old private key is destroyed.

        `announce` gets this key and the new public one first: what it signs introduces the new one.
        """
        private = Ed25519PrivateKey.generate()
        announce(self, _export_public(private))
        private_files.write_secret(self.path, _dump(private, (*self.former, FormerKey(self.public, now.isoformat()))))
        return HeadKey.load(self.path)


def is_signed_by(public: str, data: bytes, signature: str) -> bool:
    """Whether `signature` of `data` is valid under the public key; False for malformed input."""
    try:
        key = Ed25519PublicKey.from_public_bytes(b64decode(public, validate=True))
        key.verify(b64decode(signature, validate=True), data)
    except (InvalidSignature, ValueError):
        return False
    return True


def _export_public(private: Ed25519PrivateKey) -> str:
    raw, form = serialization.Encoding.Raw, serialization.PublicFormat.Raw
    return b64encode(private.public_key().public_bytes(raw, form)).decode()


def _dump(private: Ed25519PrivateKey, former: tuple[FormerKey, ...]) -> bytes:
    secret = b64encode(private.private_bytes_raw()).decode()
    listed = [{"public": one.public, "until": one.until} for one in former]
    tree = {"public": _export_public(private), "private": secret, "former": listed}
    return json.dumps(tree, indent=1).encode() + b"\n"
