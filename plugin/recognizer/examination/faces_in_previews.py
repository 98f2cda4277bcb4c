"""Whether a file shows a person whom its main picture does not: in thumbnails, previews, hidden pixels.

A further picture without faces changes nothing, nor does one with the main picture's faces, each in its place and
alike. Anything else makes the examination partial, with a code.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from plugin.recognizer.engines.engine import Detections
from plugin.recognizer.examination import same_picture
from plugin.recognizer.examination.finer_pass import shrink
from plugin.recognizer.examination.same_picture import MainPicture
from plugin.recognizer.pictures.decode import FORMATS, Decoded, Limits, decode
from plugin.recognizer.pictures.embedded_files import Piece
from plugin.recognizer.pictures.further_contents import find_further_pictures
from plugin.recognizer.pictures.orientation import turn_pixels
from plugin.recognizer.pictures.partial_reasons import Partly
from plugin.recognizer.pictures.pixels import Pixels

FindFaces = Callable[[Pixels], Detections]

_MOST = 24  # further pictures that are opened; a file with more is examined in part
_DEEP = 3  # a picture in a picture in a picture
_SAME = 0.8  # likeness from which on a further picture lies as the main one does
_MEGAPIXELS = 40  # of all further pictures together
_TINY = 12  # px: nobody is seen on less
_LARGER = 1.1  # times the main picture: then the main one is not the largest that is shown
_OPENED = (*FORMATS, "PPM")


class FurtherPictures:
    """A search of one photograph: its main picture and faces, the detector, and how much may still be decoded.

    `closely`: the longest side at which `look` gets a picture of this many px.
    """

    def __init__(
        self, main: Decoded, faces: Detections, look: FindFaces, closely: Callable[[int], int], limits: Limits
    ) -> None:
        self._decoded = main
        self._main = MainPicture(main.pixels, same_picture.to_relative(faces, main.pixels))
        self._look = look
        self._limits = limits
        self._closely = closely
        self._known: set[bytes] = set()
        self._room = min(limits.megapixels, _MEGAPIXELS) * 1_000_000

    def codes(self, data: bytes) -> set[Partly]:
        """Why the examination is partial; empty if it is complete."""
        found = {Partly(code) for code in self._decoded.note.split()}
        found |= {aside.code for aside in self._decoded.asides if self._shows_another(aside.pixels, aside.back)}
        return found | set(self._search(data, 0))

    def _shows_another(self, pixels: Pixels, back: tuple[int, ...]) -> bool:
        """Whether the same pixels, shown otherwise, show another person; `back` makes their boxes upright."""
        for box in same_picture.to_relative(self._look(pixels), pixels):
            if back and not same_picture.has_face_at(same_picture.turn_back(box, back), self._main):
                return True
            same = same_picture.has_face_at(box, self._main) and same_picture.is_unchanged(box, pixels, self._main)
            if not back and not same:
                return True
        return False

    def _search(self, data: bytes, depth: int) -> Iterator[Partly]:
        for one in find_further_pictures(data):
            if isinstance(one, Partly):
                yield one
            elif one.data in self._known:  # one thumbnail in two places, as Photoshop has it
                continue
            elif len(self._known) >= _MOST or depth >= _DEEP:
                yield Partly.UNREAD_PICTURE
                return
            else:
                self._known.add(one.data)
                yield from self._judge(one)
                if not one.searched:
                    yield from self._search(one.data, depth + 1)

    def _judge(self, piece: Piece) -> Iterator[Partly]:
        limits = Limits(self._room // 1_000_000, self._limits.megabytes)
        try:
            picture = decode(piece.data, self._closely, limits, _OPENED)
            self._room -= picture.width * picture.height
            longest = max(picture.width, picture.height)
            yield from picture.note.split()  # type: ignore[misc]
            if longest < _TINY:
                return
            # a preview of 1,616 px cannot be decoded at 1,024: what is beyond would be looked at in vain
            side = self._closely(longest)
            asides = [shrink(aside.pixels, side) for aside in picture.asides]
            picture = replace(picture, pixels=shrink(picture.pixels, side))
            if self._another(picture) or any(self._another_in(aside) for aside in asides):
                yield piece.code
        except Exception:  # memory that ran out in a native library among them
            yield Partly.UNREAD_PICTURE

    def _another(self, picture: Decoded) -> bool:
        largest = max(self._decoded.width, self._decoded.height) * _LARGER
        if max(picture.width, picture.height) > largest and len(self._look(picture.pixels)):
            return True
        return self._another_in(picture.pixels)

    def _another_in(self, pixels: Pixels) -> bool:
        """Whether it shows a person whom the main picture lacks there; if unclear, in all orientations."""
        lying = [(turn, turn_pixels(pixels, turn)) for turn in {1, self._decoded.turn}]
        fitted = [(turn, same_picture.strip_bars(shown, self._main.pixels)) for turn, shown in lying]
        fits = {turn: (same_picture.measure_likeness(one, self._main), one) for turn, one in fitted if one is not None}
        likest, shown = max(fits.values(), key=lambda fit: fit[0], default=(-1.0, pixels))
        if likest >= _SAME:
            return self._is_unlike(shown)
        if any(self._is_unlike(one) for _, one in fits.values()):
            return True
        return any(len(self._look(turn_pixels(pixels, turn))) for turn in (1, 3, 6, 8) if turn not in fits)

    def _is_unlike(self, shown: Pixels) -> bool:
        boxes = same_picture.to_relative(self._look(shown), shown)
        return any(not same_picture.is_there(box, shown, self._main) for box in boxes)
