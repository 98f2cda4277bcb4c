"""Runs walks through the folder of photographs, and keeps what one passes to the next."""

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from plugin.clock import Clock
from plugin.errors import DamError
from plugin.hooks import left_out
from plugin.hooks.files import file_system
from plugin.hooks.folder import tree
from plugin.hooks.folder.index import FolderIndex
from plugin.hooks.left_out import OUT_OF_REACH, LeftOut, LeftOutReason

_log = logging.getLogger(__name__)


class Walker:
    """Thread-safe: each walk replaces the findings of the last."""

    def __init__(self, root: Path, ignore: Sequence[str], index: FolderIndex, clock: Clock) -> None:
        self._root = root
        self._ignore = tuple(ignore)
        self._index = index
        self._clock = clock
        self._held = threading.local()
        self._sniffed: tree.SniffedFormats = {}
        self._left: tuple[LeftOut, ...] | None = None

    def scan(self) -> tree.Scan:
        """Walk now. Raises DamError where the root cannot be read, or seems unmounted."""
        found = tree.scan(self._root, self._ignore, self._sniffed, self._clock.now().timestamp())
        self.refuse_bare(found.bare)
        self._keep_held(found)
        self._sniffed = found.sniffed
        self._note(found.left_out)
        return found

    def seen(self) -> tree.Scan:
        """The current scan; inside `one_walk` the first one of the block."""
        if not getattr(self._held, "walks", 0):
            return self.scan()
        if self._held.found is None:
            self._held.found = self.scan()
        found: tree.Scan = self._held.found
        return found

    @contextmanager
    def one_walk(self) -> Iterator[None]:
        """This thread's calls in the block share one walk."""
        outer = getattr(self._held, "walks", 0)
        self._held.walks = outer + 1
        if not outer:
            self._held.found = None
        try:
            yield
        finally:
            self._held.walks = outer
            if not outer:
                self._held.found = None

    def reach(self) -> None:
        """Raises DamError where the root is missing, unreadable, or empty though it held photographs."""
        self.refuse_bare(file_system.is_empty(self._root))

    def _keep_held(self, found: tree.Scan) -> None:
        """Known files that the walk could not examine are not gone."""
        if found.held:
            held = frozenset(found.held)
            shut = {one.ref for one in found.left_out if one.why in OUT_OF_REACH}
            for ref, file in self._index.all().items():
                above = {ref, *tree.list_folders(ref)} & held
                if file.told and above:
                    found.entries.setdefault(ref, file.entry)
                    found.shut |= {ref} if above & shut else set()
            found.entries = dict(sorted(found.entries.items()))

    def refuse_bare(self, bare: bool) -> None:
        """Raises DamError for an empty folder that held photographs."""
        if bare and self._index.any_told():
            raise DamError(
                "the folder of photographs is empty, though it held some (is the share mounted? If it was emptied on "
                f"purpose, put any file into it): {self._root}"
            )

    def left_out(self) -> tuple[LeftOut, ...]:
        """What the last walk left out; walks if there was none."""
        if self._left is None:
            self.scan()
        return self._left or ()

    def note_unread(self, refs: Sequence[str]) -> None:
        """Add files that could not be read after the walk."""
        known = {one.ref for one in self._left or ()}
        self._note([*(self._left or ()), *(LeftOut(ref, LeftOutReason.UNREADABLE) for ref in refs if ref not in known)])

    def _note(self, found: Sequence[LeftOut]) -> None:
        if tuple(found) != self._left and found:
            kinds = ", ".join(f"{kind} {number}" for kind, number in left_out.count_by_kind(found).items())
            _log.warning("%d files and folders are left out (%s)", len(found), kinds)  # their names may be people's
        self._left = tuple(found)
