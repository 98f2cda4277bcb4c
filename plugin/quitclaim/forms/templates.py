"""The form (quitclaim template) that an organisation composes: what is asked, for what, for how long.

A form is checked as a whole: what is missing is said all at once, each with where it belongs. Its
canonical JSON and the SHA-256 of that say which form it was; a change is a new version.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from plugin.errors import ConsentError
from plugin.quitclaim.words import wording
from plugin.words.catalogues import Language

"""The languages in which our own words are there, so that a form may have a text in them."""

RECOGNITION = "recognition"
"""The key of the recognition line, apart from every use."""

_YEAR = 366  # days
_MAX_TEXT = 4000

Words = Annotated[str, Field(min_length=1, max_length=_MAX_TEXT)]
Short = Annotated[str, Field(min_length=1, max_length=200)]


class LegalBasis(StrEnum):
    """What a publication rests on (GDPR Art. 6(1)(a) or (b)); recognition is always explicit consent."""

    CONSENT = "consent"
    CONTRACT = "contract"


class Part(BaseModel):
    """A part of a form: frozen; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Use(Part):
    """A purpose and the channels that it is asked for, each of which is a line of its own."""

    purpose: Short
    channels: Annotated[tuple[Short, ...], Field(min_length=1)]
    basis: LegalBasis = LegalBasis.CONSENT


class ForChild(Part):
    """What is said otherwise to a guardian who is asked about a child; "" is as to anybody."""

    title: str = ""
    asks: str = ""
    why: str = ""
    recognition: str = ""
    photographs: str = ""
    withdraw: str = ""


class Text(Part):
    """What the form says in one language, in plain words.

    `recognition` and `photographs` are needed where the form asks for them. `words` names purposes
    and channels that the organisation added itself; `examples` says of a channel where that is.
    """

    title: Short
    asks: Words
    why: Words
    retention: Words
    withdraw: Words
    recognition: str = ""
    photographs: str = ""
    words: Mapping[str, Short] = {}
    examples: Mapping[str, Short] = {}
    child: ForChild = ForChild()

    def body(self) -> dict[str, object]:
        """The text as JSON takes it: without examples as it was before there were any, so that its hash stays."""
        return self.model_dump(mode="json", exclude=set() if self.examples else {"examples"})

    def to_guardian(self) -> "Text":
        """The text as it is said to a guardian who is asked about a child."""
        said = {name: words for name, words in self.child.model_dump().items() if words}
        return self.model_copy(update=said)


class Duration(Part):
    """How long it holds: so many days, through a fixed last day, or through the school year (MM-DD)."""

    days: Annotated[int, Field(ge=1, le=3660)] | None = None
    last_day: date | None = None
    school_year_ends: str = ""

    @field_validator("school_year_ends")
    @classmethod
    def a_day(cls, value: str) -> str:
        if value:
            try:
                date.fromisoformat(f"2001-{value}")
            except ValueError:
                raise ValueError("give month and day of its last day, such as 07-31") from None
        return value

    @model_validator(mode="after")
    def one(self) -> Self:
        if sum((self.days is not None, self.last_day is not None, bool(self.school_year_ends))) != 1:
            raise ValueError("give one of days, last_day and school_year_ends")
        return self

    def through(self, signed: date) -> date:
        """The last day on which something signed on `signed` holds."""
        if self.days is not None:
            return signed + timedelta(days=self.days)
        if self.last_day is not None:
            return self.last_day
        this = date.fromisoformat(f"{signed.year}-{self.school_year_ends}")
        return this if this >= signed else date.fromisoformat(f"{signed.year + 1}-{self.school_year_ends}")


class Form(Part):
    """What an organisation asks. `version` counts from 1 and is given by the store, 0 before that.

    `renew_yearly`: what is signed by it holds 366 days at most, so that people are asked again each year.
    `guardians`: how many sign for a minor where the organisation asks for more than the configuration.
    `alerts`: days before the end on which the person is written to. `enrol`: whether reference
    photographs are asked of who agrees to be recognised.
    """

    name: Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[\w][\w .\-]*$")]
    organisation: Short
    officer: Short
    policy_url: Annotated[str, Field(pattern=r"^https?://\S+$", max_length=500)]
    jurisdiction: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = "NL"
    uses: Annotated[tuple[Use, ...], Field(min_length=1)]
    recognition: bool = True
    enrol: bool = True
    duration: Duration
    renew_yearly: bool = False
    code_by_mail: bool = False
    guardians: Literal[1, 2] = 1
    alerts: tuple[Annotated[int, Field(ge=1, le=365)], ...] = (60, 14, 1)
    texts: Annotated[Mapping[Language, Text], Field(min_length=1)]
    version: int = 0

    @model_validator(mode="after")
    def whole(self) -> Self:
        missing = [*self._unsaid(), *self._doubled()]
        if self.renew_yearly and self.duration.days is not None and self.duration.days > _YEAR:
            missing.append("renew_yearly: a form that is renewed each year holds 366 days at most")
        if missing:
            raise ValueError("; ".join(missing))
        return self

    def _unsaid(self) -> Iterable[str]:
        needed = [(RECOGNITION, self.recognition), ("photographs", self.recognition and self.enrol)]
        for language, text in self.texts.items():
            for part, asked in needed:
                if asked and not getattr(text, part):
                    yield f"texts.{language}.{part}: say in plain words what is asked there"
            for term in self._terms():
                if term not in text.words and wording.term(term, language) is None:
                    yield f"texts.{language}.words: {term!r} has no words in this language"
            for channel in text.examples.keys() - {channel for use in self.uses for channel in use.channels}:
                yield f"texts.{language}.examples: {channel!r} is not asked for"

    def _terms(self) -> list[str]:
        return list(dict.fromkeys(term for use in self.uses for term in (use.purpose, *use.channels)))

    def _doubled(self) -> Iterable[str]:
        seen: set[tuple[str, str]] = set()
        for purpose, channel, _ in self.lines():
            if (purpose, channel) in seen:
                yield f"uses: {channel} for {purpose} is asked twice; a line stands once, so that it ends alone"
            seen.add((purpose, channel))

    def last_day(self, signed: date) -> date:
        """The last day on which something signed by this form on `signed` holds."""
        through = self.duration.through(signed)
        return min(through, signed + timedelta(days=_YEAR)) if self.renew_yearly else through

    def lines(self) -> list[tuple[str, str, LegalBasis]]:
        """Purpose, channel and legal basis of every publication line, in order."""
        return [(use.purpose, channel, use.basis) for use in self.uses for channel in use.channels]

    def body(self) -> dict[str, object]:
        """The form as JSON takes it, without its version."""
        body: dict[str, object] = self.model_dump(mode="json", exclude={"version"})
        return body | {"texts": {language: text.body() for language, text in self.texts.items()}}

    @property
    def text_version(self) -> str:
        """How a quitclaim names what was signed."""
        return f"{self.name} v{self.version}"


def parse(tree: Mapping[str, object], version: int = 0) -> Form:
    """The form that `tree` describes. Raises ConsentError, which says everything that is missing or wrong."""
    try:
        return Form.model_validate({**tree, "version": version})
    except ValidationError as error:
        raise ConsentError(
            "the form is not whole: "
            + "; ".join(_explain(one["loc"], one["msg"], one["type"]) for one in error.errors())
        ) from error


def _explain(location: Sequence[int | str], message: str, kind: str) -> str:
    where = ".".join(str(part) for part in location)
    said = message.removeprefix("Value error, ")
    if kind == "extra_forbidden":
        said = "nobody reads this key; take it out"
    elif kind == "missing":
        said = "is missing"
    return f"{where}: {said}" if where else said


def find_misfits(form: Form, purposes: Sequence[str], channels: Sequence[str], language: str) -> list[str]:
    """What keeps a form from being used in a house with these purposes, channels and this first language."""
    found = [f"texts.{language}: is missing, and it is the site's language"] * (language not in form.texts)
    for use in form.uses:
        if use.purpose not in purposes:
            found.append(f"uses: purpose {use.purpose!r} is not configured, only {', '.join(purposes)}")
        found += [
            f"uses: channel {channel!r} is not configured, only {', '.join(channels)}"
            for channel in use.channels
            if channel not in channels
        ]
    return found


def canonical(tree: object) -> bytes:
    """JSON that comes out alike whoever writes it: keys sorted, no white space, UTF-8."""
    return json.dumps(tree, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def digest(tree: object) -> str:
    """SHA-256 of the canonical JSON, 64 hexadecimal digits."""
    return sha256(canonical(tree)).hexdigest()
