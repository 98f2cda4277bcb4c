"""C1, R1 and R3: no template outlives its grant, no clearance its commit, no end the next start."""

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import select

from plugin.clock import ManualClock
from plugin.errors import ConsentError, NotFound
from plugin.flows.clearance import cleared_photos, photo_answers
from plugin.flows.common import reference_sets
from plugin.flows.common.recogniser import Recogniser
from plugin.flows.common.services import Services
from plugin.flows.consent import recording, withdrawal
from plugin.flows.matching import gallery
from plugin.flows.people import register, resemblance
from plugin.flows.rights import erasure
from plugin.flows.schedule import calendar
from plugin.hooks.dam import Picture
from plugin.ledger import tables as t
from plugin.ledger.queue.jobs import ClaimedJob
from plugin.quitclaim.clearance.answers import ClearanceStatus
from plugin.quitclaim.consent.lifecycle import Signing, StopMode
from plugin.quitclaim.consent.model import Grant, GrantKind
from plugin.recognizer.examination.messages import ExaminationRequest
from plugin.recognizer.process.examiner import Examiner
from sidecar.commands.demo import samples
from sidecar.running import bootstrap
from sidecar.running.runner import Runner
from tests import support

# ---- C1: a second, naive memory of who agreed to what ------------------------------------------


@dataclass
class Line:
    """A recognition line as somebody would note it on paper."""

    start: datetime
    until: datetime | None
    signed: datetime
    own: bool
    ended: datetime | None = None


@dataclass
class Somebody:
    """A person as somebody would note them on paper."""

    id: str
    born: date | None
    guardian: str | None
    lines: dict[str, Line] = field(default_factory=dict)
    objected: datetime | None = None
    enrolled: datetime | None = None

    def age(self, at: datetime, services: Services) -> int:
        if self.born is None:
            return 99
        here = at.astimezone(services.config.site.zone)
        return here.year - self.born.year - ((here.month, here.day) < (self.born.month, self.born.day))

    def recognised(self, at: datetime, services: Services) -> bool:
        """Whether any line allows recognition at that moment."""
        return self.age(at, services) >= 6 and any(self._holds(line, at, services) for line in self.lines.values())

    def lapsed_since(self, made: datetime, at: datetime, services: Services) -> bool:
        """Whether recognition was not allowed at any moment since then: it can stop only where a line does."""
        stops = [moment for line in self.lines.values() for moment in (line.until, line.ended)]
        if self.born is not None:
            turned = datetime(self.born.year + 16, self.born.month, self.born.day, tzinfo=services.config.site.zone)
            stops.append(turned.astimezone(UTC))
        between = [stop for stop in [*stops, self.objected] if stop is not None and made < stop <= at]
        return not all(self.recognised(stop, services) for stop in [*between, at])

    def _holds(self, line: Line, at: datetime, services: Services) -> bool:
        if not max(line.start, line.signed) <= at or (line.until and at >= line.until):
            return False
        if line.ended is not None and at >= line.ended:
            return False
        grown = self.age(line.signed, services) >= 16
        if self.objected is not None and at >= self.objected and not (grown and line.signed > self.objected):
            return False
        return grown if line.own else not grown and self.age(at, services) < 16


class Walk:
    """Random steps on a real house, each noted on paper too."""

    def __init__(self, config: object, clock: ManualClock, examiner: Examiner, seed: int, small: bytes) -> None:
        self.rng, self.clock, self.examiner, self.config = random.Random(seed), clock, examiner, config
        self.stack = ExitStack()
        self.services = self._open()
        self.people: list[Somebody] = []
        self.usable = self.late = self.lost = self.matched = 0
        self.done: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.face = small
        self._enter()

    def _open(self) -> Services:
        services = self.stack.enter_context(bootstrap.open_house(self.config, self.clock))  # type: ignore[arg-type]
        services.faces.close()
        return replace(services, faces=Recogniser(self.examiner))

    def _enter(self) -> None:
        births = [None, None, date(2010, 3, 20), date(2010, 4, 2), date(2020, 3, 25), date(2014, 2, 28)]
        for number, born in enumerate(births):
            guardians = (f"Guardian {number}",) if born else ()
            newcomer = register.Newcomer(
                f"Somebody {number}", birth_date=born, guardians=guardians, of_age=born is None
            )
            person_id = register.add(self.services, newcomer, "test")
            with self.services.store.read() as conn:
                known = register.guardians_of(self.services, conn, person_id)
            self.people.append(Somebody(person_id, born, known[0]["id"] if known else None))

    def step(self) -> None:
        """One act, chosen by chance; what the rules refuse changes nothing. Then everybody is looked at."""
        acts = {
            self.sign: 22,
            self.enrol: 24,
            self.withdraw: 8,
            self.restrict: 4,
            self.object: 2,
            self.on: 20,
            self.back: 4,
            self.sweep: 12,
            self.restart: 4,
            self.nightly: 2,
            self.work: 4,
        }
        act = self.rng.choices(list(acts), list(acts.values()))[0]
        try:
            act(self.rng.choice(self.people))
            self.done[act.__name__] += 1
        except (ConsentError, NotFound):
            self.refused[act.__name__] += 1
        self.look()

    def sign(self, who: Somebody) -> None:
        now, rng = self.services.clock.now(), self.rng
        start = now + timedelta(days=rng.choice([0, 0, 0, -2, 3, 20]))
        until = rng.choice([None, start + timedelta(days=rng.choice([1, 5, 30, 400]), hours=rng.randrange(24))])
        own = who.guardian is None or rng.random() < 0.3
        signed = now - timedelta(hours=rng.choice([0, 0, 5]))
        lines = [Grant(uuid4().hex, GrantKind.PUBLICATION, "communication", "press", start, until)]
        if rng.random() < 0.8:
            lines.append(Grant(uuid4().hex, GrantKind.RECOGNITION, None, None, start, until))
        guardians = () if own else (str(who.guardian),)
        signing = Signing("v1", None, "en", "paper", own, guardians, signed, tuple(lines))
        recording.record(self.services, who.id, signing, [support.FORM], "test")
        replaced = max(now, start)
        for line in who.lines.values():
            line.ended = min(line.ended or replaced, replaced)
        who.lines |= {
            g.id: Line(g.valid_from, g.valid_until, signed, own) for g in lines if g.kind is GrantKind.RECOGNITION
        }

    def enrol(self, who: Somebody) -> None:
        agreed = who.recognised(self.services.clock.now(), self.services)
        try:
            gallery.enrol(self.services, who.id, [self.face], "test")
        except ConsentError:
            assert not agreed, "somebody who agreed was refused"
            raise
        assert agreed, "somebody was enrolled without a grant"
        now = self.services.clock.now()
        if who.enrolled is None or who.lapsed_since(who.enrolled, now, self.services):
            who.enrolled = now

    def withdraw(self, who: Somebody) -> None:
        chosen = set(self.rng.sample(list(who.lines), min(1, len(who.lines)))) if self.rng.random() < 0.5 else None
        withdrawal.withdraw(self.services, who.id, chosen, "test")
        self._end(who, chosen)

    def restrict(self, who: Somebody) -> None:
        withdrawal.stop(self.services, who.id, StopMode.RESTRICT, None, "test")
        self._end(who, None)

    def _end(self, who: Somebody, chosen: set[str] | None) -> None:
        now = self.services.clock.now()
        for key, line in who.lines.items():
            if chosen is None or key in chosen:
                line.ended = min(line.ended or now, now)
        # Signed anew at the very same moment, it has stopped all the same: the act itself destroyed the key.
        if not who.recognised(now, self.services):
            who.enrolled = None

    def object(self, who: Somebody) -> None:
        withdrawal.object_to_recognition(self.services, who.id, "test")
        self._end(who, None)
        who.objected = who.objected or self.services.clock.now()

    def on(self, _: Somebody) -> None:
        self.clock.advance(timedelta(hours=self.rng.choice([0, 1, 5, 24, 24, 72, 500]), minutes=self.rng.randrange(60)))

    def back(self, _: Somebody) -> None:
        self.clock.advance(-timedelta(days=self.rng.choice([1, 3, 40])))

    def sweep(self, _: Somebody) -> None:
        calendar.sweep_endings(self.services)
        self.swept()

    def nightly(self, _: Somebody) -> None:
        calendar.sweep_endings(self.services)
        calendar.run_housekeeping(self.services)
        self.swept()

    def work(self, _: Somebody) -> None:
        Runner(self.services).drain()

    def restart(self, _: Somebody) -> None:
        self.stack.close()
        self.services = self._open()
        calendar.start_process(self.services)
        self.swept()

    def swept(self) -> None:
        """After a sweep nobody whose recognition has stopped since has a key, a template or a reference."""
        now = self.services.clock.now()
        with self.services.store.read() as conn:
            kept = set(conn.scalars(select(t.sealed.c.person_id).where(t.sealed.c.purpose == "face")))
            kept |= set(conn.scalars(select(t.person_key.c.person_id).where(t.person_key.c.purpose == "face")))
        for who in self.people:
            if who.enrolled is not None and who.lapsed_since(who.enrolled, now, self.services):
                who.enrolled = None
            self.late += who.id in kept and who.enrolled is None
            self.lost += who.id not in kept and who.enrolled is not None

    def look(self) -> None:
        """Whose template could be compared at this moment, though they do not agree; every tenth time for real."""
        now, services = self.services.clock.now(), self.services
        without = {who.id for who in self.people if not who.recognised(now, services)}
        with services.store.read() as conn:
            sets = reference_sets.find_compared(conn)
            entries = gallery.list_entries(services, conn, sets, resemblance.pass_over)
        self.usable += sum(1 for entry in entries if now < entry.until and entry.key in without)
        if sum(self.done.values()) % 10 == 0:
            gallery.refresh(services)
            for who in self.people:
                asked = ExaminationRequest(now, True, {who.id: "suggest"}, generation=services.faces.generation)
                seen = services.faces.examine(Picture("v", data=self.face), asked)
                named = [f.key for f in seen.faces if f.key]
                self.matched += len(named)
                self.usable += len(named) if who.id in without else 0


@pytest.mark.promise
def test_no_template_without_a_recognition_grant(
    tmp_path: Path, clock: ManualClock, examiner: Examiner, promise: Callable[[str, str], None], full: bool
) -> None:
    """A template is usable only while recognition is agreed to, and is gone one sweep after that.

    A random walk over signing, renewing, expiry, withdrawal, restriction, guardians and birthdays,
    objection, a clock moved on and set back, sweeps and restarts; each step is checked against a naive
    memory of who agreed to what.
    """
    steps = usable = late = lost = matched = 0
    done: Counter[str] = Counter()
    portrait = tmp_path / support.put(tmp_path, "small.jpg", samples.A_FRONT, (300, 400))
    for seed in range(25 if full else 2):
        clock.set(datetime(2026, 3, 2, 12, tzinfo=UTC))
        root = tmp_path / str(seed)
        (root / "photos").mkdir(parents=True)
        config = support.configuration(root)
        support.begin(config, clock)
        walk = Walk(config, clock, examiner, seed, portrait.read_bytes())
        with walk.stack:
            for _ in range(200 if full else 130):
                walk.step()
                steps += 1
        lost += walk.lost
        usable, late, matched = usable + walk.usable, late + walk.late, matched + walk.matched
        done += walk.done
    promise(
        "C1",
        f"steps {steps}: usable without a grant {usable}; present later than one sweep {late} "
        f"(carried out {sum(done.values())}, matched with one {matched})",
    )
    assert (usable, late) == (0, 0)
    assert lost == 0, "somebody lost a template though recognition never stopped"
    assert matched > 0
    assert all(done[name] for name in ("sign", "enrol", "withdraw", "restrict", "object", "back", "restart")), done


# ---- R1 ------------------------------------------------------------------------------------------


@contextmanager
def _asking(services: Services, ref: str) -> Iterator[list[tuple[int, bool]]]:
    """Asks for clearance without a pause, stored and computed; (number of commits before, cleared)."""
    said: list[tuple[int, bool]] = []
    stop, committed = threading.Event(), threading.Event()

    def ask() -> None:
        while not stop.is_set():
            ended = int(committed.is_set())
            said.append((ended, _cleared(services, ref)))

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield said
        committed.set()
        mark = len(said)
        while len(said) < mark + 4:
            pass
    finally:
        stop.set()
        thread.join()


def _cleared(services: Services, ref: str) -> bool:
    answer = photo_answers.answer_photo(services, ref, "communication", "website").status is ClearanceStatus.CLEARED
    here = cleared_photos.span_now(services, "communication", "website")
    with services.store.read() as conn:
        stored = [row.ref for row in cleared_photos.list_page(conn, here).photos]
    return answer or ref in stored


Way = Callable[[str, dict[str, str]], object]
NARROWER = "replaced by a narrower form"


def _ways(services: Services, cast: support.Cast, clock: ManualClock) -> dict[str, Way]:
    def expired(_: str, __: dict[str, str]) -> None:
        clock.advance(timedelta(days=365))

    def swept(_: str, __: dict[str, str]) -> None:
        clock.advance(timedelta(days=365))
        calendar.sweep_endings(services)

    return {
        "all withdrawn": lambda who, _: withdrawal.withdraw(services, who, None, "test"),
        "publication withdrawn": lambda who, ids: withdrawal.withdraw(services, who, {ids["website"]}, "test"),
        "all restricted": lambda who, _: withdrawal.stop(services, who, StopMode.RESTRICT, None, "test"),
        "publication restricted": lambda who, ids: withdrawal.stop(
            services, who, StopMode.RESTRICT, {ids["website"]}, "test"
        ),
        NARROWER: lambda who, _: cast.sign(who, channels=("press",)),
        "expired": expired,
        "expired and swept": swept,
        "erased": lambda who, _: erasure.begin(services, who, "test"),
    }


def _release(photos: Path, ref: str) -> bytes:
    """Everything that the file and its sidecar say."""
    return b"".join(p.read_bytes() for p in (photos / ref, photos / f"{ref}.xmp") if p.exists())


@pytest.mark.promise
def test_an_ended_grant_stops_clearance_at_once(
    services: Services,
    cast: support.Cast,
    clock: ManualClock,
    photos: Path,
    promise: Callable[[str, str], None],
    full: bool,
) -> None:
    """From the commit on no answer, computed or stored, is "cleared", however the grant ended.

    Asked without a pause by another thread while the grant ends. After the job the file no longer
    states a release.
    """
    after: list[bool] = []
    before: list[str] = []
    released = 0
    cast.open_collection()
    ways = _ways(services, cast, clock)
    for round_ in range(5 if full else 1):
        for number, (way, end) in enumerate(ways.items()):
            who = cast.add(f"Åsa {round_} {number}")
            ids = cast.sign(who)
            cast.enrol(who, samples.A_FRONT)
            ref = support.put(photos, f"shoot/{round_}-{number}.jpg", samples.A_STANDING, (300 + number, 400))
            calendar.poll_dam(services)
            cast.work()
            assert _cleared(services, ref), way
            assert b"MR-LMR" in _release(photos, ref), way
            before.append(way)
            with _asking(services, ref) as said:
                end(who, ids)
                after.append(_cleared(services, ref))
            after += [cleared for ended, cleared in said if ended]
            calendar.sweep_endings(services)
            cast.work()
            after.append(_cleared(services, ref))
            stated = b"MR-LMR" in _release(photos, ref)
            assert stated or way != NARROWER, "who still agrees to the press is released in part"
            released += stated and way != NARROWER
            withdrawal.withdraw(services, who, None, "test") if way != "erased" else None
            cast.work()
    promise(
        "R1",
        f'"cleared" after commit {sum(after)} of {len(after)} ({len(ways)} ways of ending); '
        f"releases stated after the job {released} of {len(before) - before.count(NARROWER)}",
    )
    assert sum(after) == 0
    assert released == 0


# ---- R3 ------------------------------------------------------------------------------------------


@pytest.mark.promise
def test_an_end_is_noticed_after_downtime(
    tmp_path: Path,
    clock: ManualClock,
    examiner: Examiner,
    promise: Callable[[str, str], None],
    full: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Three days down across an expiry: what is overdue is done before the first job, and nobody is named."""
    count = 50 if full else 5
    config = support.configuration(tmp_path)
    (tmp_path / "photos" / support.SHOOT).mkdir(parents=True)
    with support.opened(config, clock, examiner) as services:
        cast = support.Cast(services)
        gone = [cast.add(f"Dag {n}") for n in range(count)]
        for who in gone:
            cast.sign(who, lasts=timedelta(days=1))
            cast.enrol(who, samples.A_FRONT)
        cast.open_collection()
        support.put(tmp_path / "photos", "shoot/one.jpg", samples.A_STANDING, (300, 400))
        assert calendar.poll_dam(services) == 1
    clock.advance(timedelta(days=3))
    open_at_first: list[int] = []
    stop = threading.Event()
    with support.opened(config, clock, examiner) as services:
        story = calendar.HANDLERS["photo"]

        def arrived(house_: Services, job: ClaimedJob) -> None:
            open_at_first.append(_open(house_, gone))
            story(house_, job)
            stop.set()

        handlers = {kind: _noting(services, gone, open_at_first, act) for kind, act in calendar.HANDLERS.items()}
        monkeypatch.setattr(calendar, "HANDLERS", handlers | {"photo": arrived})
        threading.Timer(20, stop.set).start()
        Runner(services).run(stop)
        with services.store.read() as conn:
            named = list(conn.scalars(select(t.tag.c.id))) + list(conn.scalars(select(t.intent.c.id)))
            examined = conn.scalar(select(t.resource.c.examined))
    done = count - open_at_first[0]
    promise("R3", f"overdue done {done} of {count} before the first job; named afterwards {len(named)}")
    assert done == count
    assert examined == "whole"
    assert not named


def _noting(
    services: Services, gone: list[str], open_: list[int], act: Callable[[Services, ClaimedJob], None]
) -> Callable[[Services, ClaimedJob], None]:
    def noted(house_: Services, job: ClaimedJob) -> None:
        open_.append(_open(house_, gone))
        act(house_, job)

    return noted


def _open(services: Services, gone: list[str]) -> int:
    """How many of the expired still have a face key, a template, or a grant without its end."""
    with services.store.read() as conn:
        left = set(conn.scalars(select(t.person_key.c.person_id).where(t.person_key.c.purpose == "face")))
        left |= set(conn.scalars(select(t.sealed.c.person_id).where(t.sealed.c.purpose == "face")))
        left |= set(conn.scalars(select(t.grant.c.person_id).where(t.grant.c.ended_at.is_(None))))
    return len(left & set(gone))
