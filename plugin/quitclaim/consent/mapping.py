"""Consents that were given elsewhere, in our terms: days, mediums, uses, and the quitclaim they make.

An imported consent is to publication, never to recognition. What is not certain is refused or listed, never guessed.
"""

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from plugin.errors import ConsentError
from plugin.quitclaim.consent.intervals import end_of, minus
from plugin.quitclaim.consent.lifecycle import Signing
from plugin.quitclaim.consent.model import OLDEST_BIRTH_YEAR, AgeRules, Grant, GrantKind, Person, Quitclaim, Window
from plugin.quitclaim.consent.rules import windows
from plugin.words.plurals import pluralize

METHOD = "import"
EVERY = "*"
_LAST_YEAR = 2200
_LONGEST = 80  # of a text's version, which the audit log repeats
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})", re.ASCII)
_DAY_FIRST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})", re.ASCII)
_RECOGNITION = re.compile(r"recogni|biometr|gezicht|herken", re.IGNORECASE)
NO_RECOGNITION = "recognition is not imported: it needs the person's own explicit consent; invite them to sign for it"


class EarlierUses(StrEnum):
    """What the staff decided about uses agreed to by another form: keep both, or this one alone."""

    ADD = "add"
    REPLACE = "replace"


@dataclass(frozen=True)
class ForeignConsent:
    """One consent as it was found. `number` is its row, or its number in the DAM; `source` is where it came from.

    `until` is the last day. Without `start` it holds from the day of the signature.
    """

    number: int
    source: str
    name: str
    uses: tuple[tuple[str, str], ...]
    signed: date
    text_version: str
    start: date | None = None
    until: date | None = None
    email: str = ""
    language: str = ""
    birth_date: date | None = None
    guardians: tuple[str, ...] = ()
    of_age: bool = False

    @property
    def fingerprint(self) -> str:
        """The same for the same consent, wherever in the file it is."""
        said = asdict(self)
        del said["number"], said["source"]
        if not self.of_age:
            del said["of_age"]  # as before there was such a column
        return entry_digest(said)


def entry_digest(value: object) -> str:
    """SHA-256 of the canonical JSON, marked as what it is so that no spreadsheet takes it for a number."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


# ---- words and days -------------------------------------------------------------------------


def parse_day(text: str, what: str, day_first: bool = False) -> date | None:
    """A day as written, None for nothing. Raises ConsentError for what is no day, or could be two."""
    text = text.strip()
    if not text:
        return None
    found = _ISO.fullmatch(text)
    if found:
        return _make_day(int(found[1]), int(found[2]), int(found[3]), text, what)
    found = _DAY_FIRST.fullmatch(text)
    if found and day_first:
        return _make_day(int(found[4]), int(found[3]), int(found[1]), text, what)
    if found:
        raise ConsentError(
            f"{what}: which of {text!r} is the day is not told; write it like 2026-12-31, or say that days come first"
        )
    raise ConsentError(f"{what}: {text!r} is no day; write it like 2026-12-31")


def _make_day(year: int, month: int, number: int, text: str, what: str) -> date:
    if not OLDEST_BIRTH_YEAR <= year <= _LAST_YEAR:
        raise ConsentError(f"{what}: the year of {text!r} is a slip; correct it")
    try:
        return date(year, month, number)
    except ValueError:
        raise ConsentError(f"{what}: there is no day {text!r}; correct it") from None


def split_list(text: str) -> tuple[str, ...]:
    """The words of a list in one cell: between commas, semicolons or bars."""
    return tuple(dict.fromkeys(part.strip() for part in re.split(r"[,;|\n]", text) if part.strip()))


def parse_mediums(
    usage: str, table: Mapping[str, str], channels: Collection[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The channels that a ", "-joined list of mediums means, and the mediums that mean none.

    A medium may have a comma in its name: the longest that the table knows is taken.
    """
    known = {" ".join(medium.casefold().split()): channel for medium, channel in table.items()}
    words = [word.strip() for word in usage.split(",")]
    found: dict[str, None] = {}
    strange: list[str] = []
    at = 0
    while at < len(words):
        ends = range(len(words), at, -1)
        keys = {end: " ".join(", ".join(words[at:end]).casefold().split()) for end in ends}
        end = next((end for end in ends if keys[end] in known), at + 1)
        channel = known.get(keys[end], "")
        if channel in channels:
            found[channel] = None
        elif words[at]:
            strange.append(", ".join(words[at:end]))
        at = end
    return tuple(found), tuple(strange)


def parse_uses(
    purposes: Iterable[str], channels: Iterable[str], known: tuple[Collection[str], Collection[str]]
) -> tuple[tuple[str, str], ...]:
    """Every purpose on every channel named; `known` are those that are configured. Raises ConsentError."""
    chosen = tuple(
        _find_configured(tuple(given), configured, what)
        for given, configured, what in zip((purposes, channels), known, ("purpose", "channel"), strict=True)
    )
    return tuple((purpose, channel) for purpose in chosen[0] for channel in chosen[1])


def _find_configured(given: Sequence[str], configured: Collection[str], what: str) -> tuple[str, ...]:
    if EVERY in given:
        return tuple(configured)
    spelled = {name.casefold(): name for name in configured}
    for name in given:
        if name.casefold() in spelled:
            continue
        if _RECOGNITION.search(name):
            raise ConsentError(NO_RECOGNITION)
        raise ConsentError(
            f"{name!r} is no {what} that is configured: {', '.join(configured)}; correct it or leave it out"
        )
    if not given:
        raise ConsentError(f"no {what} is named: say for which the consent was given")
    return tuple(dict.fromkeys(spelled[name.casefold()] for name in given))


def shorten_text(text: str) -> str:
    """Which text was signed, in a few words: the audit log repeats them. Raises ConsentError."""
    text = " ".join(text.split())
    if not text or len(text) > _LONGEST or not text.isprintable():
        raise ConsentError(f"text_version: say which text was signed, in at most {_LONGEST} characters")
    return text


# ---- what it comes to -----------------------------------------------------------------------


def is_expired(entry: ForeignConsent, today: date) -> bool:
    """Whether the last day is over."""
    return entry.until is not None and entry.until < today


def midnight(at: date, zone: ZoneInfo) -> datetime:
    """The first moment of a day at the organisation's place, in UTC."""
    return datetime(at.year, at.month, at.day, tzinfo=zone).astimezone(UTC)


def find_open_question(
    person: Person, claims: Sequence[Quitclaim], rules: AgeRules, now: datetime, changed: bool
) -> str:
    """Why somebody has to decide about what the person agreed to already; "" if nobody has to.

    Imported consents add up, as they did at their source. `changed`: one from there was imported before and differed.
    """
    live = _list_live(person, claims, rules, now)
    if any(grant.kind is GrantKind.RECOGNITION for _, grant, _ in live):
        return "has agreed to recognition by a form of their own, which ends if this replaces it"
    if changed and live:
        return "was imported before, and says something else now"
    if any(claim.method != METHOD for claim, _, _ in live):
        return f"has agreed to {pluralize(len(live), 'use')} by another form"
    return ""


def make_signing(
    entry: ForeignConsent,
    person: Person,
    claims: Sequence[Quitclaim],
    guardians: tuple[str, ...],
    rules: AgeRules,
    now: datetime,
    keep: EarlierUses,
    new_id: Callable[[], str],
) -> Signing:
    """The quitclaim that the entry makes, with the publication grants of before that still run (EarlierUses.ADD).

    Raises ConsentError if it is not certain who signed, or if recognition would have to be continued.
    """
    if entry.guardians and person.birth_date is None:
        raise ConsentError("a guardian is named but no birth date: add the birth date")
    start = midnight(entry.start or entry.signed, rules.zone)
    until = end_of(entry.until, rules.zone) if entry.until else None
    grants = [Grant(new_id(), GrantKind.PUBLICATION, purpose, channel, start, until) for purpose, channel in entry.uses]
    if keep is EarlierUses.ADD:
        grants += _carry_on(_list_live(person, claims, rules, now), grants, now, new_id)
    return Signing(
        text_version=entry.text_version,
        text_sha256=None,
        language=entry.language or person.language,
        method=METHOD,
        signed_by_person=not guardians,
        signed_by_guardians=guardians,
        signed_at=midnight(entry.signed, rules.zone),
        grants=tuple(grants),
    )


_Live = tuple[Quitclaim, Grant, Window]


def _list_live(person: Person, claims: Sequence[Quitclaim], rules: AgeRules, now: datetime) -> list[_Live]:
    """The grants that are in force or to come, each with its version."""
    of = {grant.id: claim for claim in claims for grant in claim.grants}
    return [
        (of[grant.id], grant, (start, end))
        for grant, start, end in windows(person, claims, rules)
        if end is None or end > now
    ]


def _carry_on(live: Iterable[_Live], fresh: Sequence[Grant], now: datetime, new_id: Callable[[], str]) -> list[Grant]:
    found: list[Grant] = []
    for _, grant, window in live:
        if grant.kind is GrantKind.RECOGNITION:
            raise ConsentError(
                "an import cannot carry on the recognition that the person agreed to: have one new form signed"
            )
        line = (grant.purpose, grant.channel)
        ahead = [(g.valid_from, g.valid_until) for g in (*fresh, *found) if (g.purpose, g.channel) == line]
        for start, end in minus([window], ahead):
            if end is None or end > now:
                found.append(
                    replace(grant, id=new_id(), valid_from=start, valid_until=end, ended_at=None, ended_kind=None)
                )
    return found
