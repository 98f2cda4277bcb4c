"""The two signed files of a backup: manifest and wrapped keys. The signed content includes the name."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from plugin.errors import StoreError
from plugin.ledger.keys import private_files
from plugin.ledger.log.endings import Mark
from plugin.ledger.log.head_key import HeadKey, is_signed_by
from plugin.ledger.store.audit import Head, canonical_json

FORMAT = 2
MANIFEST, KEYS = "manifest", "keys"


@dataclass(frozen=True)
class SignedPart:
    """A part as read: the public key that signed it, its time, and its content."""

    path: Path
    name: str
    key: str
    made: datetime
    tree: Mapping[str, Any]


@dataclass(frozen=True)
class Manifest:
    """`store`: the SHA-256 of the copy of the store; `ended`: the mark of ended.log; `last`: the log's last row."""

    revision: str
    rows: int
    store: str
    ended: Mark
    last: Head


@dataclass(frozen=True)
class WrappedKey:
    """A wrapped key; for the house's own `person_id` is house_key.NOBODY."""

    person_id: str
    purpose: str
    master_version: int
    wrapped: bytes
    created_at: datetime


def build_path(folder: Path, part: str, name: str) -> Path:
    """The file of a part of the backup `name`."""
    return folder / f"{part}-{name}.json"


def write_part(path: Path, part: str, name: str, made: datetime, key: HeadKey, content: Mapping[str, object]) -> None:
    """Sign a part's content and write it to a new file."""
    body = {"format": FORMAT, "name": name, "made": made.isoformat(), "key": key.public, **content}
    signature = key.sign(_prefix(part) + canonical_json(body))
    data = json.dumps(body | {"signature": signature}, indent=1 if part == MANIFEST else None)
    private_files.write_secret(path, data.encode() + b"\n", fresh=True)


def read_part(folder: Path, part: str, name: str) -> SignedPart:
    """A complete part, signed by the key that it names, with the name of its file.

    The caller decides whether that key is ours. Raises StoreError.
    """
    path = build_path(folder, part, name)
    try:
        tree = json.loads(path.read_text("utf-8"))
        if tree["format"] != FORMAT:
            raise StoreError(_explain_format(path, tree["format"]))
        signature = str(tree.pop("signature", ""))
        signed = SignedPart(path, str(tree["name"]), str(tree["key"]), datetime.fromisoformat(tree["made"]), tree)
        genuine = is_signed_by(signed.key, _prefix(part) + canonical_json(tree), signature)
    except FileNotFoundError as error:
        raise StoreError(f"the backup {name} is not whole: {path} is missing") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StoreError(f"{path} is damaged, or not signed: {_REMEDIES[part]}") from error
    if not genuine:
        raise StoreError(f"{path} is not what was signed: it was changed or damaged; {_REMEDIES[part]}")
    if signed.name != name:
        raise StoreError(f"{path} was renamed: it is of {signed.name}; give it its own name back")
    return signed


_REMEDIES = {
    MANIFEST: "use another backup",
    KEYS: "put the newest genuine file of keys into the folder in its place, from where half A is kept",
}


def parse_manifest(signed: SignedPart) -> Manifest:
    """A manifest's content. Raises StoreError."""
    tree = signed.tree
    try:
        (lines, value), (seq, last) = tree["ended"][:2], tree["last"][:2]
        mark, head = Mark(int(lines), str(value)), Head(int(seq), str(last))
        return Manifest(str(tree["revision"]), int(tree["rows"]), str(tree["store"]), mark, head)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise StoreError(f"{signed.path} is damaged: {_REMEDIES[MANIFEST]}") from error


def parse_wrapped_keys(signed: SignedPart) -> list[WrappedKey]:
    """The keys in a file of wrapped keys, including the house's own. Raises StoreError."""
    try:
        return [
            WrappedKey(str(who), str(what), int(version), base64.b64decode(wrapped), datetime.fromisoformat(at))
            for who, what, version, wrapped, at in signed.tree["keys"]
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{signed.path} is damaged: {_REMEDIES[KEYS]}") from error


def _prefix(part: str) -> bytes:
    return f"facelease {part}\n".encode()


def _explain_format(path: Path, version: object) -> str:
    return (
        f"{path} is of format {version}, this version reads {FORMAT}: restore it with the version of FaceLease that "
        "made it, migrate that store, and make a backup with this version"
    )
