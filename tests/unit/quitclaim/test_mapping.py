"""Consents from elsewhere in our words: days, mediums, uses, and what they come to beside earlier forms."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin.errors import ConsentError
from plugin.quitclaim.consent import lifecycle, mapping
from plugin.quitclaim.consent.intervals import contains, minus
from plugin.quitclaim.consent.mapping import EarlierUses, ForeignConsent
from plugin.quitclaim.consent.model import AgeRules, Grant, GrantKind, Person, Quitclaim, Window
from plugin.quitclaim.consent.rules import publication_windows, recognition_window

KNOWN = (("communication", "commercial"), ("website", "print", "social media"))
TABLE = {"Print": "print", "Websites": "website", "Social Media": "social media", "TV": "tv", "Merchandise": ""}
ENTRY = ForeignConsent(1, "s", "Åsa", (("communication", "website"),), date(2026, 1, 15), "v1")
AGES = AgeRules()
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def ids(version: int) -> Callable[[], str]:
    numbers = count()
    return lambda: f"new-{version}-{next(numbers)}"


@pytest.mark.parametrize(
    ("text", "day_first", "expected"),
    [
        ("", False, None),
        (" 2026-12-31 ", False, date(2026, 12, 31)),
        ("2026-1-2", False, date(2026, 1, 2)),
        ("31-12-2026", True, date(2026, 12, 31)),
        ("1/2/2026", True, date(2026, 2, 1)),
        ("1.2.2026", True, date(2026, 2, 1)),
        ("2026-02-01", True, date(2026, 2, 1)),
    ],
)
def test_a_day_is_read_as_it_was_said_to_be_written(text: str, day_first: bool, expected: date | None) -> None:
    assert mapping.parse_day(text, "until", day_first) == expected


@pytest.mark.parametrize(
    ("text", "day_first"),
    [
        ("01-02-2026", False),
        ("31-12-2026", False),
        ("0000-00-00", False),
        ("2026-02-30", False),
        ("31-12-26", True),
        ("1/2-2026", True),
        ("12/31/2026", True),
        ("soon", True),
        ("9999-12-31", False),
        ("２０２６-01-01", False),
        ("46387", False),
    ],
)
def test_a_day_that_could_be_two_or_none_is_refused(text: str, day_first: bool) -> None:
    """Ambiguous, out of the calendar, a slip of the year, a spreadsheet's number: never guessed."""
    with pytest.raises(ConsentError, match="until"):
        mapping.parse_day(text, "until", day_first)


@given(st.text(max_size=20), st.booleans())
def test_any_text_is_a_day_nothing_or_refused(text: str, day_first: bool) -> None:
    """No other error comes out."""
    with suppress(ConsentError):
        assert isinstance(mapping.parse_day(text, "from", day_first), date | None)


@pytest.mark.parametrize(
    ("usage", "channels", "strange"),
    [
        ("Print, Websites", ("print", "website"), ()),
        ("", (), ()),
        ("websites", ("website",), ()),
        ("Print, Websites, Print", ("print", "website"), ()),
        ("TV, Merchandise, Billboards", (), ("TV", "Merchandise", "Billboards")),
        ("Social  Media,Print", ("social media", "print"), ()),
        ("Printing", (), ("Printing",)),
        ("web site", (), ("web site",)),
    ],
)
def test_mediums_are_channels_or_listed(usage: str, channels: tuple[str, ...], strange: tuple[str, ...]) -> None:
    """A medium without a channel, or with one that is not configured here, is told and never guessed."""
    assert mapping.parse_mediums(usage, TABLE, KNOWN[1]) == (channels, strange)


def test_a_medium_with_a_comma_is_one() -> None:
    """The longest name that the table knows: consent to an intranet is not consent to the website."""
    table = TABLE | {"Websites, internal only": "internal"}
    found = mapping.parse_mediums("Print, Websites, internal only", table, ("print", "website", "internal"))
    assert found == (("print", "internal"), ())


@given(st.text(max_size=60))
def test_mediums_invent_no_channel(usage: str) -> None:
    channels, _ = mapping.parse_mediums(usage, TABLE, KNOWN[1])
    words = {" ".join(word.casefold().split()) for word in usage.split(",")}
    spelled = {medium.casefold() for medium, channel in TABLE.items() if channel in channels}
    assert spelled <= words


def test_uses_are_those_that_are_configured() -> None:
    assert mapping.parse_uses(("Communication",), ("website", "PRINT"), KNOWN) == (
        ("communication", "website"),
        ("communication", "print"),
    )
    assert len(mapping.parse_uses(("*",), ("*",), KNOWN)) == 6
    for purposes, channels in (((), ("print",)), (("communication",), ()), (("art",), ("print",))):
        with pytest.raises(ConsentError):
            mapping.parse_uses(purposes, channels, KNOWN)


@pytest.mark.parametrize("word", ["recognition", "Face recognition", "gezichtsherkenning", "biometrics"])
def test_recognition_is_no_use(word: str) -> None:
    """It is told what it needs, not only that it is unknown."""
    for purposes, channels in (((word,), ("print",)), (("communication",), (word,))):
        with pytest.raises(ConsentError, match="own explicit consent"):
            mapping.parse_uses(purposes, channels, KNOWN)


def test_a_fingerprint_is_of_the_consent_not_of_its_place() -> None:
    assert replace(ENTRY, number=9, source="other").fingerprint == ENTRY.fingerprint
    for change in (
        {"name": "Bo"},
        {"until": date(2027, 1, 1)},
        {"uses": ()},
        {"email": "a@b"},
        {"start": ENTRY.signed},
    ):
        assert replace(ENTRY, **change).fingerprint != ENTRY.fingerprint


def sign(
    entry: ForeignConsent,
    person: Person,
    claims: tuple[Quitclaim, ...] = (),
    keep: EarlierUses = EarlierUses.ADD,
    guardians: tuple[str, ...] = (),
) -> tuple[Quitclaim, ...]:
    """The versions once the entry is recorded."""
    signing = mapping.make_signing(entry, person, claims, guardians, AGES, NOW, keep, ids(len(claims)))
    new = lifecycle.record(person, claims, signing, AGES, quitclaim_id=f"q{len(claims)}", now=NOW, by="t")
    return (*lifecycle.supersede(claims, new), new)


ASA = Person("asa", "Åsa")


@given(
    st.lists(st.sampled_from([(p, c) for p in KNOWN[0] for c in KNOWN[1]]), min_size=1, unique=True),
    st.dates(date(2020, 1, 1), date(2026, 3, 1)),
    st.none() | st.dates(date(2026, 3, 2), date(2030, 1, 1)),
)
def test_an_import_is_never_a_recognition_grant(uses: list[tuple[str, str]], signed: date, until: date | None) -> None:
    claims = sign(replace(ENTRY, uses=tuple(uses), signed=signed, until=until), ASA)
    assert {grant.kind for claim in claims for grant in claim.grants} == {GrantKind.PUBLICATION}
    assert {claim.method for claim in claims} == {"import"}


def test_the_last_day_belongs_to_it() -> None:
    """Until 1 December is until its midnight at the organisation's place."""
    claims = sign(replace(ENTRY, until=date(2026, 12, 1)), ASA)
    end = publication_windows(ASA, claims, AGES, "communication", "website")[0][1]
    assert end == datetime(2026, 12, 2, tzinfo=AGES.zone)
    assert not mapping.is_expired(replace(ENTRY, until=date(2026, 3, 2)), date(2026, 3, 2))
    assert mapping.is_expired(replace(ENTRY, until=date(2026, 3, 1)), date(2026, 3, 2))


def test_imported_forms_stand_beside_one_another() -> None:
    """The second does not end the first; where both say the same, it is said once, as long as either."""
    first = sign(
        replace(ENTRY, until=date(2027, 1, 1), uses=(("communication", "website"), ("communication", "print"))), ASA
    )
    assert mapping.find_open_question(ASA, first, AGES, NOW, changed=False) == ""
    both = sign(replace(ENTRY, signed=date(2026, 2, 1), until=date(2026, 6, 1)), ASA, first)
    for channel in ("website", "print"):
        (window,) = publication_windows(ASA, both, AGES, "communication", channel)
        assert window[1] == datetime(2027, 1, 2, tzinfo=AGES.zone)
        assert window[0] <= NOW


def test_what_replaces_ends_what_was() -> None:
    first = sign(replace(ENTRY, uses=(("communication", "print"),)), ASA)
    both = sign(replace(ENTRY, signed=date(2026, 2, 1)), ASA, first, EarlierUses.REPLACE)
    (window,) = publication_windows(ASA, both, AGES, "communication", "print")
    assert window[1] == NOW


def test_a_form_of_ones_own_needs_a_decision(
    quitclaim: Callable[..., Quitclaim], publication: Callable[..., Grant], recognition: Callable[..., Grant]
) -> None:
    """What somebody signed here is not replaced by a list; what they ended is no question."""
    own = quitclaim(ASA, publication(start=NOW - 90 * DAY), signed_at=NOW - 90 * DAY)
    assert "another form" in mapping.find_open_question(ASA, (own,), AGES, NOW, changed=False)
    seen = quitclaim(ASA, recognition(start=NOW - 90 * DAY), signed_at=NOW - 90 * DAY)
    assert "recognition" in mapping.find_open_question(ASA, (seen,), AGES, NOW, changed=False)
    ended = lifecycle.withdraw((own,), None, NOW)
    assert mapping.find_open_question(ASA, ended, AGES, NOW, changed=False) == ""
    imported = sign(ENTRY, ASA)
    assert "something else" in mapping.find_open_question(ASA, imported, AGES, NOW, changed=True)


def test_recognition_is_not_carried_on_by_an_import(
    quitclaim: Callable[..., Quitclaim], recognition: Callable[..., Grant]
) -> None:
    """Adding is refused; replacing ends it: a list never holds it up."""
    own = quitclaim(ASA, recognition(start=NOW - 90 * DAY), signed_at=NOW - 90 * DAY)
    with pytest.raises(ConsentError, match="recognition"):
        sign(ENTRY, ASA, (own,))
    after = sign(ENTRY, ASA, (own,), EarlierUses.REPLACE)
    assert recognition_window(ASA, after, AGES, NOW) is None


CLARA = Person("clara", "Clara", birth_date=date(2015, 6, 1), guardians=("g",))


def test_a_child_needs_the_guardian() -> None:
    """And what the guardian allowed ends on the birthday."""
    with pytest.raises(ConsentError, match="guardian"):
        sign(ENTRY, CLARA)
    claims = sign(replace(ENTRY, guardians=("Eva",)), CLARA, guardians=("g",))
    (window,) = publication_windows(CLARA, claims, AGES, "communication", "website")
    assert window[1] == datetime(2031, 6, 1, tzinfo=AGES.zone)


def test_a_guardian_without_a_birth_date_is_a_question() -> None:
    """Whether it is a child cannot be told: refused, not taken for an adult."""
    with pytest.raises(ConsentError, match="no birth date"):
        sign(replace(ENTRY, guardians=("Eva",)), ASA, guardians=("g",))


@given(st.data())
def test_windows_less_windows(data: st.DataObject) -> None:
    """A moment is left if it lies in the first and not in the second."""

    def windows() -> list[Window]:
        spans = data.draw(st.lists(st.tuples(st.integers(0, 20), st.none() | st.integers(0, 20)), max_size=4))
        return [(NOW + timedelta(hours=a), None if b is None else NOW + timedelta(hours=b)) for a, b in spans]

    one, other = windows(), windows()
    left = minus(one, other)
    for hour in range(22):
        at = NOW + timedelta(hours=hour, minutes=30)
        inside = any(contains(w, at) for w in one) and not any(contains(w, at) for w in other)
        assert any(contains(w, at) for w in left) == inside
