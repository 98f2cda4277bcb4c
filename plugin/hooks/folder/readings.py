"""The contents of a folder's files, read only where a file looks different from the last read."""

from dataclasses import replace
from pathlib import Path

from plugin.errors import DamError, ResourceGone, Unreadable
from plugin.hooks.files import file_version
from plugin.hooks.folder import tree
from plugin.hooks.folder.index import FolderIndex, KnownFile
from plugin.hooks.folder.tree import FileEntry
from plugin.hooks.names_in_files.companions import Listings


class Readings:
    """Versions of the files in one folder: from the index, and here until a change is acknowledged."""

    def __init__(self, root: Path, index: FolderIndex) -> None:
        self._root = root
        self._index = index
        self._fresh: dict[str, KnownFile] = {}

    def of(self, entry: FileEntry) -> KnownFile:
        """The version of a file with this stat. Raises DamError, ResourceGone."""
        for known in (self._index.get(entry.ref), self._fresh.get(entry.ref)):
            if known is not None and entry.stands_as(known.entry):
                return known
        return self.read(entry)

    def of_read(self, entry: FileEntry, unread: str | None) -> KnownFile:
        """The same; for a file that cannot be opened a new version: what was known no longer holds."""
        try:
            return self.of(entry)
        except ResourceGone:
            raise
        except DamError:
            if unread is None:
                raise
            return KnownFile(entry, f"unread-{entry.size}-{entry.mtime_ns}")

    def last(self, ref: str) -> KnownFile:
        """The last known version of an unreachable photograph. Raises Unreadable."""
        known = self._index.get(ref)
        if known is None or not known.told:
            raise Unreadable(f"{ref} cannot be read, and nothing is known of it: give FaceLease's account access")
        return known

    def read(self, entry: FileEntry) -> KnownFile:
        """Read the file. Raises DamError, ResourceGone."""
        version, further = file_version.read_versions(tree.locate(self._root, entry.ref))
        known = self._fresh[entry.ref] = KnownFile(entry, version, further=further)
        return known

    def read_anew(self, ref: str) -> None:
        """Read it even if it looks unchanged: a change that nothing else shows is noted, others are reported later."""
        entry = tree.read_entry(self._root, ref, Listings())
        if entry.kind != "photo":
            return  # a film is long, and is not examined
        now, noted = self.read(entry), self._index.get(ref)
        if noted is not None and entry.stands_as(noted.entry):
            self._index.note([replace(noted, version=now.version, further=now.further)])

    def forget(self, ref: str) -> None:
        """The index has it now."""
        self._fresh.pop(ref, None)
