"""What the folder DAM remembers of each file, so that it notices changes without reading every file."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from sqlalchemy import Connection, Row, delete, insert, select, update

from plugin.hooks.folder.tree import FileEntry
from plugin.hooks.names_in_files.xmp_file_edit import SidecarMemory
from plugin.ledger.store.store import Store
from plugin.ledger.tables import folder_file, person

_UNTOLD = -1  # the size of a file that we wrote to before its arrival was acknowledged
_CHUNK = 200


@dataclass(frozen=True)
class KnownFile:
    """A file as last acknowledged, and what of its sidecar is ours."""

    entry: FileEntry
    version: str
    memory: SidecarMemory = field(default_factory=SidecarMemory)
    further: str | None = None  # of what else the file shows; None where nobody noted it

    @property
    def told(self) -> bool:
        """Whether its arrival was acknowledged."""
        return self.entry.size != _UNTOLD


class FolderIndex:
    """The table folder_file."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self) -> dict[str, KnownFile]:
        """Every file by its ref."""
        with self._store.read() as connection:
            return {row.ref: _build_known_file(row) for row in connection.execute(select(folder_file))}

    def any_told(self) -> bool:
        """Whether the arrival of any file was acknowledged."""
        with self._store.read() as connection:
            told = select(folder_file.c.ref).where(folder_file.c.size != _UNTOLD)
            return connection.execute(told.limit(1)).first() is not None

    def get(self, ref: str) -> KnownFile | None:
        """One file; None if unknown."""
        with self._store.read() as connection:
            return _find_file(connection, ref)

    def put(self, files: Sequence[KnownFile], gone: Iterable[str] = ()) -> None:
        """Store `files` and delete those of `gone`, in small transactions that do not block others.

        Stores first: after a crash in between a file is reported twice, none is lost.
        """
        known = {file.entry.ref for file in files}
        for start in range(0, len(files), _CHUNK):
            some = files[start : start + _CHUNK]
            with self._store.write() as tx:
                tx.execute(delete(folder_file).where(folder_file.c.ref.in_([file.entry.ref for file in some])))
                tx.execute(insert(folder_file), [_build_values(file) for file in some])
        for chunk in _split(ref for ref in gone if ref not in known):
            with self._store.write() as tx:
                tx.execute(delete(folder_file).where(folder_file.c.ref.in_(chunk)))

    def note(self, files: Sequence[KnownFile]) -> None:
        """Update stat and version of known files; what of them is ours stays."""
        for start in range(0, len(files), _CHUNK):
            with self._store.write() as tx:
                for file in files[start : start + _CHUNK]:
                    entry = file.entry
                    found = {"size": entry.size, "mtime_ns": entry.mtime_ns, "ctime_ns": entry.ctime_ns}
                    mine = update(folder_file).where(folder_file.c.ref == entry.ref)
                    tx.execute(mine.values(**found, file_version=file.version, further=file.further))

    def remember(self, ref: str, memory: SidecarMemory) -> None:
        """Store what will be ours before a file is written, so that it is known after a crash."""
        known = self.get(ref) or KnownFile(FileEntry(ref, _UNTOLD, 0, None), "")
        if known.memory != memory:
            self.put([replace(known, memory=memory)])

    def people(self) -> frozenset[str]:
        """The name keys of all people in the ledger: keywords that are names."""
        with self._store.read() as connection:
            return frozenset(connection.scalars(select(person.c.name_key)))


def _find_file(connection: Connection, ref: str) -> KnownFile | None:
    row = connection.execute(select(folder_file).where(folder_file.c.ref == ref)).first()
    return None if row is None else _build_known_file(row)


def _build_known_file(row: "Row[tuple[object, ...]]") -> KnownFile:
    entry = FileEntry(row.ref, row.size, row.mtime_ns, row.sidecar_mtime_ns, ctime_ns=row.ctime_ns)
    memory = SidecarMemory(frozenset((row.release_ours or "").split()), row.sidecar_ours)
    return KnownFile(entry, row.file_version, memory, row.further)


def _build_values(file: KnownFile) -> dict[str, object]:
    entry, memory = file.entry, file.memory
    times = {"mtime_ns": entry.mtime_ns, "sidecar_mtime_ns": entry.sidecar_mtime_ns, "ctime_ns": entry.ctime_ns}
    ours = {"release_ours": " ".join(sorted(memory.release)) or None, "sidecar_ours": memory.made}
    return {"ref": entry.ref, "size": entry.size, "file_version": file.version, "further": file.further} | times | ours


def _split(refs: Iterable[str]) -> Iterator[list[str]]:
    left = iter(refs)
    while chunk := list(islice(left, _CHUNK)):
        yield chunk
