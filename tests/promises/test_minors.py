"""C3: minors. Every decision around every birthday, against a second, naive implementation."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from plugin.errors import ConsentError
from plugin.quitclaim.consent.lifecycle import Signing, record
from plugin.quitclaim.consent.model import AgeRules, EndKind, Grant, GrantKind, Person, Quitclaim
from plugin.quitclaim.consent.rules import due_endings, may_auto, publication_windows, recognition_window

# Clocks that move at midnight, odd offsets, both sides of the date line, none that moves.
ZONES = [
    "Europe/Amsterdam",
    "America/Sao_Paulo",
    "Asia/Beirut",
    "America/Havana",
    "Africa/Cairo",
    "Asia/Kathmandu",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
    "UTC",
]
TICK = timedelta(microseconds=1)
NEAR = (
    -400 * timedelta(days=1),
    -timedelta(days=1),
    -timedelta(hours=14),
    -timedelta(hours=1),
    -TICK,
    0 * TICK,
    TICK,
    timedelta(hours=1),
    timedelta(hours=14),
    timedelta(days=1),
    400 * timedelta(days=1),
)


@dataclass(frozen=True)
class Case:
    """A child, what was signed for them, and by whom."""

    birth: date
    rules: AgeRules
    guardians: tuple[str, ...]
    own: bool
    signed_at: datetime
    objected_at: datetime | None

    @property
    def person(self) -> Person:
        return Person("clara", "Clara", "en", self.birth, self.objected_at, ("g1", "g2"))

    @property
    def quitclaim(self) -> Quitclaim:
        grants = (
            Grant("r", GrantKind.RECOGNITION, None, None, self.signed_at),
            Grant("p", GrantKind.PUBLICATION, "communication", "press", self.signed_at),
        )
        return Quitclaim(
            id="q",
            person_id="clara",
            version=1,
            text_version="1",
            text_sha256=None,
            language="en",
            method="paper",
            signed_by_person=self.own,
            signed_by_guardians=self.guardians,
            signed_at=self.signed_at,
            recorded_at=self.signed_at,
            recorded_by="editor",
            grants=grants,
        )


# ---- the naive implementation: counts years on the wall calendar, knows no interval ----------


def _age(birth: date, at: datetime, zone: ZoneInfo) -> int:
    """Years on the calendar of the place: a year is complete when month and day are reached."""
    here = at.astimezone(zone)
    complete = here.month > birth.month or (here.month == birth.month and here.day >= birth.day)
    return here.year - birth.year - (0 if complete else 1)


def _turns(birth: date, years: int, zone: ZoneInfo) -> datetime:
    """The moment of a birthday, found by halving the time around it until the age changes."""
    low = datetime(birth.year + years, birth.month, 1, tzinfo=UTC) - timedelta(days=3)
    high = low + timedelta(days=40)
    assert _age(birth, low, zone) < years <= _age(birth, high, zone)
    while high - low > TICK:
        middle = low + (high - low) // 2
        low, high = (low, middle) if _age(birth, middle, zone) >= years else (middle, high)
    return high


def _published(case: Case, at: datetime) -> bool:
    if at < case.signed_at:
        return False
    if _age(case.birth, case.signed_at, case.rules.zone) >= case.rules.age:
        return case.own
    enough = sum(1 for known in ("g1", "g2") if known in case.guardians) >= case.rules.guardians
    return enough and _age(case.birth, at, case.rules.zone) < case.rules.age


def _recognised(case: Case, at: datetime) -> bool:
    if _age(case.birth, at, case.rules.zone) < case.rules.recognition_from:
        return False
    if case.objected_at is not None and at >= case.objected_at:
        grown = _age(case.birth, case.signed_at, case.rules.zone) >= case.rules.age
        if not grown or case.signed_at <= case.objected_at:
            return False
    return _published(case, at)


def _may_be_recorded(case: Case) -> bool:
    """Signed and recorded at one moment: by whom it must be signed at that age, and what it may hold."""
    if _age(case.birth, case.signed_at, case.rules.zone) >= case.rules.age:
        return case.own and not case.guardians and case.objected_at != case.signed_at
    known = {g for g in case.guardians if g in ("g1", "g2")}
    if known != set(case.guardians) or len(known) < case.rules.guardians:
        return False
    if case.objected_at is None:
        return True
    # An objection before recognition could begin leaves nothing of that line.
    began = _age(case.birth, case.objected_at - TICK, case.rules.zone) >= case.rules.recognition_from
    return case.objected_at > case.signed_at and began


# ---- the sweep -------------------------------------------------------------------------------


def _births(rng: random.Random, count: int) -> Iterator[date]:
    """Leap days, their neighbours, days on which clocks move at midnight, and any others."""
    edges = [(2, 28), (2, 29), (3, 1), (12, 31), (1, 1), (3, 29), (10, 25), (11, 4)]
    for number in range(count):
        year = rng.randint(1996, 2019)
        month, day = edges[number % (2 * len(edges))] if number % (2 * len(edges)) < len(edges) else (0, 0)
        leap = year % 4 == 0
        if (month, day) == (2, 29) and not leap:
            year += 4 - year % 4
        yield date(year, month, day) if month else date(year, 1, 1) + timedelta(days=rng.randrange(365))


def _cases(rng: random.Random, birth: date) -> Iterator[Case]:
    rules = AgeRules(
        age=rng.choice([13, 14, 16, 18]),
        recognition_from=rng.choice([0, 6, 12]),
        guardians=rng.choice([1, 2]),
        zone=ZoneInfo(rng.choice(ZONES)),
    )
    majority = _turns(birth, rules.age, rules.zone)
    for signed in (majority - timedelta(days=rng.randrange(1, 1500)), majority - TICK, majority):
        who = rng.choice([(), ("g1",), ("g1", "g2"), ("g1", "g1"), ("g9", "g8")])
        objected = rng.choice([None, None, signed + timedelta(days=rng.randrange(-90, 90)), majority])
        yield Case(birth, rules, who, rng.random() < 0.5, signed, objected)


def _wrong(case: Case, at: datetime) -> list[str]:
    """Which decisions at one moment differ from the naive ones."""
    person, stored, rules = case.person, [case.quitclaim], case.rules
    press = publication_windows(person, stored, rules, "communication", "press")
    recognised = recognition_window(person, stored, rules, at) is not None
    checks = {
        "recognition": recognised == _recognised(case, at),
        "publication": any(s <= at and (e is None or at < e) for s, e in press) == _published(case, at),
        "auto": may_auto(person, rules, at) == (_age(case.birth, at, rules.zone) >= rules.age),
        "floor": not (recognised and _age(case.birth, at, rules.zone) < rules.recognition_from),
    }
    return [f"{name} {case} {at}" for name, right in checks.items() if not right]


def _wrong_lapse(case: Case, majority: datetime) -> list[str]:
    """A guardian's publication grant is due as lapsed exactly from the birthday, to the microsecond."""
    if not _published(case, case.signed_at) or case.signed_at >= majority:
        return []
    person, stored = case.person, [case.quitclaim]
    before = [g.id for g, _, _ in due_endings(person, stored, case.rules, majority - TICK)]
    due = [(g.id, when, kind) for g, when, kind in due_endings(person, stored, case.rules, majority)]
    right = "p" not in before and ("p", majority, EndKind.LAPSED) in due
    return [] if right else [f"lapse {case}"]


def _wrong_recording(case: Case) -> list[str]:
    form = case.quitclaim
    signing = Signing("1", None, "en", "paper", case.own, case.guardians, case.signed_at, form.grants)
    try:
        record(case.person, [], signing, case.rules, quitclaim_id="q", now=case.signed_at, by="editor")
        recorded = True
    except ConsentError:
        recorded = False
    return [] if recorded == _may_be_recorded(case) else [f"recorded {recorded} {case}"]


@pytest.mark.promise
def test_minors_are_recognised_only_as_guardians_and_birthdays_allow(
    promise: Callable[[str, str], None], full: bool
) -> None:
    """A minor is never recognised without a guardian; at the age the grant lapses; below the floor never.

    Each birthday, of the age and of recognition's lowest age, is approached from both sides to the
    microsecond, in ten time zones; each decision is checked against one made by counting years.
    """
    rng = random.Random(20260302)
    wrong: list[str] = []
    birthdays = decisions = allowed = 0
    for birth in _births(rng, 30_000 if full else 1_000):
        for case in _cases(rng, birth):
            zone = case.rules.zone
            turns = [_turns(birth, years, zone) for years in {case.rules.age, case.rules.recognition_from} - {0}]
            moments = {turn + near for turn in turns for near in NEAR} | {case.signed_at - TICK, case.signed_at}
            moments |= {case.objected_at - TICK, case.objected_at} if case.objected_at else set()
            for at in moments:
                wrong += _wrong(case, at)
                allowed += _recognised(case, at)
            wrong += _wrong_lapse(case, _turns(birth, case.rules.age, zone)) + _wrong_recording(case)
            birthdays += len(turns)
            decisions += len(moments)
    figure = f"birthdays {birthdays}; moments {decisions}, recognised at {allowed}"
    promise("C3", f"{figure}; wrong decisions {len(wrong)}")
    assert not wrong, wrong[:3]
    assert 0 < allowed < decisions
