"""What benches share: settings, photographs resized as asked for, and figures."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2

from sidecar.commands.demo import samples


@dataclass(frozen=True)
class Figure:
    """`BENCH name=value`, with what it was measured under; None for what could not be measured, and why."""

    name: str
    value: float | None
    unit: str = ""
    remarks: str = ""

    def line(self) -> str:
        """The line that is printed."""
        said = " not measured" if self.value is None else f"={self.value:g}{self.unit}"
        return f"BENCH {self.name}{said}" + (f" ({self.remarks})" if self.remarks else "")


@dataclass(frozen=True)
class Workshop:
    """`faces`: the folder of photographs, None for the sample portraits; `scratch`: a folder to fill.

    `count`: how many photographs of a size; `cache`: where converted models are kept.
    `photos`: how many the synthetic library holds.
    """

    faces: Path | None
    scratch: Path
    cache: Path
    count: int = 6
    photos: int = 1_000_000

    def sources(self) -> list[Path]:
        """Photographs to resize: an even choice of the groups, or the portraits."""
        if self.faces:
            found = sorted((self.faces / "groups").glob("*.jpg"))
            if not found:
                raise SystemExit(f"{self.faces}/groups holds no photographs")
            return found[:: max(1, len(found) // self.count)][: self.count]
        return [samples.portrait(sha) for sha in (samples.A_FRONT, samples.A_SPEECH, samples.B_STANDING)]

    def resized(self, *, side: int = 0, megapixels: float = 0) -> Sequence[Path]:
        """JPEGs of that longest side in px, or of that many megapixels, made once."""
        made = []
        for number, source in enumerate(self.sources()):
            target = self.scratch / f"{number}-{side}-{megapixels:g}.jpg"
            if not target.exists():
                picture = cv2.imread(str(source))
                if picture is None:
                    raise SystemExit(f"{source} cannot be read")
                height, width = picture.shape[:2]
                scale = side / max(height, width) if side else math.sqrt(megapixels * 1e6 / (height * width))
                how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
                resized = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=how)
                cv2.imwrite(str(target), resized, [cv2.IMWRITE_JPEG_QUALITY, 90])
            made.append(target)
        return made
