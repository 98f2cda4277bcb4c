"""What the files of a folder hold, read only where they look other than when they were read last."""

from dataclasses import replace
from pathlib import Path

from plugin.errors import DamError, ResourceGone, Unreadable
from plugin.hooks.files import file_contents
from plugin.hooks.folder import tree
from plugin.hooks.folder.index import FolderIndex, KnownFile
from plugin.hooks.folder.tree import FileEntry
from plugin.hooks.names_in_files.companions import Listings


class Readings:
    """What was read of the files of one folder: noted in the index, and here until their change was acknowledged."""

    def __init__(self, root: Path, index: FolderIndex) -> None:
        self._root = root
        self._index = index
        self._fresh: dict[str, KnownFile] = {}

    def of(self, entry: FileEntry) -> KnownFile:
        """What the file holds that looks so. Raises DamError, ResourceGone."""
        for known in (self._index.get(entry.ref), self._fresh.get(entry.ref)):
            if known is not None and entry.stands_as(known.entry):
                return known
        return self.read(entry)

    def of_read(self, entry: FileEntry, unread: str | None) -> KnownFile:
        """The same; of a file that cannot be opened a version that it never had: what is known of it holds no more."""
        try:
            return self.of(entry)
        except ResourceGone:
            raise
        except DamError:
            if unread is None:
                raise
            return KnownFile(entry, f"unread-{entry.size}-{entry.mtime_ns}")

    def last(self, ref: str) -> KnownFile:
        """What was known of a photograph that cannot be reached now. Raises Unreadable."""
        known = self._index.get(ref)
        if known is None or not known.told:
            raise Unreadable(
                f"{ref} cannot be read, and nothing is known of it: give FaceLease's account access"
            )
        return known

    def read(self, entry: FileEntry) -> KnownFile:
        """Read the file. Raises DamError, ResourceGone."""
        version, further = file_contents.read_versions(tree.locate(self._root, entry.ref))
        known = self._fresh[entry.ref] = KnownFile(entry, version, further=further)
        return known

    def read_anew(self, ref: str) -> None:
        """Read it whatever it looks like; a change that shows in nothing else is noted, one that does is told later."""
        entry = tree.read_entry(self._root, ref, Listings())
        if entry.kind != "photo":
            return  # a film is long, and nobody examines it
        now, noted = self.read(entry), self._index.get(ref)
        if noted is not None and entry.stands_as(noted.entry):
            self._index.note([replace(noted, version=now.version, further=now.further)])

    def forget(self, ref: str) -> None:
        """The index has it now."""
        self._fresh.pop(ref, None)
