"""What a HEIF or AVIF file contains besides the main picture: items and boxes (ISO 14496-12, 23008-12)."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from plugin.recognizer.pictures.embedded_files import Piece, Pieces, find_pieces
from plugin.recognizer.pictures.partial_reasons import Partly

_PICTURES = {b"hvc1", b"av01", b"grid", b"iden", b"iovl", b"jpeg", b"avc1", b"j2k1", b"unci", b"vvc1", b"tmap"}
_FILMS = {b"mpvd", b"moov"}
_PLAIN = {b"ftyp", b"meta", b"mdat", b"idat"}
_FILL = 64  # px: pictures are encoded in blocks
_MANY = 4096  # items: tiles of the largest picture
_HIDES = (b"thmb", b"auxl")  # references that make libheif refuse an item as the main one


@dataclass
class _Items:
    """The items by number: kinds, locations, and tiles; where the main item is named."""

    kinds: dict[int, bytes] = field(default_factory=dict)
    places: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    tiles: dict[int, list[int]] = field(default_factory=dict)
    hides: list[int] = field(default_factory=list)
    main: int = 0
    main_at: int = 0
    main_size: int = 2


def list_boxes(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start of the body and end of each box; stops at invalid data."""
    for _ in range(_MANY):
        if at + 8 > end:
            return
        size, head = int.from_bytes(data[at : at + 4], "big"), 8
        if size == 1:
            size, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        stop = end if size == 0 else at + size
        if stop < at + head or stop > end:
            return
        yield data[at + 4 : at + 8], at + head, stop
        at = stop


def find_further(data: bytes) -> tuple[list[Piece | Partly], int]:
    """What else the file contains, and where its last box ends."""
    found: list[Piece | Partly] = []
    end = 0
    taken: list[tuple[int, int]] = []
    for kind, start, stop in list_boxes(data, 0, len(data)):
        if kind == b"ftyp" and end:  # another file begins
            break
        end = stop
        if kind in _FILMS:
            found.append(Partly.FRAMES if kind == b"moov" else Partly.FILM)
        elif kind == b"meta":
            items = _read_items(data, start + 4, stop)
            taken += [place for places in items.places.values() for place in places]
            found += _find_in_meta(data, items)
            found += _find_cut_off(data[start:stop])
        elif kind == b"mdat":
            for at, until in _list_untaken(sorted(taken), start, stop):
                found += find_pieces(data[at:until])
        elif kind not in _PLAIN:
            found += find_pieces(data[start:stop])
    return found, end


def _list_untaken(taken: list[tuple[int, int]], at: int, stop: int) -> Iterator[tuple[int, int]]:
    """The bytes from `at` to `stop` that belong to no item."""
    for start, length in taken:
        if at < start < stop:
            yield at, start
        at = max(at, start + length)
    if at < stop:
        yield at, stop


def _find_cut_off(meta: bytes) -> Pieces:
    """Whether pictures are cropped by more than an encoder's padding: the rest is in the file."""
    sizes = [_read_numbers(meta, at + 8, 2) for at in _find_all(meta, b"ispe")]
    for at in _find_all(meta, b"clap"):
        wide, across, high, down = _read_numbers(meta, at + 4, 4)
        least = min((size for size in sizes if size[0] * across >= wide and size[1] * down >= high), default=None)
        if least and (least[0] * across - wide > _FILL * across or least[1] * down - high > _FILL * down):
            yield Partly.OTHER_PICTURE


def _find_all(data: bytes, name: bytes) -> Iterator[int]:
    at = data.find(name)
    while at >= 0:
        yield at
        at = data.find(name, at + 4)


def _read_numbers(data: bytes, at: int, many: int) -> list[int]:
    return [int.from_bytes(data[spot : spot + 4], "big") for spot in range(at, at + 4 * many, 4)]


def _find_in_meta(data: bytes, items: _Items) -> Pieces:
    if len(items.kinds) > _MANY:
        yield Partly.UNREAD_PICTURE
        return
    # a tile is shown in its whole; what another item only cuts or lays over could be shown without it
    room = len(data)
    tiles = {tile for item, inner in items.tiles.items() if items.kinds.get(item) == b"grid" for tile in inner}
    for item, kind in items.kinds.items():
        if kind in _PICTURES and item != items.main and item not in tiles and items.main_at:
            yield Piece(_build_shown(data, items, item), searched=True)
        elif kind not in _PICTURES:
            for at, length in items.places.get(item, ()):
                room -= min(length, len(data))
                if room < 0:
                    yield Partly.UNREAD_PICTURE
                    return
                yield from find_pieces(data[at : at + length])


def _build_shown(data: bytes, items: _Items, item: int) -> bytes:
    """The file with `item` as its main picture."""
    changed = bytearray(data)
    changed[items.main_at : items.main_at + items.main_size] = item.to_bytes(items.main_size, "big")
    for at in items.hides:
        changed[at : at + 4] = b"free"
    return bytes(changed)


def _read_items(data: bytes, start: int, stop: int) -> _Items:
    items = _Items()
    idat = next((at for kind, at, _ in list_boxes(data, start, stop) if kind == b"idat"), 0)
    for kind, at, end in list_boxes(data, start, stop):
        version = data[at] if at < end else 0
        if kind == b"pitm":
            items.main_at, items.main_size = at + 4, 4 if version else 2
            items.main = int.from_bytes(data[at + 4 : at + 4 + items.main_size], "big")
        elif kind == b"iinf":
            for inner, spot, _ in list_boxes(data, at + (8 if version else 6), end):
                if inner == b"infe":
                    wide = 4 if data[spot] >= 3 else 2
                    kind_at = spot + 4 + wide + 2
                    number = int.from_bytes(data[spot + 4 : spot + 4 + wide], "big")
                    items.kinds[number] = data[kind_at : kind_at + 4]
        elif kind == b"iref":
            _read_references(data, at + 4, end, 4 if version else 2, items)
        elif kind == b"iloc":
            _read_locations(data, at, end, idat, items)
    return items


def _read_references(data: bytes, at: int, end: int, wide: int, items: _Items) -> None:
    for kind, spot, stop in list_boxes(data, at, end):
        numbers = [int.from_bytes(data[n : n + wide], "big") for n in (spot, *range(spot + wide + 2, stop, wide))]
        if kind == b"dimg":
            items.tiles.setdefault(numbers[0], []).extend(numbers[1:])
        elif kind in _HIDES:
            items.hides.append(spot - 4)


def _read_locations(data: bytes, at: int, end: int, idat: int, items: _Items) -> None:
    """Where the items are: `iloc`, versions 0 to 2."""
    version, sizes = data[at], int.from_bytes(data[at + 4 : at + 6], "big")
    offsets, lengths, bases, indexes = (sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15, sizes & 15 if version else 0)
    spot = at + 6

    def number(size: int) -> int:
        nonlocal spot
        spot += size
        return int.from_bytes(data[spot - size : spot], "big")

    for _ in range(min(number(4 if version == 2 else 2), _MANY)):
        item = number(4 if version == 2 else 2)
        method = number(2) & 15 if version else 0
        number(2)
        base = number(bases) + (idat if method == 1 else 0)
        for _ in range(number(2)):
            number(indexes)
            start = base + number(offsets)
            items.places.setdefault(item, []).append((start, number(lengths)))
            if spot > end:
                return
