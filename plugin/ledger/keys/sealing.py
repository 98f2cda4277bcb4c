"""AES-256-GCM, bound to its purpose: a body moved elsewhere does not open.

The layout of every sealed body and wrapped key: 12 random bytes of nonce, the ciphertext, 16 bytes of tag (NIST SP
800-38D). The associated data are a JSON list, so that fields cannot run into each other.
"""

import json
import os
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from plugin.errors import VaultError

_NONCE = 12
_TAG = 16


class Bond(NamedTuple):
    """The associated data of a sealed item."""

    id: str
    person_id: str
    purpose: str
    kind: str
    subject: str | None
    engine: str
    version: int


def seal(key: bytes, data: bytes, bond: Bond) -> bytes:
    """Encrypt `data` under a person's `key` for `bond`."""
    return _encrypt(key, data, ["facelease-sealed", *bond])


def unseal(key: bytes, body: bytes, bond: Bond) -> bytes:
    """Decrypt; raises VaultError unless body, key and bond are the same."""
    return _decrypt(key, body, ["facelease-sealed", *bond], f"sealed item {bond.id}")


def wrap(master: bytes, key: bytes, person_id: str, purpose: str, version: int) -> bytes:
    """Encrypt a person's `key` under `version` of the master key."""
    return _encrypt(master, key, ["facelease-key", person_id, purpose, version])


def unwrap(master: bytes, wrapped: bytes, person_id: str, purpose: str, version: int) -> bytes:
    """Decrypt a wrapped key; raises VaultError unless everything is the same."""
    parts = ["facelease-key", person_id, purpose, version]
    return _decrypt(master, wrapped, parts, f"the {purpose} key of person {person_id}")


def _encrypt(key: bytes, data: bytes, parts: list[object]) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, data, json.dumps(parts).encode())


def _decrypt(key: bytes, body: bytes, parts: list[object], what: str) -> bytes:
    if len(body) < _NONCE + _TAG:
        raise VaultError(f"{what} is cut short")
    try:
        return AESGCM(key).decrypt(body[:_NONCE], body[_NONCE:], json.dumps(parts).encode())
    except InvalidTag:
        raise VaultError(f"{what} does not open: changed, moved, or not of this master key") from None
