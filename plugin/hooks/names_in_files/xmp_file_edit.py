"""Edits one photograph's sidecar: merges names with what others wrote, and removes exactly them."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from plugin.errors import WriteRefused
from plugin.hooks.dam import Write, node_key
from plugin.hooks.files import file_kinds, xmp_file_paths
from plugin.hooks.files.atomic_replace import Drafts, explain_os_errors
from plugin.hooks.files.exiftool import Assign, ExifTool, Fields
from plugin.hooks.name_spellings import is_spelling_of
from plugin.hooks.names_in_files import companions, unreadable_files, xmp


@dataclass(frozen=True)
class SidecarMemory:
    """What of a sidecar is ours and cannot be seen in it: the release statement, and the file itself."""

    release: frozenset[str] = frozenset()
    made: bool = False

    def either(self, other: "SidecarMemory") -> "SidecarMemory":
        """The union of both."""
        return SidecarMemory(self.release | other.release, self.made or other.made)


class SidecarEdit:
    """The sidecars of one photograph, read once, drafted once."""

    def __init__(self, tool: ExifTool, photo: Path, style: xmp_file_paths.SidecarStyle, drafts: Drafts) -> None:
        self._tool = tool
        self._drafts = drafts
        with explain_os_errors(photo.parent):
            listing = companions.list_names(photo.parent)
        self._target = photo.with_name(xmp_file_paths.choose_sidecar(photo.name, listing, style))
        readable = [photo.with_name(name) for name in xmp_file_paths.list_sidecars(photo.name, listing)]
        # A pipe would never answer ExifTool, and what is broken may hold what we would lose.
        for path in readable:
            if (data := unreadable_files.read_contents(path)) is None or (
                data.strip() and unreadable_files.to_utf8(data) is None
            ):
                raise WriteRefused(f"{path.name} cannot be read as XMP: mend it, or take it away")
        self._stats = {path: path.stat() for path in readable}
        self._there = tool.read(readable, xmp.ALL, fast=False)
        self._embedded = tool.read([photo], xmp.READ, file_kinds.is_jpeg(photo)).get(photo, {})

    def draft(
        self, writes: Sequence[Write], released: bool | None, memory: SidecarMemory
    ) -> tuple[str | None, SidecarMemory]:
        """Draft every sidecar that changes; returns why names cannot be added, or None, and what will be ours.

        Raises WriteRefused where a name cannot be removed.
        """
        removing = any(not w.add for w in writes)
        mark = self._drafts.mark()
        try:
            return None, self._draft(writes, released, memory)
        except WriteRefused as error:
            self._drafts.drop(mark)
            if removing or not any(w.add for w in writes):
                raise
            return str(error), memory

    def _draft(self, writes: Sequence[Write], released: bool | None, memory: SidecarMemory) -> SidecarMemory:
        changes = {path: self._list_removals(path, writes) for path in self._there}
        additions = self._list_additions([w for w in writes if w.add])
        statement = self._build_statement(released, memory)
        changes[self._target] = [*changes.get(self._target, []), *additions]
        for path in [*self._there, self._target]:
            changes[path] += self._release(path, statement, memory)
        made = memory.made
        for path, assigns in changes.items():
            if assigns:
                made = self._carry_out(path, assigns, writes, statement, memory) or made
        return SidecarMemory(frozenset({statement} if statement else ()), made)

    def _list_removals(self, path: Path, writes: Sequence[Write]) -> list[Assign]:
        fields = self._there[path]
        gone = [w for w in writes if not w.add]
        persons = {node_key(w.node) for w in gone if "xmp" in w.places}
        faces = {node_key(w.node) for w in gone if "region" in w.places}
        return [*xmp.remove_persons(persons, fields), *xmp.remove_regions(faces, fields)]

    def _list_additions(self, writes: Sequence[Write]) -> list[Assign]:
        fields = self._there.get(self._target, {})
        if self._target in self._stats and self._target not in self._there:
            raise WriteRefused(f"{self._target.name} cannot be read as XMP")
        persons = xmp.list_texts(fields.get(xmp.PERSONS))
        fresh = {node_key(w.node): w.node for w in reversed(writes) if "xmp" in w.places}
        assigns = [xmp.add_person(name) for key, name in reversed(fresh.items()) if not _is_among(key, persons)]
        turn, whole = xmp.read_orientation(self._embedded), xmp.read_size(self._embedded)
        drawn = xmp.list_region_names(fields)
        for write in writes:
            if "region" in write.places and write.box is not None and not _is_among(node_key(write.node), drawn):
                try:
                    new = xmp.add_region(write.node, write.box, turn, whole, fields)
                except WriteRefused:
                    continue  # the name alone, then; the result says that no region was written
                assigns += [a for a in new if a not in assigns]
        return assigns

    def _build_statement(self, released: bool | None, memory: SidecarMemory) -> str | None:
        """The release statement to write; None where another program's exists, or none is wanted."""
        others = [xmp.read_release(self._embedded), *(xmp.read_release(f) for f in self._there.values())]
        foreign = [v for v in others[1:] if v is not None and v not in memory.release]
        if released is None or others[0] is not None or foreign:
            return None
        return xmp.LIMITED if released else xmp.NONE

    def _release(self, path: Path, statement: str | None, memory: SidecarMemory) -> list[Assign]:
        now = xmp.read_release(self._there.get(path, {}))
        wanted = statement if path == self._target else None
        if now == wanted or (now is not None and now not in memory.release):
            return []
        return [xmp.set_release(wanted)]

    def _carry_out(
        self, path: Path, assigns: list[Assign], writes: Sequence[Write], statement: str | None, memory: SidecarMemory
    ) -> bool:
        """Draft and verify one sidecar; returns whether it is new. An empty sidecar of ours is deleted."""
        before, fields = self._stats.get(path), self._there.get(path, {})
        temp = self._drafts.replace(path, before)
        if before is not None:
            with explain_os_errors(path):
                shutil.copyfile(path, temp)
        self._tool.edit(temp, [*assigns, *xmp.keep_toolkit(fields)])
        after = self._tool.read([temp], xmp.ALL, fast=False).get(temp, {})
        _verify_edit(path, fields, after, writes, path == self._target, memory, statement)
        if memory.made and xmp.is_empty(after) and before is not None:
            self._drafts.delete(path, before)
        return before is None


def _is_among(key: str, names: Sequence[str]) -> bool:
    """Whether a name, by its key, is one of these, in any spelling."""
    return any(is_spelling_of(name, {key}) for name in names)


def _verify_edit(
    path: Path,
    before: Fields,
    after: Fields,
    writes: Sequence[Write],
    target: bool,
    memory: SidecarMemory,
    statement: str | None,
) -> None:
    """Raises WriteRefused unless names read back as written, and everything of others is unchanged."""
    names = {node_key(w.node) for w in writes}
    was = xmp.read_release(before)
    ours = was is None or was in memory.release
    if xmp.strip_ours(before, names, ours) != xmp.strip_ours(after, names, ours):
        raise WriteRefused(f"{path.name}: something of another program would not survive; nothing was written")
    persons = xmp.list_texts(after.get(xmp.PERSONS))
    for write in writes:
        if (
            "xmp" in write.places
            and _is_among(node_key(write.node), persons) != write.add
            and (target or not write.add)
        ):
            raise WriteRefused(f"{path.name}: a name does not read back as written")
    if target and ours and xmp.read_release(after) != statement:
        raise WriteRefused(f"{path.name}: the release statement does not read back as written")
