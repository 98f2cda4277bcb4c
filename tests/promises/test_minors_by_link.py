"""C3 through the pages' own code: children sign, and guardians for them, by links; the calendar decides."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from plugin.clock import ManualClock
from plugin.flows.access.links import LinkKind
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.recognizer.process.examiner import Examiner
from tests import support
from tests.promises.test_minors import NEAR, TICK, _age, _turns
from tests.signers import Desk, Visit

DAY = timedelta(days=1)
AGE, FLOOR = 16, 6


@dataclass
class Child:
    """A child; when a guardian signed for them, and when they signed themselves; how many guardians it takes."""

    id: str
    birth: date
    guardians: int
    guarded: datetime | None = None
    own: datetime | None = None


@pytest.fixture(params=["Europe/Amsterdam", "America/Sao_Paulo"])
def house(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    config = support.configuration(tmp_path, site={"timezone": request.param})
    with support.opened(config, clock, examiner) as services:
        yield services


class Registry:
    """What happens to the children, in the order of time, each step by the pages."""

    def __init__(self, services: Services, clock: ManualClock) -> None:
        self.services, self.clock = services, clock
        self.zone = services.config.site.zone
        self.desks = {n: Desk(services, name=f"Form {n}", guardians=n, duration={"days": 3660}) for n in (1, 2)}
        self.wrong: list[str] = []
        self.steps: list[tuple[datetime, Callable[[Child], None], Child]] = []

    def plan(self, number: int, rng: random.Random, start: datetime) -> Child:
        """Half of them near the age at which they decide, half near the lowest age of recognition."""
        old = number % 2 == 0
        year = rng.randint(2010, 2013) if old else rng.randint(2020, 2022)
        edges = [(2, 28), (3, 1), (12, 31), (3, 29), (10, 25), (6, 11)]
        birth = date(2012, 2, 29) if number % 12 == 0 else date(year, *edges[number // 2 % len(edges)])
        if number % 12 == 1:
            birth = date(2020, 2, 29)
        person = support.Cast(self.services).add(f"Child {number}", birth_date=birth)
        child = Child(person, birth, 1 + number // 2 % 2)
        turn = _turns(birth, AGE if old else FLOOR, self.zone)
        early = rng.choice([TICK, timedelta(hours=1), 3 * DAY, 200 * DAY])
        if turn - early > start:
            self.steps.append((turn - early, self.guardian_signs, child))
        if old and turn - TICK > start:
            self.steps += [(turn - TICK, self.too_early, child), (turn, self.child_signs, child)]
        return child

    def guardian_signs(self, child: Child) -> None:
        """By the link of the child; the second by the link that the first one's page shows."""
        visit = self.desks[child.guardians].visit(child.id)
        alone = visit.sign("press", "recognition", signer="", typed="Child").status_code
        self._expect(child, "signed alone", alone, 422)
        about = {"signer": "Greta", "email": "g@example.org", "typed": "Greta"}
        if child.guardians == 2:
            about |= {"other_signer": "Hugo", "other_email": "h@example.org"}
        self._expect(child, "guardian", visit.sign("press", "recognition", **about).status_code, 303)
        if child.guardians == 2:
            self.check(child)  # one of two is none
            second = Visit(visit.client.application, visit.kept_link())
            self._expect(child, "second", second.sign("press", "recognition", typed="Hugo").status_code, 303)
        child.guarded = self.clock.now()

    def too_early(self, child: Child) -> None:
        """A tick before the birthday the young person's own link signs nothing."""
        visit = self.desks[1].visit(child.id, kind=LinkKind.MAJORITY)
        token = self.desks[1].visit(child.id).hidden()
        sent = {"nonce": token["nonce"], "choice": "communication:press", "signer": "Child", "typed": "Child"}
        page = visit.client.get("/s/form").get_data(as_text=True)
        self._expect(child, "form shown early", "<form" in page, False)
        self._expect(child, "signed early", visit.send(sent, page).status_code in (400, 422), True)

    def child_signs(self, child: Child) -> None:
        """From the first moment of the birthday on they sign alone."""
        visit = self.desks[1].visit(child.id, kind=LinkKind.MAJORITY)
        done = visit.sign("press", "recognition", signer="Child", typed="Child").status_code
        self._expect(child, "of age", done, 303)
        child.own = self.clock.now()

    def check(self, child: Child) -> int:
        """Both kinds of grant at the moments around both birthdays, against ages counted on the wall."""
        with self.services.store.read() as conn:
            standing = roster.load(self.services, conn, child.id)
        turns = [_turns(child.birth, years, self.zone) for years in (AGE, FLOOR)]
        moments = {turn + near for turn in turns for near in NEAR} | {self.clock.now(), self.clock.now() - TICK}
        for at in moments:
            public = self._agreed(child, at)
            old_enough = _age(child.birth, at, self.zone) >= FLOOR
            recognised = standing.recognition(at) is not None
            published = any(
                start <= at and (end is None or at < end)
                for start, end in standing.publication("communication", "press")
            )
            self._expect(child, f"published {at}", published, public)
            self._expect(child, f"recognised {at}", recognised, public and old_enough)
        return len(moments)

    def _agreed(self, child: Child, at: datetime) -> bool:
        if child.own is not None and at >= child.own:
            return at < child.own + 3660 * DAY
        minor = _age(child.birth, at, self.zone) < AGE
        held = child.guarded is not None and child.guarded <= at < child.guarded + 3660 * DAY
        return minor and held

    def _expect(self, child: Child, what: str, got: object, right: object) -> None:
        if got != right:
            self.wrong.append(f"{child.birth} {what}: {got}, not {right}")


@pytest.mark.promise
def test_children_who_sign_by_the_pages_are_recognised_only_as_the_calendar_allows(
    house: Services, clock: ManualClock, promise: Callable[[str, str], None], full: bool
) -> None:
    """No guardian, no grant; two where two are asked; from the birthday only the young person; below the floor never.

    Every signature goes through the pages; every decision is compared with one made by counting years.
    """
    rng = random.Random(4)
    registry = Registry(house, clock)
    children = [registry.plan(number, rng, clock.now()) for number in range(96 if full else 12)]
    moments = 0
    for at, step, child in sorted(registry.steps, key=lambda one: one[0]):
        clock.set(max(at, clock.now()))
        step(child)
        moments += registry.check(child)
    signed = sum((child.guarded is not None) + (child.own is not None) for child in children)
    zone = house.config.site.timezone
    promise(
        "C3",
        f"through the pages ({zone}): children {len(children)}, signatures {signed}, moments {moments}; "
        f"wrong decisions {len(registry.wrong)}",
    )
    assert not registry.wrong, registry.wrong[:3]
    assert signed > len(children) / 2
