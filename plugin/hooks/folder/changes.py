"""The changes in a folder since they were last acknowledged: new, replaced, moved and deleted files."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from plugin.errors import DamError, ResourceGone
from plugin.hooks.dam import Change, ChangeKind
from plugin.hooks.files import file_version
from plugin.hooks.folder.index import KnownFile
from plugin.hooks.folder.tree import FileEntry
from plugin.hooks.names_in_files.xmp_file_edit import SidecarMemory

_QUIET = 2  # seconds without a write, before a file counts as copied
_READS = 1000  # files a round that are read because of the file system's own time alone
_PATIENCE = 60  # seconds after which a file that lacks its end will not get it any more


@dataclass(frozen=True)
class FoundChange:
    """A change, and the file as it was found (None: deleted)."""

    change: Change
    entry: FileEntry | None
    version: str
    further: str | None = None


def find_changes(
    root: Path,
    entries: Mapping[str, FileEntry],
    known: Mapping[str, KnownFile],
    now: datetime,
    read: Callable[[FileEntry], KnownFile],
    arriving: bool = False,
) -> tuple[list[FoundChange], list[str]]:
    """The changes, and the files that cannot be read.

    Only files that look different are hashed. While a new file is still being copied (`arriving`: one has no content
    yet) no deletion is reported: it may be the other half of a move.
    """
    findings: list[FoundChange] = []
    unread: list[str] = []
    for ref, entry in entries.items():
        file = known.get(ref)
        if file is not None and file.entry == entry:
            continue
        try:
            if not is_settled(root / ref, entry, now):
                arriving = arriving or file is None
                continue
            findings.append(_build_finding(entry, file, read(entry)))
        except ResourceGone:
            continue  # deleted meanwhile: the next round sees it
        except DamError:
            unread.append(ref)
    gone = {ref: file for ref, file in known.items() if ref not in entries and file.told}
    return _pair_moves(findings, gone, arriving), unread


def is_settled(path: Path, entry: FileEntry, now: datetime) -> bool:
    """Whether a file is complete and no longer written to; one with a future mtime is taken as old."""
    age = now.timestamp() - entry.mtime_ns / 1e9
    if 0 <= age < _QUIET:
        return False
    return not 0 <= age < _PATIENCE or file_version.is_complete(path)


def find_touched(
    entries: Mapping[str, FileEntry], known: Mapping[str, KnownFile], read: Callable[[FileEntry], KnownFile]
) -> list[KnownFile]:
    """Files whose ctime changed but not their content, to be noted with the new ctime.

    A change of mode, owner, name or links does that. At most _READS files are read a round. Where no ctime was noted
    yet it is accepted as it is.
    """
    found: list[KnownFile] = []
    reads = 0
    for ref, entry in entries.items():
        file = known.get(ref)
        if file is None or file.entry == entry or replace(file.entry, ctime_ns=entry.ctime_ns) != entry:
            continue
        if file.entry.ctime_ns is None:
            found.append(replace(file, entry=entry))
            continue
        if reads == _READS:
            found.append(file)
            continue
        with suppress(DamError):
            reads += 1
            now = read(entry)
            if now.version == file.version and file.further in {None, now.further}:
                found.append(replace(file, entry=entry, further=now.further))
    return found


def _build_finding(entry: FileEntry, file: KnownFile | None, now: KnownFile) -> FoundChange:
    if file is None or not file.told:
        return FoundChange(Change(entry.ref, ChangeKind.NEW), entry, now.version, now.further)
    what = ChangeKind.METADATA if file.version == now.version else ChangeKind.REPLACED
    return FoundChange(Change(entry.ref, what), entry, now.version, now.further)


def _pair_moves(findings: list[FoundChange], gone: dict[str, KnownFile], arriving: bool) -> list[FoundChange]:
    """A new file with the version of a deleted one has moved; the rest are deletions."""
    by_version: dict[str, list[str]] = {}
    for ref, file in gone.items():
        by_version.setdefault(file.version, []).append(ref)
    result = []
    for finding in findings:
        olds = by_version.get(finding.version, [])
        if finding.change.what is ChangeKind.NEW and olds:
            change = Change(finding.change.ref, ChangeKind.MOVED, olds.pop(0))
            result.append(replace(finding, change=change))
        else:
            result.append(finding)
    left = [] if arriving else [ref for refs in by_version.values() for ref in refs]
    return [*result, *(FoundChange(Change(ref, ChangeKind.DELETED), None, "") for ref in sorted(left))]


def report_again(file: KnownFile) -> FoundChange:
    """The change to report for a file that became unreadable, or readable again."""
    return FoundChange(Change(file.entry.ref, ChangeKind.METADATA), file.entry, file.version, file.further)


def build_known_file(finding: FoundChange, before: dict[str, KnownFile]) -> KnownFile:
    """The file to remember, with what we wrote to its sidecar, under its old name too."""
    assert finding.entry is not None  # noqa: S101 (asked for by the caller)
    old = before.get(finding.change.old_ref or finding.change.ref)
    memory = old.memory if old else SidecarMemory()
    return KnownFile(finding.entry, finding.version, memory, finding.further)
