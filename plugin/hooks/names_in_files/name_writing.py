"""Writes people's names into files: EXIF in a JPEG, and an XMP sidecar. Reading: `name_reading`."""

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from plugin.confinement.reader import find_reader
from plugin.errors import DamError, PictureError, ReadingFailed, WriteRefused
from plugin.hooks.dam import Write
from plugin.hooks.files import file_kinds, file_version, jpeg, xmp_file_paths
from plugin.hooks.files.atomic_replace import Drafts, explain_os_errors
from plugin.hooks.files.exiftool import Assign, ExifTool, Fields, check_text
from plugin.hooks.names_in_files import exif, xmp
from plugin.hooks.names_in_files.name_reading import KeywordLookup, NameReader
from plugin.hooks.names_in_files.xmp_file_edit import SidecarEdit, SidecarMemory

EXIF_PLACE = frozenset({"exif"})
XMP_PLACES = frozenset({"xmp", "region"})
_NO_TOOL = "exiftool is not installed: names go into EXIF alone, and names in XMP are not read"


def check_name(name: str) -> None:
    """Raises WriteRefused where `name` could not be read back exactly."""
    check_text(name)
    if not name or name != name.strip():
        raise WriteRefused("a name is empty or has white space around it: take that out")
    if "\ufffe" in name or "\uffff" in name:
        raise WriteRefused("a name holds a code point that XML has no place for: take it out")
    if name.lower() in {"true", "false"}:
        raise WriteRefused("a name that reads true or false would be read back as a yes or no: add a letter")


class NamesInFiles:
    """Reads and writes the names in the files of a folder of photographs."""

    def __init__(
        self,
        tool: ExifTool | None,
        style: xmp_file_paths.SidecarStyle,
        also: KeywordLookup = lambda _photo, _keys: (),
        categories: Collection[str] = (),
    ) -> None:
        """`also`, `categories`: as `NameReader` has them."""
        self._tool = tool
        self._style = style
        self.read = NameReader(tool, also, categories).read
        self.places = EXIF_PLACE if tool is None else EXIF_PLACE | XMP_PLACES
        self.limits = (_NO_TOOL,) if tool is None else ()

    def close(self) -> None:
        """Stop ExifTool."""
        if self._tool is not None:
            self._tool.close()

    def prepare(
        self, photo: Path, writes: Sequence[Write], released: bool | None, memory: SidecarMemory, drafts: Drafts
    ) -> SidecarMemory:
        """Draft `writes`; returns what of the sidecar will be ours after the commit.

        Raises WriteRefused where a name has no place, or cannot be removed from one.
        """
        for write in writes:
            check_name(write.node)
        refused = self._exif(photo, writes, drafts)
        if self._tool is None:
            _refuse_without_tool(writes)
        else:
            edit = SidecarEdit(self._tool, photo, self._style, drafts)
            complaint, memory = edit.draft(writes, released, memory)
            if complaint:
                refused |= {(w.node, p): complaint for w in writes if w.add for p in w.places & XMP_PLACES}
        _refuse_nowhere(writes, refused, self.places)
        return memory

    def _exif(self, photo: Path, writes: Sequence[Write], drafts: Drafts) -> dict[tuple[str, str], str]:
        """Draft the JPEG; returns the additions that are impossible, and why."""
        asked = [w for w in writes if "exif" in w.places]
        adds = [w.node for w in asked if w.add]
        removes = [w.node for w in asked if not w.add]
        if not file_kinds.is_jpeg(photo) or not asked:
            return {(name, "exif"): "only a JPEG has keywords in EXIF here" for name in adds}
        with explain_os_errors(photo):
            before, data = photo.stat(), file_version.read_bounded(photo)
        if data is None:
            if removes:
                raise WriteRefused("the file is too large to be written here: take the name out by hand")
            return {(name, "exif"): "the file is too large to be written here" for name in adds}
        refused: dict[tuple[str, str], str] = {}
        result = data
        for name in adds:  # one by one: a name that cannot be there does not keep the others out
            try:
                result = _edit_confined(result, [name], [])
            except WriteRefused as error:
                refused[name, "exif"] = str(error)
        if removes:
            result = self._remove_names(photo, result, removes, drafts)
        if result != data:
            with explain_os_errors(photo):
                drafts.replace(photo, before).write_bytes(result)
        return refused

    def _remove_names(self, photo: Path, data: bytes, names: list[str], drafts: Drafts) -> bytes:
        """`data` without `names`; by ExifTool where piexif fails: a name must not stay for that."""
        try:
            return _edit_confined(data, [], names)
        except WriteRefused:
            if self._tool is None:
                raise
        temp = drafts.scratch(photo, ".jpg")  # ExifTool writes by the ending
        with explain_os_errors(photo):
            temp.write_bytes(data)
        return self._edit_by_tool(temp, data, names)

    def _edit_by_tool(self, temp: Path, data: bytes, names: list[str]) -> bytes:
        """Remove keywords by ExifTool, which adjusts maker notes, and compare everything it reads."""
        assert self._tool is not None  # noqa: S101 (for the type checker)
        text = _read_keywords(data)
        left = exif.change_keywords(text, [], names)
        if left == text:
            return data
        was = self._tool.read([temp], ("-all:all", "-U"), fast=False).get(temp, {})
        self._tool.edit(temp, [Assign(xmp.XP_KEYWORDS, "=", left)])
        now = self._tool.read([temp], ("-all:all", "-U"), fast=False).get(temp, {})
        with explain_os_errors(temp):
            result = temp.read_bytes()
        harmless = _strip_volatile(now) == _strip_volatile(was) and _is_same_but_exif(data, result)
        if not harmless or _read_keywords(result) != left:
            raise WriteRefused("a keyword cannot be taken out without harm to other fields: do it by hand")
        return result


def _edit_confined(data: bytes, add: list[str], remove: list[str]) -> bytes:
    """Change the JPEG's keywords in a confined process. Raises WriteRefused."""
    header = {"add": add, "remove": remove}
    try:
        _, parts = find_reader("plugin.hooks.names_in_files.exif").ask(header, [data], refusals=(WriteRefused,))
    except ReadingFailed as error:
        raise WriteRefused(f"the EXIF stays as it is: {error}") from error
    if len(parts) != 1 or (parts[0] != data and not _is_same_but_exif(data, parts[0])):
        raise WriteRefused("the EXIF stays as it is: more than that would change")
    return parts[0]


def _strip_volatile(fields: Fields) -> Fields:
    groups = ("File:", "System:", "ExifTool:", "Composite:")
    return {k: v for k, v in fields.items() if k != xmp.XP_KEYWORDS and not k.startswith(groups)}


def _read_keywords(data: bytes) -> str:
    """XPKeywords of a JPEG; "" where it is none."""
    try:
        blocks = jpeg.parse(data).exif
        return exif.read_keywords(blocks[0]) if blocks else ""
    except PictureError:
        return ""


def _is_same_but_exif(one: bytes, other: bytes) -> bool:
    try:
        return jpeg.parse(one).other() == jpeg.parse(other).other()
    except PictureError:
        return False


def _refuse_without_tool(writes: Iterable[Write]) -> None:
    for write in writes:
        if not write.add and write.places & XMP_PLACES:
            raise DamError("a name stands in a sidecar: install exiftool to take it out")


def _refuse_nowhere(writes: Sequence[Write], refused: dict[tuple[str, str], str], places: frozenset[str]) -> None:
    """Every added name needs at least one place."""
    for write in writes:
        possible = {p for p in write.places & places if p != "region" or write.box is not None}
        reasons = {refused.get((write.node, place)) for place in possible}
        if write.add and write.places and None not in reasons:
            why = "; ".join(sorted(r for r in reasons if r)) or "none of the places asked for is written here"
            raise WriteRefused(f"a name was written nowhere: {why}")
