"""People's names in files: EXIF in a JPEG, and an XMP sidecar beside the photograph.

Places, as `Named.places` and `Write.places` have them:
  ours to write   `exif` (XPKeywords in the JPEG), `xmp` (PersonInImage in the sidecar), `region` (a
                  face of mwg-rs in the sidecar);
  read only       `xmp-details`, `mp-region`, `subject` in the sidecar, `iptc` in the file, and all
                  of XMP's once more with `embedded-` before it, for what stands in the file itself.

A keyword is not a person: one in XPKeywords, IPTC or dc:subject is told as a name only where it
equals one that stands as a person in the same photograph, or that the caller knows.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from plugin.errors import DamError, PictureError, WriteRefused
from plugin.hooks import exif, file_kinds, jpeg, sidecars, xmp
from plugin.hooks.dam import Named, Write, node_key
from plugin.hooks.drafts import Drafts, explained
from plugin.hooks.sidecar import Memory, SidecarEdit
from plugin.hooks.tool import Assign, ExifTool, Fields, checked

Also = Callable[[Path, Collection[str]], Collection[str]]
EXIF_PLACE = frozenset({"exif"})
XMP_PLACES = frozenset({"xmp", "region"})
_RANK = ("xmp", "region", "embedded-xmp", "embedded-region")
_NO_TOOL = "exiftool is not installed: names go into EXIF alone, and names in XMP are not read"


def check_name(name: str) -> None:
    """Raises WriteRefused where `name` could not be read back from a file letter by letter."""
    checked(name)
    if not name or name != name.strip():
        raise WriteRefused("a name is empty or has white space around it: take that out")
    if "\ufffe" in name or "\uffff" in name:
        raise WriteRefused("a name holds a code point that XML has no place for: take it out")
    if name.lower() in {"true", "false"}:
        raise WriteRefused("a name that reads true or false would be read back as a yes or no: add a letter")


@dataclass(frozen=True)
class _Pair:
    photo: Path
    sidecars: tuple[Path, ...]


class Metadata:
    """Reads and writes the names in the files of a folder of photographs."""

    def __init__(
        self,
        tool: ExifTool | None,
        style: sidecars.Style,
        also: Also = lambda _photo, _keys: (),
    ) -> None:
        """`also` is told a file's keywords, by key, that nobody stands for, and gives back those that are names."""
        self._tool = tool
        self._style = style
        self._also = also
        self.places = EXIF_PLACE if tool is None else EXIF_PLACE | XMP_PLACES
        self.limits = (_NO_TOOL,) if tool is None else ()

    def close(self) -> None:
        """Stop ExifTool."""
        if self._tool is not None:
            self._tool.close()

    def names(
        self, photos: Sequence[Path], known: Collection[str]
    ) -> Iterator[tuple[Path, tuple[Named, ...]]]:
        """Who is named in each photograph and its sidecars; `known` are keys (node_key) of names.

        A photograph that has gone is left out. Raises DamError where one is there and cannot be read:
        no answer must not pass for no name.
        """
        pairs = list(_pairs(photos))
        fields = self._fields(pairs)
        for pair in pairs:
            if self._tool is None:
                yield pair.photo, _named_in_exif(pair.photo, known, self._also)
            elif all(_answered(path, fields) for path in (pair.photo, *pair.sidecars)):
                yield pair.photo, _named(pair, fields, known, self._also)

    def _fields(self, pairs: Sequence[_Pair]) -> dict[Path, Fields]:
        if self._tool is None:
            return {}
        others = {p.photo for p in pairs if not file_kinds.is_jpeg(p.photo)}
        quick = dict.fromkeys(x for p in pairs for x in (p.photo, *p.sidecars))
        fields = self._tool.read([x for x in quick if x not in others], xmp.READ)
        return fields | self._tool.read(sorted(others), xmp.READ, fast=False)

    def prepare(
        self, photo: Path, writes: Sequence[Write], released: bool | None, memory: Memory, drafts: Drafts
    ) -> Memory:
        """Draft what carries out `writes`; returns what of the sidecar will be ours once it is committed.

        Raises WriteRefused where a name can be put nowhere, or cannot be taken out of a place.
        """
        for write in writes:
            check_name(write.node)
        refused = self._exif(photo, writes, drafts)
        if self._tool is None:
            _needs_tool(writes)
        else:
            edit = SidecarEdit(self._tool, photo, self._style, drafts)
            complaint, memory = edit.draft(writes, released, memory)
            if complaint:
                refused |= {(w.node, p): complaint for w in writes if w.add for p in w.places & XMP_PLACES}
        _somewhere(writes, refused, self.places)
        return memory

    def _exif(self, photo: Path, writes: Sequence[Write], drafts: Drafts) -> dict[tuple[str, str], str]:
        """Draft the JPEG; returns which additions are not possible, and why."""
        asked = [w for w in writes if "exif" in w.places]
        adds = [w.node for w in asked if w.add]
        removes = [w.node for w in asked if not w.add]
        if not file_kinds.is_jpeg(photo) or not asked:
            return {(name, "exif"): "only a JPEG has keywords in EXIF here" for name in adds}
        with explained(photo):
            before, data = photo.stat(), photo.read_bytes()
        refused: dict[tuple[str, str], str] = {}
        result = data
        for name in adds:  # one by one: a name that cannot be there does not keep the others out
            try:
                result = exif.edit(result, [name], [])
            except WriteRefused as error:
                refused[name, "exif"] = str(error)
        if removes:
            result = self._taken_out(photo, result, removes, drafts)
        if result != data:
            with explained(photo):
                drafts.replace(photo, before).write_bytes(result)
        return refused

    def _taken_out(self, photo: Path, data: bytes, names: list[str], drafts: Drafts) -> bytes:
        """`data` without `names`. What piexif cannot do ExifTool may: a name must not stay for that."""
        try:
            return exif.edit(data, [], names)
        except WriteRefused:
            if self._tool is None:
                raise
        temp = drafts.scratch(photo, ".jpg")  # ExifTool writes by the ending
        with explained(photo):
            temp.write_bytes(data)
        return self._by_tool(temp, data, names)

    def _by_tool(self, temp: Path, data: bytes, names: list[str]) -> bytes:
        """Take keywords out by ExifTool, which mends what a maker note points to, and compare all it reads."""
        assert self._tool is not None  # noqa: S101 (for the type checker)
        text = _keywords(data)
        left = exif.changed(text, [], names)
        if left == text:
            return data
        was = self._tool.read([temp], ("-all:all", "-U"), fast=False).get(temp, {})
        self._tool.edit(temp, [Assign(xmp.XP_KEYWORDS, "=", left)])
        now = self._tool.read([temp], ("-all:all", "-U"), fast=False).get(temp, {})
        with explained(temp):
            result = temp.read_bytes()
        harmless = _comparable(now) == _comparable(was) and _same_but_exif(data, result)
        if not harmless or _keywords(result) != left:
            raise WriteRefused("a keyword cannot be taken out without harm to other fields: do it by hand")
        return result


def _comparable(fields: Fields) -> Fields:
    groups = ("File:", "System:", "ExifTool:", "Composite:")
    return {k: v for k, v in fields.items() if k != xmp.XP_KEYWORDS and not k.startswith(groups)}


def _keywords(data: bytes) -> str:
    """XPKeywords of a JPEG, none where it is none: then there is no name in it either."""
    try:
        blocks = jpeg.parse(data).exif
        return exif.keywords(blocks[0]) if blocks else ""
    except PictureError:
        return ""


def _same_but_exif(one: bytes, other: bytes) -> bool:
    try:
        return jpeg.parse(one).other() == jpeg.parse(other).other()
    except PictureError:
        return False


def _needs_tool(writes: Iterable[Write]) -> None:
    for write in writes:
        if not write.add and write.places & XMP_PLACES:
            raise DamError("a name stands in a sidecar: install exiftool to take it out")


def _somewhere(writes: Sequence[Write], refused: dict[tuple[str, str], str], places: frozenset[str]) -> None:
    """Every name to be added must have one place left."""
    for write in writes:
        possible = {p for p in write.places & places if p != "region" or write.box is not None}
        reasons = {refused.get((write.node, place)) for place in possible}
        if write.add and write.places and None not in reasons:
            why = "; ".join(sorted(r for r in reasons if r)) or "none of the places asked for is written here"
            raise WriteRefused(f"a name was written nowhere: {why}")


# ---- reading ------------------------------------------------------------------------------


def _pairs(photos: Sequence[Path]) -> Iterator[_Pair]:
    listings: dict[Path, frozenset[str]] = {}
    for photo in photos:
        folder = photo.parent
        if folder not in listings:
            with explained(folder):
                listings[folder] = frozenset(p.name for p in folder.iterdir())
        yield _Pair(photo, tuple(folder / n for n in sidecars.readable(photo.name, listings[folder])))


def _answered(path: Path, fields: dict[Path, Fields]) -> bool:
    if path not in fields and path.exists():
        raise DamError(f"{path} cannot be read: give FaceLease's account access")
    return path in fields


def _named(pair: _Pair, fields: dict[Path, Fields], known: Collection[str], also: Also) -> tuple[Named, ...]:
    here = fields.get(pair.photo, {})
    turn, whole = xmp.orientation(here), xmp.size(here)
    people = [*xmp.names(here, turn, whole, "embedded-")]
    words = [Named(w, EXIF_PLACE) for w in _xp_keywords(pair.photo, here)]
    words += [Named(w, frozenset({"iptc"})) for w in xmp.texts(here.get(xmp.KEYWORDS[0]))]
    words += [Named(w, frozenset({"embedded-subject"})) for w in xmp.texts(here.get(xmp.KEYWORDS[1]))]
    for sidecar in pair.sidecars:
        beside = fields.get(sidecar, {})
        people += xmp.names(beside, turn, whole)
        words += [Named(w, frozenset({"subject"})) for w in xmp.texts(beside.get(xmp.KEYWORDS[1]))]
    persons = {node_key(n.node) for n in people} | set(known)
    return merged([*people, *_persons(pair.photo, words, persons, also)])


def _persons(photo: Path, words: Sequence[Named], known: Collection[str], also: Also) -> list[Named]:
    """The keywords that are people."""
    unknown = {node_key(word.node) for word in words} - set(known)
    names = {*known, *(also(photo, unknown) if unknown else ())}
    return [word for word in words if node_key(word.node) in names]


def _xp_keywords(photo: Path, fields: Fields) -> list[str]:
    """A JPEG's by ourselves: ExifTool reads XPKeywords as UCS-2 and garbles what lies beyond it."""
    if not file_kinds.is_jpeg(photo):
        return exif.parts(str(fields.get(xmp.XP_KEYWORDS, "")))
    with explained(photo):
        return exif.read(photo)


def _named_in_exif(photo: Path, known: Collection[str], also: Also) -> tuple[Named, ...]:
    if not file_kinds.is_jpeg(photo):
        return ()
    with explained(photo):
        words = exif.read(photo)
    return merged(_persons(photo, [Named(w, EXIF_PLACE) for w in words], known, also))


def merged(names: Iterable[Named]) -> tuple[Named, ...]:
    """One entry a name: its places together; spelling and box from where people are most at home."""
    found: dict[str, Named] = {}
    for named in sorted(names, key=_rank):
        key = node_key(named.node)
        first = found.get(key, named)
        found[key] = replace(first, places=first.places | named.places, box=first.box or named.box)
    return tuple(found.values())


def _rank(named: Named) -> int:
    return min((_RANK.index(p) for p in named.places if p in _RANK), default=len(_RANK))
