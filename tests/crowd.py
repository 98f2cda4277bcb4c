"""Pictures of several people, put together from the heads on the sample portraits."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageEnhance

from plugin.recognizer.examination.messages import ExaminationRequest
from plugin.recognizer.process.examiner import Examiner
from sidecar.commands.demo import samples
from tests import support

A = (samples.A_FRONT, samples.A_SPEECH, samples.A_STANDING)
"""Sample person A, each another photograph."""
B = samples.B_STANDING
LOOK = ExaminationRequest(at=datetime(2026, 3, 2, tzinfo=UTC), compare=False)


@cache
def _head(examiner: Examiner, prefix: str) -> Image.Image:
    """The head with as much around it as the face is wide."""
    path = samples.portrait(prefix)
    face = max(examiner.examine(path, LOOK).faces, key=lambda found: found.width_px)
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    left, top, width, height = face.box
    x, y, side = ((left + width / 2) * picture.width, (top + height / 2) * picture.height, width * picture.width)
    return picture.crop((int(x - side), int(y - 1.1 * side), int(x + side), int(y + 1.1 * side)))


class Crowd:
    """Makes pictures in which each head is in a cell of its own."""

    def __init__(self, examiner: Examiner) -> None:
        self._examiner = examiner

    def head(self, prefix: str, cell: int = 200, light: float = 1.0, tilt: int = 0) -> Image.Image:
        """One head, `cell` px wide: the face is half of that; `tilt` in degrees to the left."""
        picture = _head(self._examiner, prefix).resize((cell, int(cell * 1.1)))
        return ImageEnhance.Brightness(picture).enhance(light).rotate(tilt, Image.Resampling.BICUBIC)

    def row(
        self, prefixes: Sequence[str], cell: int = 200, chance: random.Random | None = None, tilt: int = 0
    ) -> Image.Image:
        """Heads side by side; `chance` varies the light and the grey between them."""
        chance = chance or random.Random(1)
        grey = chance.randint(60, 200)
        picture = Image.new("RGB", (cell * len(prefixes), int(cell * 1.1) + 40), (grey, grey, grey))
        for place, prefix in enumerate(prefixes):
            picture.paste(self.head(prefix, cell, chance.uniform(0.85, 1.15), tilt), (place * cell, 20))
        return picture

    def put(self, photos: Path, ref: str, picture: Image.Image, quality: int = 90) -> str:
        """Save it in the folder, old enough to be taken up at once; returns the ref."""
        path = photos / ref
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(jpeg(picture, quality))
        support.settle(path)
        return ref


def jpeg(picture: Image.Image, quality: int = 90) -> bytes:
    """The bytes of a JPEG."""
    body = BytesIO()
    picture.save(body, "JPEG", quality=quality)
    return body.getvalue()
