"""Recognises restored files: states in which a name was ours.

One hash a file and name, over the file's bytes with the name. Without the file, which contains the name itself, it
identifies nobody, so it may outlive an erasure.
"""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Select, insert, select, update

from plugin.hooks.dam import Named, node_key
from plugin.hooks.files import regular_files, xmp_file_paths
from plugin.hooks.files.atomic_replace import explain_os_errors
from plugin.hooks.names_in_files import unreadable_files
from plugin.hooks.names_in_files.companions import Listings
from plugin.ledger.keys.name_hashes import NameHasher
from plugin.ledger.store.store import Store
from plugin.ledger.tables import folder_file, folder_state, taken_off

_BESIDE = frozenset({"xmp", "region"})
_CHUNK = 500


@dataclass(frozen=True)
class FileState:
    """The digests of a photograph and its sidecars."""

    photo: bytes
    beside: tuple[bytes, ...]

    def marks(self, key: str) -> list[str]:
        """One mark a file, for a name's key."""
        return [_hash_mark(digest, key) for digest in (self.photo, *self.beside)]


class KnownStates:
    """The table folder_state."""

    def __init__(self, store: Store, hasher: NameHasher | None = None) -> None:
        self._store = store
        self._hasher = hasher

    def keep(self, state: FileState, nodes: Iterable[str]) -> None:
        """Record that these names are ours in the files as they are."""
        marks = {mark for node in nodes for mark in state.marks(node_key(node))}
        fresh = marks - self._find_known(marks)
        if fresh:
            with self._store.write() as tx:
                fresh -= set(tx.connection.scalars(_select_known(sorted(fresh))))
                for mark in sorted(fresh):
                    tx.execute(insert(folder_state).values(mark=mark, seen_at=tx.now))

    def restored(self, state: FileState, named: Named) -> frozenset[str]:
        """The places of the name in files that are in a state in which it was ours.

        If any sidecar is in another state, nobody can say which one contains the name.
        """
        key = node_key(named.node)
        known = self._find_known(state.marks(key))
        inside = _hash_mark(state.photo, key) in known
        beside = bool(state.beside) and all(_hash_mark(digest, key) in known for digest in state.beside)
        return frozenset(p for p in named.places if (beside if p in _BESIDE else inside))

    def of_keywords(self, photo: Path, keys: Collection[str]) -> set[str]:
        """Those keywords (by key) that are names we removed and that returned with the file.

        Nothing else may know that the word is a name: the person may be erased.
        """
        if self._hasher is None:
            return set()
        macs = {self._hasher.hash(key): key for key in keys}
        query = select(taken_off.c.name_mac).where(taken_off.c.name_mac.in_(sorted(macs))).distinct()
        with self._store.read() as connection:
            words = {macs[mac] for mac in connection.scalars(query)}
        if not words:
            return set()
        with explain_os_errors(photo):
            digest = _hash_file(photo)
        known = self._find_known({_hash_mark(digest, key) for key in words})
        return {key for key in words if _hash_mark(digest, key) in known}

    def kept(self, ref: str) -> bool:
        """Whether the file's state was kept since its last change."""
        with self._store.read() as connection:
            return bool(connection.scalar(select(folder_file.c.kept).where(folder_file.c.ref == ref)))

    def note_kept(self, ref: str) -> None:
        with self._store.write() as tx:
            tx.execute(update(folder_file).where(folder_file.c.ref == ref).values(kept=True))

    def _find_known(self, marks: Collection[str]) -> set[str]:
        found: set[str] = set()
        ordered = sorted(marks)
        with self._store.read() as connection:
            for start in range(0, len(ordered), _CHUNK):
                found |= set(connection.scalars(_select_known(ordered[start : start + _CHUNK])))
        return found


def read_state(photo: Path, listings: Listings) -> FileState | None:
    """The state of a photograph and its sidecars; None where one cannot be read. Raises DamError, ResourceGone."""
    with explain_os_errors(photo):
        listing = listings.of(photo.parent).names
        beside = [photo.with_name(name) for name in xmp_file_paths.list_sidecars(photo.name, listing)]
        if any(unreadable_files.read_contents(path) is None for path in beside):
            return None
        return FileState(_hash_file(photo), tuple(_hash_file(path) for path in beside))


def _hash_file(path: Path) -> bytes:
    return regular_files.digest(path).digest()


def _hash_mark(digest: bytes, key: str) -> str:
    return hashlib.sha256(digest + key.encode("utf-8", "surrogatepass")).hexdigest()


def _select_known(marks: Sequence[str]) -> Select[tuple[str]]:
    return select(folder_state.c.mark).where(folder_state.c.mark.in_(marks))
