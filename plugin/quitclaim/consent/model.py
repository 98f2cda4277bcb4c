"""People, their names, quitclaims and grants, as frozen values that cannot be built wrong.

Every moment is turned to UTC on the way in: Python compares two times of one zone by their wall
clock, so the hour that is repeated in autumn would otherwise count as one.
"""

import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from hashlib import sha256
from zoneinfo import ZoneInfo

from plugin.errors import ConsentError

Window = tuple[datetime, datetime | None]
"""Half-open: the start belongs to it, the end does not; None is no end."""

OLDEST_BIRTH_YEAR = 1900
MAX_NAME = 200
_LONGEST_KEY = 500

# Control, format (the bidi controls are among them), surrogate, private, unassigned, line and
# paragraph separators: what a reader does not see but a terminal, a file or a page obeys.
_REFUSED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Persian and Indic names need the two joiners. In these scripts they show nothing, and would make
# one name look like another.
_JOINERS = frozenset("\u200c\u200d")
_UNJOINED = ("LATIN", "GREEK", "CYRILLIC", "ARMENIAN")
# Letters and signs that show nothing, so that a name made of them looks empty.
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800")


class GrantKind(StrEnum):
    """What a grant allows: two consents, never one tick."""

    RECOGNITION = "recognition"
    PUBLICATION = "publication"


class EndKind(StrEnum):
    """Why a grant ended before, or at, the end that was signed."""

    WITHDRAWN = "withdrawn"
    RESTRICTED = "restricted"
    SUPERSEDED = "superseded"
    LAPSED = "lapsed"
    OBJECTED = "objected"


def utc(value: datetime, what: str) -> datetime:
    """`value` in UTC. Raises ConsentError, naming `what`, where it has no time zone."""
    if value.tzinfo is None or value.utcoffset() is None:
        raise ConsentError(f"{what} has no time zone: give an aware time")
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise ConsentError(f"{what} is outside the years 1 to 9999: give a real time") from error


def _to_utc(value: object, *names: str) -> None:
    for name in names:
        when = getattr(value, name)
        if when is not None:
            object.__setattr__(value, name, utc(when, name))


@dataclass(frozen=True)
class Grant:
    """One line of a quitclaim, each with its own from and until, each withdrawn alone.

    In force at most from `valid_from` up to, not including, `valid_until` and `ended_at`; when it
    really is in force `rules.windows` says. Raises ConsentError when the parts do not fit together.
    """

    id: str
    kind: GrantKind
    purpose: str | None
    channel: str | None
    valid_from: datetime
    valid_until: datetime | None = None
    ended_at: datetime | None = None
    ended_kind: EndKind | None = None

    def __post_init__(self) -> None:
        _to_utc(self, "valid_from", "valid_until", "ended_at")
        if self.valid_until is not None and self.valid_until <= self.valid_from:
            raise ConsentError("valid_until must be after valid_from: correct the dates of the grant")
        if self.kind is GrantKind.PUBLICATION and not (self.purpose and self.channel):
            raise ConsentError("a publication grant needs a purpose and a channel: name both")
        if self.kind is GrantKind.RECOGNITION and not (self.purpose is None and self.channel is None):
            raise ConsentError("a recognition grant has no purpose and no channel: leave both out")
        if (self.ended_at is None) != (self.ended_kind is None):
            raise ConsentError("an ended grant has a moment and a kind of end: give both or neither")


@dataclass(frozen=True)
class Quitclaim:
    """One version of what a person, or guardians for them, agreed to. A change is a new version.

    `text_sha256` is the hash of the text that was shown, 64 hexadecimal digits, None where no text
    is kept (an import). From `superseded_at` on a later version has taken its place.
    """

    id: str
    person_id: str
    version: int
    text_version: str
    text_sha256: str | None
    language: str
    method: str
    signed_by_person: bool
    signed_by_guardians: tuple[str, ...]
    signed_at: datetime
    recorded_at: datetime
    recorded_by: str
    grants: tuple[Grant, ...]
    superseded_at: datetime | None = None

    def __post_init__(self) -> None:
        _to_utc(self, "signed_at", "recorded_at", "superseded_at")
        if self.version < 1:
            raise ConsentError("versions of a quitclaim count from 1")
        digits = self.text_sha256
        if digits is not None and not (len(digits) == 64 and set(digits) <= set("0123456789abcdef")):
            raise ConsentError("text_sha256 must be 64 lower-case hexadecimal digits")
        if len({grant.id for grant in self.grants}) != len(self.grants):
            raise ConsentError("two grants of a quitclaim have the same id: give each its own")


@dataclass(frozen=True)
class Person:
    """Somebody who may be tagged. Without a birth date they sign for themselves.

    `of_age`: declared to be of age; it says nothing where there is a birth date. `objected_at` is the
    person's own objection to recognition; `guardians` are the ids of those who are known to decide
    for them while they are under age.
    """

    id: str
    display_name: str
    language: str = "en"
    birth_date: date | None = None
    objected_at: datetime | None = None
    guardians: tuple[str, ...] = ()
    of_age: bool = False

    def __post_init__(self) -> None:
        _to_utc(self, "objected_at")
        if isinstance(self.birth_date, datetime):
            raise ConsentError("a birth date is a day, not a moment: leave the time out")
        if self.birth_date is not None and self.birth_date.year < OLDEST_BIRTH_YEAR:
            raise ConsentError(f"a birth date before {OLDEST_BIRTH_YEAR} is a slip: correct the year")


@dataclass(frozen=True)
class AgeRules:
    """From which ages, in years, a person decides alone and may be recognised at all.

    `guardians` is how many must sign below `age`; birthdays begin at midnight in `zone`.
    """

    age: int = 16
    recognition_from: int = 6
    guardians: int = 1
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Europe/Amsterdam"))

    def __post_init__(self) -> None:
        if self.guardians < 1:
            raise ConsentError("at least one guardian must sign for a minor: set minors.guardians to 1 or more")
        if min(self.age, self.recognition_from) < 0:
            raise ConsentError("an age cannot be negative: correct the minors section")


def clean_name(text: str) -> str:
    """`text` as a display name: NFC, white space folded.

    Raises ConsentError when it is empty, longer than MAX_NAME characters, has no letter or digit,
    or holds characters that cannot be seen.
    """
    for place, sign in enumerate(text):
        hidden = unicodedata.category(sign) in _REFUSED and not _joins(text, place)
        if hidden or sign in _BLANK:
            raise ConsentError(f"the name holds the invisible character U+{ord(sign):04X}: type it without")
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not any(sign.isalnum() for sign in name):
        raise ConsentError("a name needs at least one letter or digit: type the name that the photographs bear")
    if len(name) > MAX_NAME:
        raise ConsentError(f"a name has at most {MAX_NAME} characters, this one has {len(name)}: shorten it")
    return name


def _joins(text: str, place: int) -> bool:
    """Whether the sign at `place` is a joiner between two letters of a script that needs it."""
    around = text[place - 1 : place] + text[place + 1 : place + 2]
    letters = len(around) == 2 and all(unicodedata.category(sign)[0] in "LM" for sign in around)
    return text[place] in _JOINERS and letters and not _unjoined(around)


def _unjoined(signs: str) -> bool:
    return any(unicodedata.name(sign, "").startswith(_UNJOINED) for sign in signs)


def name_key(text: str) -> str:
    """What two spellings of one name share: NFKC, casefolded, white space folded.

    Folding case can undo the normal form, so it is normalised again until nothing changes: the key
    of a key is itself. A text longer than any name stands by its beginning and a hash: no index holds it whole.
    """
    key = text
    while True:
        folded = " ".join(unicodedata.normalize("NFKC", key).casefold().split())
        if folded == key:
            break
        key = folded
    if len(key) <= _LONGEST_KEY:
        return key
    return f"{key[:MAX_NAME].rstrip()} {sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()}"
