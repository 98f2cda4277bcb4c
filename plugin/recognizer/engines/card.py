"""Cards of engines: what an engine is, what it needs, and the scale of its distances.

A card is a TOML file in `cards`, or a site's own. Everything that belongs to the scale of an engine's vectors stands in
its card and nowhere else; templates of different engines are never compared.
"""

import hashlib
import tomllib
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from plugin.config import MatchingSection
from plugin.errors import EngineError
from plugin.recognizer.engines.dense_galleries import Apart
from plugin.recognizer.engines.thresholds import (
    Calibration,
    OperatingPoint,
    Thresholds,
    compute_thresholds,
    explain_threshold,
)
from plugin.words.plurals import pluralize

_FOLDER = "plugin.recognizer.engines"
_Part = Annotated[float, Field(ge=0, le=1)]
_Distance = Annotated[float, Field(gt=0, le=2)]
_Pair = tuple[_Part, _Part]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CardFile(_Frozen):
    """A publisher's file: its name there, SHA-256 in hexadecimal, size in bytes, and address."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    bytes: Annotated[int, Field(gt=0)]
    url: Annotated[str, Field(pattern=r"^(https://.+)?$")] = ""


class CardInput(_Frozen):
    """What the network is given: a square of `side` px, (value - `mean`) * `scale`, in this order of colours.

    `points`: where a similarity warp brings the eyes, the nose and the corners of the mouth, from left to right, in
    shares of the side; none where the encoder aligns by itself.
    """

    side: Annotated[int, Field(ge=32, le=512)]
    colours: Literal["bgr", "rgb"]
    points: tuple[_Pair, _Pair, _Pair, _Pair, _Pair] | None = None
    mean: tuple[float, float, float] = (0, 0, 0)
    scale: float = 1.0


class CardCalibration(_Frozen):
    """As `Calibration`: measured rates of false matches by distance.

    `people` and `comparisons`: how many were compared, each pair once; 0 if that is not known, and then the engine
    never names by itself. `low_end`: the 95 % interval of the first point's rate.
    """

    source: Annotated[str, Field(min_length=20)]
    people: Annotated[int, Field(ge=0)] = 0
    comparisons: Annotated[int, Field(ge=0)] = 0
    points: Annotated[tuple[tuple[_Distance, Annotated[float, Field(gt=0, lt=1)]], ...], Field(min_length=2)]
    low_end: _Pair | None = None
    floor: _Distance
    auto_ceiling: _Distance
    suggest_ceiling: _Distance

    @model_validator(mode="after")
    def rising(self) -> Self:
        for column in zip(*self.points, strict=True):
            if list(column) != sorted(set(column)):
                raise ValueError("distances and rates must rise from point to point")
        first = self.points[0][1]
        if self.low_end and not self.low_end[0] <= first <= self.low_end[1]:
            raise ValueError("low_end is an interval around the rate of the first point")
        return self


class CardDistances(_Frozen):
    """Templates of two people nearer than `look_alike` are confusable; a person's own pictures lie below `unlike`.

    `apart`, `apart_deviation`: as `Apart`; without them thresholds are the same however close a gallery's people lie.
    """

    look_alike: _Distance
    unlike: _Distance
    apart: _Distance | None = None
    apart_deviation: _Distance | None = None

    @model_validator(mode="after")
    def both(self) -> Self:
        if (self.apart is None) != (self.apart_deviation is None):
            raise ValueError("apart and apart_deviation belong together")
        return self


class CardRates(_Frozen):
    """The share of strangers that may be named, where the configuration says none (FPIR); chosen with what it costs."""

    auto: Annotated[float, Field(gt=0, lt=1)]
    suggest: Annotated[float, Field(gt=0, lt=1)]

    @model_validator(mode="after")
    def ordered(self) -> Self:
        if self.auto > self.suggest:
            raise ValueError("auto must not be above suggest")
        return self


class CardFigures(_Frozen):
    """How well the engine did on people whom nothing was chosen for, `enrolled` of them, at its own rates.

    FPIR: the share of `strangers` that were given a name; FNIR: of photographs of the enrolled that were missed.
    """

    source: Annotated[str, Field(min_length=20)]
    enrolled: Annotated[int, Field(gt=0)]
    strangers: Annotated[int, Field(gt=0)]
    auto_fpir: _Part
    auto_fnir: _Part
    suggest_fpir: _Part
    suggest_fnir: _Part


class CardReferences(_Frozen):
    """How many reference photographs of a person it takes.

    `missed`: the share of probes of enrolled people that are missed, suggestions included, with templates of one, two
    and three photographs; measured as `source` says. `one_serves`: whether one is enough to find most.
    """

    one_serves: bool = False
    missed: tuple[_Part, _Part, _Part] | None = None
    source: str = ""

    @model_validator(mode="after")
    def complete(self) -> Self:
        if self.one_serves and self.missed is None:
            raise ValueError("missed says what one photograph costs, where one serves")
        if self.missed is not None and len(self.source) < 20:
            raise ValueError("source says on whom `missed` was measured")
        return self


class EngineCard(_Frozen):
    """One engine. `rank`: the better of two installed engines has the higher one. `vector`: its vectors' width.

    `figures`: what `[measured]` of the card says; a card that was never measured has none.
    """

    model_config = ConfigDict(populate_by_name=True)

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,40}$")]
    title: str
    version: Annotated[int, Field(ge=1)]
    rank: int
    encoder: Literal["dlib", "classic", "onnx", "openvino-ir"]
    vector: Annotated[int, Field(ge=16, le=4096)]
    licence: Annotated[str, Field(min_length=3)]
    training: Annotated[str, Field(min_length=3)]
    limits: Annotated[str, Field(min_length=3)]
    files: tuple[CardFile, ...] = ()
    input: CardInput
    calibration: CardCalibration
    distances: CardDistances
    rates: CardRates
    figures: CardFigures | None = Field(default=None, alias="measured")
    references: CardReferences = CardReferences()

    @model_validator(mode="after")
    def complete(self) -> Self:
        needed = {"openvino-ir": 2, "onnx": 1}.get(self.encoder, 0)
        if len(self.files) != needed:
            raise ValueError(f"files: an engine of the kind {self.encoder} has {pluralize(needed, 'file')}")
        if needed and self.input.points is None:
            raise ValueError("input.points says where the five points of a face belong")
        return self

    @property
    def mark(self) -> str:
        """Eight hexadecimal digits of everything that decides which vector a face gets."""
        files = [file.sha256 for file in self.files]
        decides = f"{self.encoder} {self.vector} {files} {self.input.model_dump_json()}"
        return hashlib.sha256(decides.encode()).hexdigest()[:8]

    @property
    def apart(self) -> Apart | None:
        """How far two people's templates lie apart, if the card says it."""
        d = self.distances
        return Apart(d.apart, d.apart_deviation) if d.apart and d.apart_deviation else None

    def measured(self) -> Calibration:
        """The calibration as the thresholds are computed from it."""
        c = self.calibration
        return Calibration(c.points, c.auto_ceiling if c.comparisons else 0.0, c.suggest_ceiling, c.floor, c.source)

    def find_thresholds(self, matching: MatchingSection, enrolled: int, lowered: float = 0.0) -> Thresholds:
        """The thresholds for the configured rates, or those of the card, with `enrolled` people compared.

        `lowered`: as in `compute_thresholds`.
        """
        rates = self.find_rates(matching)
        return compute_thresholds(self.measured(), enrolled, rates["auto"], rates["suggest"], lowered)

    def explain_thresholds(
        self, matching: MatchingSection, enrolled: int, lowered: float = 0.0
    ) -> tuple[OperatingPoint, OperatingPoint]:
        """What the thresholds for automatic names and for suggestions do, by the calibration."""
        limits, measured = self.find_thresholds(matching, enrolled, lowered), self.measured()
        rates = self.find_rates(matching)
        return (
            explain_threshold(measured, enrolled, rates["auto"], limits.auto, lowered),
            explain_threshold(measured, enrolled, rates["suggest"], limits.suggest, lowered),
        )

    def find_rates(self, matching: MatchingSection) -> dict[Literal["auto", "suggest"], float]:
        """The shares of strangers that may be named: as configured, or those of the card."""
        auto = matching.fpir_auto or self.rates.auto
        return {"auto": auto, "suggest": max(auto, matching.fpir_suggest or self.rates.suggest)}


@cache
def shipped_cards() -> dict[str, EngineCard]:
    """The cards that come with FaceLease, by name."""
    folder = resources.files(_FOLDER).joinpath("cards")
    texts = {one.name: one.read_text("utf-8") for one in folder.iterdir() if one.name.endswith(".toml")}
    cards = [parse_card(text, name) for name, text in sorted(texts.items())]
    return {card.name: card for card in cards}


def read_card(path: Path) -> EngineCard:
    """A site's own card, of a network in files. Raises EngineError for what is none, with what is wrong."""
    try:
        card = parse_card(path.read_text("utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise EngineError(f"{path}: the card cannot be read") from error
    if not card.files:
        raise EngineError(f"{path}: encoder: a card of your own is of a network in files: onnx, or openvino-ir")
    return card


def parse_card(text: str, name: str) -> EngineCard:
    """The card in a TOML document. Raises EngineError, naming the first field that is wrong."""
    try:
        return EngineCard.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise EngineError(f"{name} is no TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise EngineError(f"{name}: {where or 'the card'}: {first['msg']}") from error
