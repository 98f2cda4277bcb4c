"""O1: what is owed is done, whatever was away for how long and however often it was given up; and somebody is told."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from plugin.clock import ManualClock
from plugin.errors import FaceLeaseError
from plugin.flows.clearance import photo_answers
from plugin.flows.common import overdue
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.rights import erasure, erasure_requests
from plugin.flows.schedule import calendar
from plugin.flows.tags import intents
from plugin.ledger import tables as t
from plugin.ledger.store.actions import Action
from plugin.recognizer.process.examiner import Examiner
from sidecar.commands.demo import samples
from tests import mailbox, on_double, support
from tests.doubles.resourcespace import Double
from tests.mailbox import Mailbox
from tests.stores import Stores

Promise = Callable[[str, str], None]

NAMES = ("Alma Sample", "Bo Sample", "Clara Sample", "Dag Sample", "Eva Sample")
OWNER = "owner@example.org"


@dataclass
class World:
    """A house in which each of five people is named on a photograph; `away` takes the DAM and puts it back."""

    services: Services
    clock: ManualClock
    box: Mailbox
    people: dict[str, str]
    refs: dict[str, str]
    away: Callable[[bool], None]

    def hours(self, count: int) -> None:
        """The worker's calendar and its jobs, three hours at a time; a chore that fails is tried at its next time."""
        for _ in range(0, count, 3):
            self.clock.advance(timedelta(hours=3))
            due: list[Callable[[Services], object]] = [
                calendar.sweep_endings,
                calendar.poll_dam,
                calendar.follow_up_owed,
            ]
            if self.clock.now().hour in (3, 4, 5):
                due += [calendar.run_housekeeping, calendar.begin_comparison, calendar.send_reminders]
            for chore in due:
                with suppress(FaceLeaseError, OSError):
                    chore(self.services)
            support.Cast(self.services).work()

    def named(self, name: str) -> bool:
        """Whether the name stands in the DAM, read from there."""
        return name in support.Cast(self.services).names_on(self.refs[name])


@contextmanager
def _world(kind: str, root: Path, url: str, clock: ManualClock, examiner: Examiner, box: Mailbox) -> Iterator[World]:
    sections = {
        "store": {"url": url},
        "mail": box.section(),
        "server": {"public_url": mailbox.PUBLIC},
        "jobs": {"attempts": 3},
    }
    if kind == "folder":
        config = support.configuration(root, **sections)
        with support.opened(config, clock, examiner) as services:
            photos = root / "photos"
            for number in range(len(NAMES)):
                support.put(photos, f"shoot/{number}.jpg", samples.B_STANDING, (300, 400))

            def take(gone: bool) -> None:
                source, goal = (photos, root / "aside") if gone else (root / "aside", photos)
                source.rename(goal)

            yield _peopled(services, clock, box, take)
    else:
        with Double() as double:
            config = on_double.configuration(root, double, **sections)
            once = config.resourcespace.model_copy(update={"tries": 1})  # no real second is waited for
            config = config.model_copy(update={"resourcespace": once})
            with support.opened(config, clock, examiner) as services:
                on_double.with_dates(config, double)
                calendar.poll_dam(services)  # from here on the log is followed
                for _ in NAMES:
                    double.library.create(1)

                def fail(gone: bool) -> None:
                    double.faults = (lambda _function: "500") if gone else (lambda _function: None)

                yield _peopled(services, clock, box, fail)


def _peopled(services: Services, clock: ManualClock, box: Mailbox, away: Callable[[bool], None]) -> World:
    """Everybody signs; their names are written as confirmed ones, which needs no face."""
    cast = support.Cast(services)
    calendar.poll_dam(services)
    calendar.begin_comparison(services)
    cast.work()
    people = {name: cast.add(name, email=f"{name[0].lower()}@example.org") for name in NAMES}
    with services.store.read() as conn:
        rows = conn.execute(select(t.resource.c.id, t.resource.c.ref).order_by(t.resource.c.id)).all()
    for name, row in zip(NAMES, rows, strict=True):
        cast.sign(people[name], recognition=False)
        with services.store.write() as tx:
            places = services.dam.places
            proposal = intents.NewIntent(row.id, people[name], name, "add", "confirmed", places)
            made = intents.propose(services, tx, proposal)
            tx.execute(t.resource.update().values(examined="whole", looked_px=1, engine=services.faces.engine_id))
        assert intents.carry_out(services, made) == "done"
    photo_answers.recompute_many(services, [row.id for row in rows])
    cast.work()
    return World(services, clock, box, people, {n: row.ref for n, row in zip(NAMES, rows, strict=True)}, away)


def _promised(world: World) -> None:
    """While the DAM is away: a withdrawal, an erasure, a request that is accepted, other dates, and a letter."""
    services, who = world.services, world.people
    withdrawal.withdraw(services, who["Alma Sample"], None, "person")
    erasure.begin(services, who["Bo Sample"], "officer", tell=True)
    clara = who["Clara Sample"]
    with services.store.write() as tx:
        asked = erasure_requests.request_in(services, tx, clara, "person", erasure_requests.read_filed(services, clara))
    erasure_requests.decide(services, asked.id, True, "officer")
    with services.store.read() as conn:
        grant = conn.scalar(select(t.grant.c.id).where(t.grant.c.person_id == who["Dag Sample"]))
    withdrawal.withdraw(services, who["Dag Sample"], [str(grant)], "person")


def _done(world: World) -> dict[str, bool]:
    services, who = world.services, world.people
    with services.store.read() as conn:
        there = set(conn.scalars(select(t.person.c.id)))
        finished = conn.scalar(select(func.count()).where(t.erasure.c.finished_at.is_not(None)))
        untold = conn.scalar(select(func.count()).where(t.statement.c.stated_at.is_(None)))
    written = {str(one["To"]) for one in world.box.letters}
    return {
        "withdrawal": not world.named("Alma Sample"),
        "erasure": not world.named("Bo Sample") and who["Bo Sample"] not in there and finished == 2,
        "request": not world.named("Clara Sample") and who["Clara Sample"] not in there,
        "dates": untold == 0 and not world.named("Dag Sample"),
        "letters": {"b@example.org", "c@example.org"} <= written,
        "nothing else lost": world.named("Eva Sample"),
    }


@pytest.mark.promise
@pytest.mark.parametrize("dam", ["folder", "resourcespace"])
def test_after_three_days_without_a_dam_all_is_done_by_itself(
    dam: str, tmp_path: Path, stores: Stores, store_kind: str, clock: ManualClock, examiner: Examiner, promise: Promise
) -> None:
    """Every job is given up, again and again; when DAM and mail server are back nobody has to do anything."""
    with (
        mailbox.running(tmp_path / "mail") as box,
        _world(dam, tmp_path, stores.migrated(store_kind), clock, examiner, box) as world,
    ):
        box.rcpt = lambda address: mailbox.TAKEN if address == OWNER else "451 down"
        world.away(True)
        _promised(world)
        world.hours(72)
        services = world.services
        with services.store.read() as conn:
            dead = conn.scalar(select(func.count()).where(t.audit.c.action == Action.JOB_DEAD.value)) or 0
            rows = conn.scalar(select(func.count()).where(t.job.c.state == "dead"))
        matters = [kind for kind in overdue.QUERIES if overdue.measure(services, kind).count]
        assert dead > 7
        assert rows is not None
        assert rows <= 10, "what is given up day after day does not grow"
        told = "".join(mailbox.text_of(one) for one in box.letters if str(one["To"]) == OWNER)
        heard = [kind for kind in matters if _words(kind) in told]
        world.away(False)
        box.rcpt = lambda _address: mailbox.TAKEN
        world.hours(26)
        done = _done(world)
        left = sum(overdue.measure(services, kind).count for kind in overdue.QUERIES)
    promise(
        "O1",
        f"owed ({dam}, {store_kind}) 72 h without DAM and mail, given up {dead} times: done {sum(done.values())} of "
        f"{len(done)}, owed and forgotten {left}, told {len(heard)} of {len(matters)}, started again by hand 0",
    )
    assert all(done.values()), done
    assert (left, heard) == (0, matters)
    assert {"owed_revocations", "owed_erasures", "owed_letters"} <= set(matters)


def _words(kind: str) -> str:
    return {
        "owed_revocations": "withdrawals whose names",
        "owed_erasures": "erasures that are not",
        "owed_dates": "last day in the DAM",
        "owed_writes": "names that were to be",
        "owed_letters": "letters that were not",
        "owed_jobs": "other jobs",
        "dead_jobs": "jobs that were given up",
    }[kind]
