"""Reads who is named on photographs: in the file, its sidecars, and the lists beside it.

Places, as in `Named.places` and `Write.places`: we write `exif` (XPKeywords in the JPEG), `xmp` (PersonInImage in the
sidecar) and `region` (a face of mwg-rs in the sidecar). All others are read only. A keyword names a person where a part
of it is a name that the caller knows, that is a person on the same photograph, or that is below a category of people:
then the deepest level is a person, even an unknown one.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from plugin.errors import DamError, ResourceGone
from plugin.hooks.dam import Named, node_key
from plugin.hooks.files import file_kinds, file_version, regular_files, xmp_file_paths
from plugin.hooks.files.atomic_replace import explain_os_errors
from plugin.hooks.files.exiftool import BATCH, ExifTool, Fields
from plugin.hooks.name_spellings import (
    find_known,
    is_spelling_of,
    list_category_paths,
    list_parts,
    match_known,
    strip_invisible,
)
from plugin.hooks.names_in_files import exif, unreadable_files, xmp
from plugin.hooks.names_in_files import xmp_files_beside as beside_files
from plugin.hooks.names_in_files.companions import Listings
from plugin.hooks.names_in_files.name_fields import CAMERAS, FIELDS
from plugin.hooks.names_in_files.name_gathering import FieldText, GatheredNames, gather_names
from plugin.hooks.names_in_files.unreadable_files import Unread
from plugin.hooks.names_in_files.xmp_files_beside import FilesBeside

KeywordLookup = Callable[[Path, Collection[str]], Collection[str]]
_OURS = frozenset({"exif", "xmp", "region"})
_RANK = ("xmp", "region", "embedded-xmp", "embedded-region")
_TAGS = tuple(dict.fromkeys(f"-{field.tag}" for field in FIELDS))
_MOST = 100_000
"""Characters that may name somebody on one photograph, in every encoding that their bytes may be in: 200 keywords of
five Chinese signs are 30,000."""
_ODD = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
"""Errors of a file with unexpected content: it is unread, and the others are read."""
_ABOUT = tuple(f"-{name}" for name in (*xmp.TURNED_BY, "IFD0:Make", "ImageSize", "Error", "Warning"))
_READ = ("-b", "-IPTC", *_TAGS, *_ABOUT)


@dataclass(frozen=True)
class PhotoReading:
    """One photograph.

    `unread`: what could not be read, so that names may be missing; `texts`: all that may name somebody.
    """

    photo: Path
    names: tuple[Named, ...]
    unread: Unread | None = None
    texts: frozenset[str] = frozenset()


class NameReader:
    """Reads names. `also` gets a file's unknown keywords, by key, and returns those that are names.

    `categories`: the parents of people among keywords.
    """

    def __init__(self, tool: ExifTool | None, also: KeywordLookup, categories: Collection[str]) -> None:
        self._tool = tool
        self._also = also
        self._categories = frozenset(node_key(one) for one in categories)

    def read(
        self, photos: Sequence[Path], known: Collection[str], listings: Listings | None = None
    ) -> Iterator[PhotoReading]:
        """The names on each photograph; `known` are keys (node_key) of names. Skips a photograph that has gone."""
        listings = listings or Listings()
        for start in range(0, len(photos), BATCH):
            some = photos[start : start + BATCH]
            there, shut = beside_files.split_unreachable(some)
            beside = dict(beside_files.list_files_beside(there, listings))
            fields = self._read_fields(list(beside), beside) if self._tool else {}
            for photo in there:
                try:
                    if photo in beside:
                        yield self._read_one(photo, beside[photo], fields, known)
                    else:
                        shut.append(photo)
                except ResourceGone:
                    continue
                except (DamError, *_ODD):
                    shut.append(photo)
            yield from (PhotoReading(photo, (), Unread.PHOTO) for photo in shut)

    def _read_fields(self, photos: Sequence[Path], beside: dict[Path, FilesBeside]) -> dict[Path, Fields]:
        quick = [photo for photo in photos if file_kinds.is_jpeg(photo) and _ends_with_picture(photo)]
        fields = self._read(quick, True)
        slow = [photo for photo in photos if photo not in fields or _may_have_notes(fields[photo])]
        fields |= self._read(slow, False)
        whole = {path: data for one in beside.values() for path, data in one.sidecars.items() if data}
        plain = [path for path, (data, told) in whole.items() if data == told]
        fields |= self._read(plain, True)
        told = [(path, text) for path, (data, text) in whole.items() if text is not None and data != text]
        return fields | dict(self._read_decoded(told))

    def _read(self, paths: Sequence[Path], fast: bool) -> dict[Path, Fields]:
        """All at once; where ExifTool fails on one, each alone, and that one has no answer."""
        assert self._tool is not None  # noqa: S101 (asked for by the caller)
        try:
            return self._tool.read(paths, _READ, fast, copies=True) if paths else {}
        except DamError:
            if len(paths) == 1:
                return {}
        found: dict[Path, Fields] = {}
        for path in paths:
            found |= self._read([path], fast)
        if not found:
            raise DamError("exiftool fails on every file: facelease doctor says more")
        return found

    def _read_decoded(self, files: Sequence[tuple[Path, bytes]]) -> Iterator[tuple[Path, Fields]]:
        """What ExifTool reads in XMP that it cannot decode itself."""
        if not files or self._tool is None:
            return
        with self._tool.scratch() as folder:
            for number, (path, data) in enumerate(files):
                copy = folder / f"{number}.xmp"
                copy.write_bytes(data)
                said = self._read([copy], True).get(copy)
                if said is not None:
                    kept = {
                        k: v for k, v in said.items() if k.startswith("XMP") or xmp_file_paths.is_sidecar(path.name)
                    }
                    yield path, kept

    def _read_one(
        self, photo: Path, beside: FilesBeside, fields: dict[Path, Fields], known: Collection[str]
    ) -> PhotoReading:
        here = fields.get(photo, {})
        turn, whole = xmp.read_orientation(here), xmp.read_size(here)
        found = gather_names(here, turn, whole, True)
        trouble = set(_list_unread(photo, beside, fields) if self._tool else _list_unreadable(photo, beside))
        try:
            found = _add_exif(photo, found)
        except DamError:
            trouble.add(Unread.PHOTO)
        for path in beside.sidecars:
            found.add(gather_names(fields.get(path, {}), turn, whole, False))
        listed = beside.lists.about(photo.name)
        found.persons.extend(FieldText(texts, "picasa") for texts in listed.people)
        found.words.extend(FieldText(texts, "picasa") for texts in listed.words)
        if listed.unread:
            trouble.add(Unread.LIST)
        if _is_flooded(found):
            trouble.add(Unread.PHOTO)
            found = GatheredNames()
        texts = frozenset(text for word in (*found.persons, *found.words) for text in word.texts)
        why = min(trouble, default=None, key=list(Unread).index)
        return PhotoReading(photo, self._list_named(photo, found, known), why, texts)

    def _list_named(self, photo: Path, found: GatheredNames, known: Collection[str]) -> tuple[Named, ...]:
        persons = [named for word in found.persons for named in _name_person(word, known)]
        names = {node_key(named.node) for named in persons} | set(known)
        asked = {node_key(part) for word in found.words for text in word.texts for part in list_parts(text)} - names
        names |= set(self._also(photo, asked)) if asked else set()
        words = [named for word in found.words for named in _name_known(word, names)]
        return merge_names([*persons, *words, *self._list_under_categories(found.words, names)])

    def _list_under_categories(self, words: Sequence[FieldText], known: Collection[str]) -> Iterator[Named]:
        """The leaves: a level with another below it on the same photograph is a group, not a person."""
        paths: dict[tuple[str, ...], tuple[str, str]] = {}
        for word in words if self._categories else ():
            under = next(
                (found for text in word.texts if (found := list(list_category_paths(text, self._categories)))), []
            )
            paths |= {tuple(node_key(level) for level in path): (path[-1], word.place) for path in under}
        groups = {path[:length] for path in paths for length in range(len(path))}
        for path, (leaf, place) in paths.items():
            if path not in groups and match_known(leaf, known) is None:
                yield Named(leaf, frozenset({_read_only(place)}))


def _is_flooded(found: GatheredNames) -> bool:
    """Whether there is so much text that comparing it would block everything else."""
    return sum(map(len, {text for word in (*found.persons, *found.words) for text in word.texts})) > _MOST


def _list_unread(photo: Path, beside: FilesBeside, fields: dict[Path, Fields]) -> Iterator[Unread]:
    """What exists and ExifTool could not read."""
    with explain_os_errors(photo):
        if photo.stat().st_size and not unreadable_files.is_fully_read(fields.get(photo)):
            yield Unread.PHOTO
    for path, read in beside.sidecars.items():
        said = fields.get(path, {})
        if read is None or (read[0] and not (unreadable_files.is_fully_read(said) and said["File:FileType"] == "XMP")):
            yield Unread.SIDECAR


def _list_unreadable(photo: Path, beside: FilesBeside) -> Iterator[Unread]:
    """What may contain names, without ExifTool to read them."""
    with explain_os_errors(photo):
        data = file_version.read_bounded(photo) if file_kinds.is_jpeg(photo) else None
        if data is None or unreadable_files.may_hold_names(data):
            yield Unread.PHOTO
    if any(read is None or read[0] for read in beside.sidecars.values()):
        yield Unread.SIDECAR


def _add_exif(photo: Path, found: GatheredNames) -> GatheredNames:
    """Reads a JPEG's XPKeywords itself: ExifTool reads them as UCS-2 and garbles other characters."""
    if not file_kinds.is_jpeg(photo):
        return GatheredNames(found.persons, [part for word in found.words for part in _split_xp(word)])
    with explain_os_errors(photo):
        own = exif.read_xp_keywords(photo)
    words = [FieldText((text,), "exif") for text in own.words]
    keys = {node_key(text) for text in own.words}
    others = [FieldText((text,), "xp") for text in own.meant]
    others += [part for word in found.words for part in _split_xp(word)]
    words += [word for word in others if word.place != "xp" or not is_spelling_of(word.texts[0], keys)]
    return GatheredNames(found.persons, words)


def _split_xp(word: FieldText) -> list[FieldText]:
    """The parts of ExifTool's XPKeywords and the like, in every reading."""
    if word.place != "xp":
        return [word]
    text = word.texts[0]
    data = text.encode("utf-16-le", "surrogatepass")
    return [FieldText((part,), "xp") for one in (text, *exif.list_meant(data)) for part in exif.split_keywords(one)]


def _name_person(word: FieldText, known: Collection[str]) -> Iterator[Named]:
    """The known name, else the text itself; and known names in parts of it."""
    whole = next((name for text in word.texts if (name := match_known(text, known))), None)
    yield Named(whole or word.texts[0].strip(), frozenset({word.place}), word.box)
    if whole is None:
        yield from (replace(named, box=word.box) for named in _name_known(word, known))


def _name_known(word: FieldText, known: Collection[str]) -> Iterator[Named]:
    """Known names in the text; in a place of ours only where the text is exactly the name."""
    for text in word.texts:
        for name in find_known(text, known):
            ours = match_known(text, {node_key(name)}) is not None
            yield Named(name, frozenset({word.place if ours else _read_only(word.place)}))


def _read_only(place: str) -> str:
    return f"{place}-part" if place in _OURS else place


def merge_names(names: Iterable[Named]) -> tuple[Named, ...]:
    """One entry a name with all its places; spelling and box from the most reliable place."""
    found: dict[str, Named] = {}
    for named in sorted(names, key=_rank):
        key = node_key(named.node)
        if not strip_invisible(key).strip():
            continue
        first = found.get(key, named)
        found[key] = replace(first, places=first.places | named.places, box=first.box or named.box)
    return tuple(found.values())


def _rank(named: Named) -> int:
    return min((_RANK.index(p) for p in named.places if p in _RANK), default=len(_RANK))


def _ends_with_picture(photo: Path) -> bool:
    """Whether nothing follows a JPEG's picture: trailing data can only be read slowly."""
    try:
        with regular_files.open_regular(photo) as file:
            file.seek(-2, 2)
            return file.read(2) == b"\xff\xd9"
    except OSError:
        return False


def _may_have_notes(fields: Fields) -> bool:
    """Whether maker notes may contain names: of some makers, or of an unknown one."""
    make = str(fields.get("IFD0:Make", "")).casefold()
    return any(one in make for one in CAMERAS)
