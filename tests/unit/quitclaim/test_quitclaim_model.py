from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin.errors import ConsentError
from plugin.quitclaim.consent.model import (
    MAX_NAME,
    AgeRules,
    EndKind,
    Grant,
    GrantKind,
    Person,
    Quitclaim,
    clean_name,
    name_key,
    utc,
)

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("field", ["valid_from", "valid_until", "ended_at"])
def test_a_grant_refuses_a_moment_without_a_zone(field: str) -> None:
    """A naive time is refused and the message names the field."""
    naive = datetime(2027, 1, 1)  # noqa: DTZ001 - the point of the test
    moments = {"valid_from": NOW, "valid_until": NOW + timedelta(days=1), "ended_at": NOW} | {field: naive}
    with pytest.raises(ConsentError, match=f"{field} has no time zone"):
        Grant("g", GrantKind.RECOGNITION, None, None, **moments, ended_kind=EndKind.WITHDRAWN)


@pytest.mark.parametrize("until", [NOW, NOW - timedelta(microseconds=1)])
def test_a_grant_ends_after_it_begins(until: datetime, publication: Callable[..., Grant]) -> None:
    """An until at or before the from is refused."""
    with pytest.raises(ConsentError, match="must be after"):
        publication(until=until)


@pytest.mark.parametrize(
    ("kind", "purpose", "channel"),
    [
        (GrantKind.PUBLICATION, None, "press"),
        (GrantKind.PUBLICATION, "communication", None),
        (GrantKind.PUBLICATION, "", "press"),
        (GrantKind.RECOGNITION, "communication", None),
        (GrantKind.RECOGNITION, None, "press"),
    ],
)
def test_one_grant_is_never_two_consents(kind: GrantKind, purpose: str | None, channel: str | None) -> None:
    """Publication needs a purpose and a channel, recognition has neither: no line can hold both consents."""
    with pytest.raises(ConsentError, match=r"a purpose and a channel|no purpose and no channel"):
        Grant("g", kind, purpose, channel, NOW)


@pytest.mark.parametrize(("ended_at", "kind"), [(NOW, None), (None, EndKind.LAPSED)])
def test_an_end_has_a_moment_and_a_kind(
    ended_at: datetime | None, kind: EndKind | None, publication: Callable[..., Grant]
) -> None:
    """Half an end is refused."""
    with pytest.raises(ConsentError, match="both or neither"):
        replace(publication(), ended_at=ended_at, ended_kind=kind)


def test_moments_are_kept_in_utc(publication: Callable[..., Grant]) -> None:
    """The hour that the clocks repeat is two hours: a grant may run from its first half to its second."""
    zone = ZoneInfo("Europe/Amsterdam")
    first = datetime(2026, 10, 25, 2, 30, tzinfo=zone)
    again = first.replace(fold=1)
    grant = publication(start=first, until=again)
    assert grant.valid_until is not None
    assert grant.valid_until - grant.valid_from == timedelta(hours=1)
    assert grant.valid_from.tzinfo is UTC


def test_a_moment_outside_the_calendar_is_a_sentence() -> None:
    """A time that UTC cannot hold is refused like any bad input, not with an OverflowError."""
    edge = datetime.min.replace(tzinfo=ZoneInfo("Asia/Tokyo"))
    with pytest.raises(ConsentError, match="give a real time"):
        utc(edge, "at")


def test_nothing_can_be_changed_in_place(cast: dict[str, tuple[Person, tuple[Quitclaim, ...]]]) -> None:
    """People, quitclaims and grants are frozen."""
    person, (quitclaim,) = cast["Åsa"]
    for value, field in ((person, "birth_date"), (quitclaim, "version"), (quitclaim.grants[0], "ended_at")):
        with pytest.raises(FrozenInstanceError):
            setattr(value, field, None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 0}, "count from 1"),
        ({"text_sha256": "A" * 64}, "64 lower-case"),
        ({"text_sha256": "0" * 63}, "64 lower-case"),
    ],
)
def test_a_quitclaim_refuses_what_cannot_be(
    change: dict[str, object], message: str, cast: dict[str, tuple[Person, tuple[Quitclaim, ...]]]
) -> None:
    """Versions count from 1 and a text's hash is one of SHA-256."""
    with pytest.raises(ConsentError, match=message):
        replace(cast["Åsa"][1][0], **change)  # type: ignore[arg-type]


def test_grants_of_one_quitclaim_have_their_own_ids(
    quitclaim: Callable[..., Quitclaim], publication: Callable[..., Grant]
) -> None:
    """Two lines of one id could not be withdrawn apart, so they are refused."""
    with pytest.raises(ConsentError, match="same id"):
        quitclaim(Person("p", "Åsa"), publication("x"), publication("x", channel="print"))


@pytest.mark.parametrize(
    ("birth", "message"), [(datetime(2015, 1, 1, tzinfo=UTC), "a day, not a moment"), (date(215, 1, 1), "a slip")]
)
def test_a_birth_date_is_a_plausible_day(birth: date, message: str) -> None:
    """A moment, or a year that nobody alive was born in, is refused."""
    with pytest.raises(ConsentError, match=message):
        Person("p", "Clara", birth_date=birth)


@pytest.mark.parametrize("change", [{"guardians": 0}, {"age": -1}, {"recognition_from": -1}])
def test_age_rules_cannot_be_emptied(change: dict[str, int]) -> None:
    """No setting makes a minor's consent valid without a guardian, and no age is negative."""
    with pytest.raises(ConsentError):
        AgeRules(**change)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Åsa   Berg ", "Åsa Berg"),
        ("A\u030asa", "Åsa"),
        ("Åsa\u00a0Berg", "Åsa Berg"),
        ("<b>Bo & 'Co'; \"x\"", "<b>Bo & 'Co'; \"x\""),
        ("علی\u200cرضا", "علی\u200cرضا"),
        ("क्\u200dष", "क्\u200dष"),
        ("x" * MAX_NAME, "x" * MAX_NAME),
    ],
)
def test_a_name_is_cleaned_not_changed(typed: str, kept: str) -> None:
    """White space is folded, accents composed; markup and quotes stay: whoever shows a name escapes it."""
    assert clean_name(typed) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "", "   ", "\u3164\u3164", "...", "Åsa\n", "Å\x00sa", "Å\x1bsa", "Åsa\u202egreB", "\u2066Åsa\u2069",
        "Å\u200bsa", "\ufeffÅsa", "Å\u00adsa", "Åsa\u2028Berg", "Å\ud800sa", "Å\ue000sa", "Å\U000e0041sa",
        "Å\u200csa", "\u200cعلی", "علی\u200c", "x" * (MAX_NAME + 1),
    ],
)  # fmt: skip
def test_a_name_that_hides_something_is_refused(typed: str) -> None:
    """Control, bidi and invisible characters, empty and endless names are refused with a sentence."""
    with pytest.raises(ConsentError, match="name"):
        clean_name(typed)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Åsa Berg", "åsa  BERG"), ("Åsa", "A\u030asa"), ("Strauß", "STRAUSS"), ("Ａｓａ", "asa"), ("ﬁn", "FIN")],
)
def test_spellings_of_one_name_share_a_key(one: str, other: str) -> None:
    """Case, composition, width, ligatures and white space do not tell two people apart."""
    assert name_key(one) == name_key(other)


def test_other_names_have_other_keys() -> None:
    """An accent tells two people apart."""
    assert len({name_key(name) for name in ("Åsa", "Asa", "Äsa", "Bo")}) == 4


@given(st.text(max_size=40))
def test_the_key_of_a_key_is_itself(text: str) -> None:
    """A key may be keyed again without harm, so that no place depends on who did it first."""
    assert name_key(name_key(text)) == name_key(text)


@given(st.text(max_size=40))
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    """A name that was accepted is accepted again, unchanged, and has the same key as what was typed."""
    try:
        name = clean_name(text)
    except ConsentError:
        return
    assert clean_name(name) == name
    assert name_key(name) == name_key(text)
