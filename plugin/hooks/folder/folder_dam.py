"""A folder of photographs as a DAM: sub-folders are collections, paths are refs, names are in the files."""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from plugin.clock import Clock
from plugin.config import Config
from plugin.confinement import environment
from plugin.errors import DamError, ResourceGone, Unreadable
from plugin.hooks.change import Change
from plugin.hooks.concern import Concern
from plugin.hooks.dam import Collection, Named, Names, Picture, Resource, Task, Write, for_each_ref, node_key
from plugin.hooks.files import file_kinds, file_system
from plugin.hooks.files.atomic_replace import Drafts, explain_os_errors
from plugin.hooks.files.exiftool import ExifTool
from plugin.hooks.files.file_version import load_picture
from plugin.hooks.files.xmp_file_paths import SidecarStyle
from plugin.hooks.folder import folder_marks, folder_mentions, known_states, stray_files, tree
from plugin.hooks.folder.changes import FoundChange, build_known_file, find_changes, find_touched, report_again
from plugin.hooks.folder.folder_names import list_name_keys, refuse_unread
from plugin.hooks.folder.index import FolderIndex
from plugin.hooks.folder.known_states import KnownStates
from plugin.hooks.folder.readings import Readings
from plugin.hooks.folder.walker import Walker
from plugin.hooks.left_out import LeftOut
from plugin.hooks.mention import CertificateLine, Mentions
from plugin.hooks.name_search import SoughtName
from plugin.hooks.names_in_files import companions
from plugin.hooks.names_in_files.companions import Listings
from plugin.hooks.names_in_files.name_writing import NamesInFiles
from plugin.hooks.names_in_files.unreadable_files import Unread
from plugin.hooks.names_in_files.xmp_file_edit import SidecarMemory
from plugin.ledger.keys.name_hashes import NameHasher
from plugin.ledger.store.store import Store

_log = logging.getLogger(__name__)


class FolderDam:
    """Dam and NamedCollections for a directory tree. Thread-safe; writes are serialised."""

    keeps: tuple[CertificateLine, ...] = ()
    at_once = 1
    title = "a folder"

    def __init__(
        self,
        store: Store,
        root: Path,
        clock: Clock,
        style: SidecarStyle = "full",
        ignore: Sequence[str] = (".*", "@eaDir", "Thumbs.db", "*.xmp", "*.tmp"),
        tool: ExifTool | None = None,
        hasher: NameHasher | None = None,
        categories: Sequence[str] = (),
    ) -> None:
        self._root = file_system.resolve_root(root.expanduser())
        self._clock = clock
        self._ignore = tuple(ignore)
        self._index = FolderIndex(store)
        self._walker = Walker(self._root, ignore, self._index, clock)
        self._states = KnownStates(store, hasher)
        self._files = NamesInFiles(tool, style, self._states.of_keywords, categories)
        if tool is not None:
            tool.open_to(self._root)
        self._tool = tool
        self._lock = threading.RLock()
        self._findings: dict[str, FoundChange] = {}
        self._shut: set[str] = set()  # photographs reported as unreadable
        self._shut_now: set[str] = set()
        self._readings = Readings(self._root, self._index)
        self.places = self._files.places
        if self._files.limits:
            _log.warning("%s", "; ".join(self._files.limits))

    @classmethod
    def from_config(cls, store: Store, config: Config, clock: Clock) -> "FolderDam":
        """The configured folder, with ExifTool if it is installed."""
        folder = config.folder
        hasher = NameHasher(config.path(config.keys.names_file))
        tool = ExifTool.find()
        style, categories = folder.sidecar_name, folder.people_categories
        dam = cls(store, config.path(folder.path), clock, style, folder.ignore, tool, hasher, categories)
        file_system.refuse_private(dam._root, (*config.private, *environment.list_program_folders()))
        return dam

    @property
    def limits(self) -> tuple[str, ...]:
        """What this installation cannot do, one line each."""
        return (*self._files.limits, *file_system.list_limits(self._root))

    def close(self) -> None:
        """Stop ExifTool."""
        self._files.close()

    def collections(self) -> Sequence[Collection]:
        """Every folder, with the number of photographs directly in it."""
        scan = self._walker.seen()
        counts = Counter(dict.fromkeys(scan.folders, 0))
        counts.update(tree.list_folders(ref)[0] for ref in scan.entries)
        return [Collection(ref, Path(ref).name or self._root.name, count) for ref, count in counts.items()]

    def changes(self) -> Sequence[Change]:
        """The changes since the last acknowledgement. Raises DamError where the folder seems unmounted."""
        scan = self._walker.seen()
        known, now = self._index.all(), self._clock.now()
        stray_files.delete_stale_drafts(scan.leftovers, now)
        same = find_touched(scan.entries, known, self._readings.of)
        self._index.note([file for file in same if file != known[file.entry.ref]])
        entries = scan.entries | {file.entry.ref: file.entry for file in same}
        known |= {file.entry.ref: file for file in same}
        findings, unread = find_changes(self._root, entries, known, now, self._readings.of, scan.arriving)
        self._walker.note_unread(unread)
        with self._lock:
            self._findings = {finding.change.ref: finding for finding in findings}
            self._shut_now = {ref for ref in [*scan.shut, *unread] if ref in known and known[ref].told}
            turned = (self._shut_now ^ self._shut) & known.keys() - self._findings.keys()
            self._findings |= {ref: report_again(known[ref]) for ref in turned}
            return [finding.change for finding in self._findings.values()]

    def acknowledge(self, changes: Sequence[Change]) -> None:
        """Remember the files as they were when these changes were reported.

        Changes reported by another object, or before a restart, are reported again.
        """
        with self._lock:
            told = [f for c in changes if (f := self._findings.get(c.ref)) is not None and f.change == c]
            before = self._index.all()
            gone = {ref for f in told for ref in (f.change.old_ref, f.change.ref) if ref is not None}
            self._index.put([build_known_file(f, before) for f in told if f.entry is not None], gone)
            for finding in told:
                ref = finding.change.ref
                del self._findings[ref]
                self._readings.forget(ref)
                self._shut = (self._shut - {ref}) | ({ref} & self._shut_now)
                stray_files.move_own_sidecars(self._root, finding.change, before, self._tool)

    def left_out(self) -> Sequence[LeftOut]:
        """What the last walk of this process left out."""
        return self._walker.left_out()

    def reach(self) -> None:
        """Reads the first entry of the root."""
        self._walker.reach()

    def one_walk(self) -> AbstractContextManager[None]:
        """All calls in the block share one walk of the tree."""
        return self._walker.one_walk()

    def refs(self, *collections: str) -> Iterator[str]:
        """Every photograph, or those in and below these folders, by name."""
        return tree.filter_within(self._walker.seen().entries, frozenset(collections))

    def look(self, ref: str) -> Resource:
        return self._look(ref, self._index.people())

    def _look(self, ref: str, known: frozenset[str]) -> Resource:
        listings, path = Listings(), self._root / ref
        try:
            entry = tree.read_entry(self._root, ref, listings)
        except Unreadable:
            return self._last_known(ref)
        for reading in self._files.read([path], known, listings):
            content = self._readings.of_read(entry, reading.unread)
            with explain_os_errors(path):
                changed = companions.find_changed_ns(path, listings.of(path.parent))
            said = list_name_keys(reading)
            lacks = reading.unread or (Unread.PHOTO if said is None else None)
            at, above = datetime.fromtimestamp(changed / 1e9, UTC), tree.list_folders(ref)
            found = Resource(ref, content.version, above, reading.names, entry.kind, changed_at=at)
            return replace(found, unread=lacks, further=content.further, words=said)
        raise ResourceGone(f"{ref} is no longer in the folder")

    def _last_known(self, ref: str) -> Resource:
        """The last known state of an unreachable photograph, without names. Raises Unreadable."""
        known = self._readings.last(ref)
        kind = replace(known.entry, format=file_kinds.guess_by_ending(ref)).kind
        above = tree.list_folders(ref)
        return Resource(ref, known.version, above, (), kind, unread=Unread.PHOTO, further=known.further)

    def read_anew(self, ref: str) -> None:
        """Read the file even if size and times are unchanged, and remember the result."""
        with self._lock:
            self._readings.read_anew(ref)

    def picture(self, ref: str) -> Picture:
        """The file itself: there is no smaller one."""
        entry = tree.read_entry(self._root, ref)  # of its sidecars nothing is asked
        return Picture(self._readings.of(entry).version, path=self._root / ref)

    def preview(self, ref: str) -> Picture:
        """The same, already in memory: showing it does not wait for the file."""
        return load_picture(self.picture(ref))

    def write(self, ref: str, writes: Sequence[Write], released: bool | None) -> Resource:
        """Apply `writes` to the file and its sidecar, atomically, and read both again.

        A place without room is skipped: the result shows what was written. Raises WriteRefused where a name finds no
        place, or cannot be removed from one.
        """
        with self._lock:
            before = tree.read_entry(self._root, ref, Listings())
            path = self._root / ref
            known = self._index.get(ref)
            memory = known.memory if known else SidecarMemory()
            with Drafts() as drafts:
                after = self._files.prepare(path, writes, released, memory, drafts)
                self._index.remember(ref, memory.either(after))
                drafts.commit(like=path)
            self._settle(ref, before, after)
        return refuse_unread(self._look(ref, self._index.people() | {node_key(w.node) for w in writes}))

    def write_many(self, tasks: Sequence[Task]) -> dict[str, Names | DamError]:
        by_ref = {task.ref: task for task in tasks}
        return for_each_ref(by_ref, lambda ref: self.write(ref, by_ref[ref].writes, by_ref[ref].released).names)

    def names_on(self, refs: Sequence[str]) -> dict[str, Names | DamError]:
        return for_each_ref(refs, lambda ref: refuse_unread(self.look(ref)).names)

    def _settle(self, ref: str, before: tree.FileEntry, memory: SidecarMemory) -> None:
        """Keep our own write from being reported; an unreported change before it stays unreported."""
        now = tree.read_entry(self._root, ref, Listings())
        finding = self._findings.get(ref)
        if finding is not None and finding.entry == before:
            self._findings[ref] = replace(finding, entry=now)
        known = self._index.get(ref)
        if known is not None:
            entry = now if known.entry == before else known.entry
            self._index.put([replace(known, entry=entry, memory=memory)])

    def identities(self, refs: Iterable[str] | None = None) -> dict[str, str]:
        """The identity of each folder (`folder_marks`); none for a missing one."""
        asked = self._walker.seen().folders if refs is None else refs
        marks = ((ref, folder_marks.find_mark(self._root / ref)) for ref in asked)
        return {ref: mark for ref, mark in marks if mark is not None}

    def out_of_sight(self, ref: str) -> bool:
        """In or below an unreadable folder."""
        return folder_marks.is_out_of_reach(self._root / ref)

    def sure(self, identity: str) -> bool:
        """True where the file system records birth times."""
        return folder_marks.is_unique(identity)

    def lies_in(self, ref: str) -> tuple[str, ...]:
        """Every folder above."""
        return tree.list_folders(ref)

    def came_back(self, ref: str, named: Named, since: int | None) -> frozenset[str]:
        """The places in those files that are byte for byte as they were when the name was ours."""
        state = known_states.read_state(tree.locate(self._root, ref), Listings())
        return frozenset() if state is None else self._states.restored(state, named)

    def remember(self, ref: str, nodes: Iterable[str]) -> None:
        """Note the photograph and its sidecars as they are, to recognise them after a restore."""
        listings = Listings()
        known, entry = self._index.get(ref), tree.read_entry(self._root, ref, listings)
        if known is None or known.entry != entry or not self._states.kept(ref):
            state = known_states.read_state(self._root / ref, listings)
            if state is None:
                return
            self._states.keep(state, nodes)
            if known is not None and known.entry == tree.read_entry(self._root, ref, Listings()):
                self._states.note_kept(ref)

    def concerns(self) -> list[Concern]:
        """None: what is wrong with a folder is found elsewhere."""
        return []

    def refusal(self, node: str) -> str | None:
        """Files hold every name that a person can have; EXIF alone separates its keywords by ;."""
        if ";" in node and "xmp" not in self.places:
            return (
                "without exiftool names go into EXIF alone, where ; parts one name from the next: choose another "
                "display name, or install exiftool"
            )
        return None

    def mentions(self, sought: SoughtName, beat: Callable[[], None]) -> Mentions:
        """Searches every file and folder, not only photographs."""
        self._walker.reach()
        return folder_mentions.search_folder(self._root, self._tool, self._ignore, sought, beat)
