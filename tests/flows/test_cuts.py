"""Rule 46: from the commit that ends a grant nothing stored counts that rests on it, whatever the rows still say; the
rows follow by job, and nothing that happens between the two brings anything back."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, insert, select, update

from plugin.clock import ManualClock
from plugin.errors import StoreError
from plugin.flows.clearance import cleared_photos, dam_dates, photo_answers
from plugin.flows.common import face_rows, reference_sets, valid_clearances
from plugin.flows.common.services import Services
from plugin.flows.consent import cuts, recording, tag_revocation, withdrawal
from plugin.flows.matching import vouching
from plugin.flows.names import resources
from plugin.flows.review import face_decisions
from plugin.flows.rights import erasure, erasure_rows
from plugin.flows.schedule import calendar, replay_endings
from plugin.flows.self_service import own_photos
from plugin.flows.tags import intent_outcomes
from plugin.flows.views.photos import photo_panel
from plugin.flows.views.review import proposals
from plugin.hooks.dam import Dam
from plugin.ledger import tables as t
from plugin.ledger.backups import restore
from plugin.ledger.log.head_book import HeadBook
from plugin.ledger.store.store import Tx, init_store, inserted_id
from plugin.quitclaim.clearance.answers import ClearanceStatus
from plugin.quitclaim.clearance.scope import Mode
from plugin.quitclaim.consent.lifecycle import Signing, StopMode
from plugin.quitclaim.consent.model import Grant, GrantKind
from plugin.recognizer.process.examiner import Examiner
from sidecar.commands.demo import samples
from sidecar.running.runner import Runner
from tests import program, support
from tests.promises.test_certificates import back_up

DAY = timedelta(days=1)


def named(services: Services, ref: str, *people: str) -> int:
    """A photograph on which the machine matched these people, and somebody named them: by hand, so that no DAM is asked
    about it."""
    number = program.photograph(services, ref, *people)
    with services.store.write() as tx:
        tx.execute(update(t.tag).where(t.tag.c.resource_id == number).values(origin="hand"))
    return number


def decided(services: Services) -> None:
    """An editor confirmed every face."""
    with services.store.write() as tx:
        tx.execute(update(t.face).values(decided_by="dam:test", decided_at=tx.now))


def listed(services: Services, channel: str = "website", days: int = 0) -> list[str]:
    """The photographs on the pages of what is cleared until then; as many are counted."""
    last = services.today() + timedelta(days=days)
    span = cleared_photos.span_until(services, "communication", channel, last)
    with services.store.read() as conn:
        refs = sorted(photo.ref for photo in cleared_photos.list_page(conn, span).photos)
        assert cleared_photos.count(conn, span) == len(refs)
    return refs


def stored(services: Services, number: int) -> int:
    """How many rows of clearance there are of the photograph, whether they count or not."""
    with services.store.read() as conn:
        mine = t.clearance.c.resource_id == number
        return conn.scalar(select(func.count()).select_from(t.clearance).where(mine)) or 0


def open_cuts(services: Services) -> int:
    with services.store.read() as conn:
        return conn.scalar(select(func.count()).select_from(t.cut)) or 0


def follow(services: Services, portions: int = -1) -> None:
    """Carry out the cuts: so many portions of one job after another, or all."""
    runner = Runner(services)
    while portions and runner.run_one([cuts.JOB]):
        portions -= 1


@contextmanager
def _rows(services: Services) -> Iterator[list[int]]:
    """How many rows each statement meanwhile changed."""
    changed: list[int] = []

    def after(_conn: Any, cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith(("INSERT", "UPDATE", "DELETE")):
            changed.append(max(cursor.rowcount, 0))

    engine = services.store._engine
    event.listen(engine, "after_cursor_execute", after)
    try:
        yield changed
    finally:
        event.remove(engine, "after_cursor_execute", after)


def test_the_commit_of_every_end_writes_as_many_rows_whatever_the_photographs(
    services: Services, cast: support.Cast, clock: ManualClock
) -> None:
    """Withdrawn, restricted, objected, lapsed, replaced, erased, the pictures refused: of two people on three
    photographs and on thirty."""

    def lapse() -> None:
        clock.advance(400 * DAY)
        withdrawal.end_due(services)

    ends: dict[str, Callable[[str], object]] = {
        "lapse": lambda _who: lapse(),
        "withdraw": lambda who: withdrawal.withdraw(services, who, None, "test"),
        "restrict": lambda who: withdrawal.stop(services, who, StopMode.RESTRICT, None, "test"),
        "object": lambda who: withdrawal.object_to_recognition(services, who, "test"),
        "replace": lambda who: cast.sign(who, recognition=False, channels=("press",)),
        "refuse": lambda who: vouching.refuse(services, f"set-{who}", "dam:test"),
        "erase": lambda who: erasure.begin(services, who, "test"),
    }
    for name, end in ends.items():
        changed = []
        for many in (3, 30):
            person = cast.add(f"{name} {many} Sample")
            cast.sign(person)
            _declare(services, person)
            for number in range(many):
                named(services, f"{name}/{many}/{number}.jpg", person)
            with services.store.write() as tx:
                tx.execute(update(t.face).where(t.face.c.person_id == person).values(set_id=f"set-{person}"))
            with _rows(services) as rows:
                end(person)
            changed.append(sum(rows))
            Runner(services).drain([cuts.JOB])
        assert changed[0] == changed[1] > 0, name


def _declare(services: Services, person: str, vouched: bool = True) -> str:
    """A set of pictures of the person's, without any picture."""
    set_id = f"set-{person}"
    with services.store.write() as tx:
        at = tx.now if vouched else None
        tx.execute(
            insert(t.reference_set).values(
                id=set_id,
                person_id=person,
                came_by="link",
                added_at=tx.now,
                added_by="test",
                vouched_at=at,
                vouched_by="dam:test" if vouched else None,
                vouched_how="met" if vouched else None,
            )
        )
    return set_id


def test_what_is_cut_counts_nowhere_at_once(services: Services, cast: support.Cast) -> None:
    """Pages, counts, the own page, the dates of the DAM; each before any job has run, and the rows are there still."""
    asa, bo = cast.add("Åsa Sample"), cast.add("Bo Sample")
    grants = cast.sign(asa, channels=("website", "press"))
    cast.sign(bo, channels=("website", "press"))
    both, alone = named(services, "both.jpg", asa, bo), named(services, "bo.jpg", bo)
    assert listed(services) == listed(services, "press") == ["bo.jpg", "both.jpg"]
    withdrawal.withdraw(services, asa, [grants["website"]], "test")
    assert stored(services, both) == stored(services, alone) == 2
    assert listed(services) == ["bo.jpg"]
    assert listed(services, "press") == ["bo.jpg", "both.jpg"], "what goes on is not cut"
    with services.store.read() as conn:
        page = own_photos.list_photos(services, conn, bo)
        dates = dam_dates._dates(services, conn, [both], valid_clearances.is_valid(conn))
    shown = {photo.id: {use[1] for use in photo.cleared} for photo in page.photos}
    assert shown == {both: {"press"}, alone: {"website", "press"}}
    assert dates[both] == {"website": "", "press": dates[both]["press"]}
    assert dates[both]["press"]
    follow(services)
    assert (stored(services, both), open_cuts(services)) == (1, 0)
    assert listed(services) == ["bo.jpg"]


def test_a_use_that_goes_on_for_a_shorter_time_is_cut_too(
    services: Services, cast: support.Cast, clock: ManualClock
) -> None:
    """Of two grants of one use the longer is withdrawn, or a new version ends it sooner: no page clears what lies
    behind the shorter one's end."""
    asa, bo = cast.add("Åsa Sample"), cast.add("Bo Sample")
    now = clock.now()
    long = Grant("long", GrantKind.PUBLICATION, "communication", "website", now, now + 300 * DAY)
    short = Grant("short", GrantKind.PUBLICATION, "communication", "website", now - DAY, now + 30 * DAY)
    signing = Signing("v1", None, "en", "paper", True, (), now, (long,))
    recording.record(services, asa, signing, [support.FORM], "test")
    with services.store.write() as tx:
        claim = tx.execute(select(t.grant.c.quitclaim_id).where(t.grant.c.id == "long")).scalar_one()
        values = vars(short) | {"quitclaim_id": claim, "person_id": asa, "kind": "publication"}
        tx.execute(insert(t.grant).values({k: v for k, v in values.items() if k in t.grant.c}))
    cast.sign(bo, recognition=False, lasts=300 * DAY)
    named(services, "asa.jpg", asa)
    named(services, "bo.jpg", bo)
    decided(services)
    assert listed(services, days=100) == ["asa.jpg", "bo.jpg"]
    withdrawal.withdraw(services, asa, ["long"], "test")
    cast.sign(bo, recognition=False, start=now + 60 * DAY, channels=("press",))
    assert listed(services, days=100) == []
    Runner(services).drain(["cut", "recompute"])
    assert listed(services, days=100) == []
    assert listed(services, days=20) == ["asa.jpg", "bo.jpg"]


def test_the_machines_name_of_somebody_whose_recognition_ended_is_none(services: Services, cast: support.Cast) -> None:
    """Publication goes on. Asked, shown, listed for review or computed anew: the face is unmatched from the commit on;
    one that an editor confirmed stays, though the machine matched the same person elsewhere."""
    asa = cast.add("Åsa Sample")
    grants = cast.sign(asa)
    by_machine, confirmed = (named(services, "machine.jpg", asa), named(services, "confirmed.jpg", asa))
    suggested = named(services, "suggested.jpg", asa)
    with services.store.write() as tx:
        face, here = t.face.c, t.face.c.resource_id
        tx.execute(update(t.face).where(here == confirmed).values(decided_by="dam:test", decided_at=tx.now))
        tx.execute(update(t.face).where(here == suggested).values(state="suggested"))
        waiting = tx.connection.scalar(select(face.id).where(here == suggested)) or 0
        matched = tx.connection.scalar(select(face.id).where(here == by_machine)) or 0
        photo_answers.recompute(services, tx, [suggested])
    assert listed(services) == ["confirmed.jpg", "machine.jpg"]
    withdrawal.withdraw(services, asa, [grants["recognition"]], "test")
    assert listed(services) == ["confirmed.jpg"]
    assert _status(services, "machine.jpg") is ClearanceStatus.UNKNOWN
    assert _status(services, "confirmed.jpg") is ClearanceStatus.CLEARED
    view = photo_panel.load_panel(services, "machine.jpg")
    assert view is not None
    assert [(face.state, face.person) for face in view.faces] == [("unmatched", "")]
    with services.store.read() as conn:
        assert [*face_decisions.list_waiting(conn), *proposals.list_unconfirmed(conn)] == []
        face_of = face_rows.find(conn, matched)
    assert face_of is not None
    assert face_of.state == "unmatched"
    assert face_decisions.find_face(services, waiting).person_id is None
    photo_answers.recompute_many(services, [by_machine])
    assert listed(services) == ["confirmed.jpg"]
    assert stored(services, by_machine) == 0
    follow(services)
    with services.store.read() as conn:
        states = {row.resource_id: row.state for row in conn.execute(select(t.face))}
    assert states == {by_machine: "unmatched", confirmed: "matched", suggested: "unmatched"}


def _status(services: Services, ref: str) -> ClearanceStatus:
    return photo_answers.answer_photo(services, ref, "communication", "website").status


def test_a_new_match_by_new_pictures_outlives_the_cut_of_the_old_ones(
    services: Services, cast: support.Cast, clock: ManualClock
) -> None:
    """Recognition ends, is signed again and enrolled again while the cut is open: the job frees what the old pictures
    named, and nothing that the new ones name; meanwhile the old match is in nobody's way."""
    asa = cast.add("Åsa Sample")
    cast.sign(asa)
    cast.enrol(asa)
    old = _current(services, asa)
    number = named(services, "one.jpg", asa)
    with services.store.write() as tx:
        tx.execute(update(t.face).values(set_id=old))
    withdrawal.withdraw(services, asa, None, "test")
    cast.sign(asa)
    cast.enrol(asa)
    with services.store.write() as tx:
        row = tx.execute(select(t.face)).one()._asdict() | {"left": 0.5, "set_id": _set_in(tx, asa)}
        row.pop("id")
        new = inserted_id(tx.execute(insert(t.face).values(row)))
        assert face_rows.find_other_match(tx, number, asa, new) is None
    follow(services)
    with services.store.read() as conn:
        assert [(row.state, row.person_id) for row in face_rows.list_of(conn, number)] == [
            ("unmatched", None),
            ("matched", asa),
        ]
    assert open_cuts(services) == 0


def _current(services: Services, person: str) -> str:
    with services.store.read() as conn:
        return str(reference_sets.find_compared(conn, [person])[person].id)


def _set_in(tx: Tx, person: str) -> str:
    return str(reference_sets.find_compared(tx.connection, [person])[person].id)


def test_an_intent_of_a_match_that_is_cut_writes_no_name(services: Services, cast: support.Cast) -> None:
    """The match was made, its name is on its way; recognition ends and is signed again before the DAM answers."""
    asa = cast.add("Åsa Sample")
    cast.sign(asa)
    cast.open_collection()
    number = named(services, "shoot/one.jpg", asa)
    _declare(services, asa)
    with services.store.write() as tx:
        tx.execute(update(t.face).values(set_id=f"set-{asa}"))
        tx.execute(insert(t.resource_collection).values(resource_id=number, collection_ref="shoot"))
        face = tx.connection.scalar(select(t.face.c.id))
        tx.execute(
            insert(t.intent).values(
                resource_id=number,
                person_id=asa,
                face_id=face,
                node="Åsa Sample",
                action="add",
                origin="machine",
                places=["x"],
                state="open",
                generation=1,
                created_at=tx.now,
                set_id=f"set-{asa}",
            )
        )
    with services.store.read() as conn:
        intent = conn.execute(select(t.intent)).one()
        assert intent_outcomes.is_wanted(services, conn, intent)
    withdrawal.withdraw(services, asa, None, "test")
    with services.store.write() as tx:
        tx.execute(update(t.reference_set).values(ended_at=tx.now))  # as with the face key
    cast.sign(asa)
    with services.store.read() as conn:
        assert not intent_outcomes.is_wanted(services, conn, intent)


def test_a_name_that_goes_before_the_job_brings_no_clearance_back(
    services: Services, cast: support.Cast, photos: Path
) -> None:
    """The photograph of two people is looked at between commit and job, and the name does not stand there any more:
    what was stored with both of them counts no more for that."""
    asa, bo = cast.add("Åsa Sample"), cast.add("Bo Sample")
    for who in (asa, bo):
        cast.sign(who)
    ref = support.put(photos, "shoot/one.jpg", samples.A_STANDING)
    cast.open_collection(mode=Mode.OFF)
    arrival = resources.enter(services, ref)
    with services.store.write() as tx:
        for who in (asa, bo):
            tx.execute(
                insert(t.tag).values(
                    resource_id=arrival.resource_id,
                    node=who,
                    node_key=who,
                    person_id=who,
                    origin="hand",
                    places=[],
                    created_at=tx.now,
                )
            )
        tx.execute(update(t.resource).values(examined="whole", looked_px=64))
        photo_answers.recompute(services, tx, [arrival.resource_id])
    assert listed(services) == [ref]
    withdrawal.withdraw(services, asa, None, "test")
    assert listed(services) == []
    resources.enter(services, ref)  # the file names nobody: both tags go
    with services.store.read() as conn:
        assert conn.execute(select(t.tag)).all() == []
    assert listed(services) == []
    assert stored(services, arrival.resource_id) == 0


def test_two_people_of_one_photograph_end_together_and_one_comes_back(services: Services, cast: support.Cast) -> None:
    """Each has a cut of their own; who signs again meanwhile is cleared again when theirs is done, and not before the
    other signs too."""
    asa, bo = cast.add("Åsa Sample"), cast.add("Bo Sample")
    for who in (asa, bo):
        cast.sign(who, recognition=False)
    named(services, "both.jpg", asa, bo)
    named(services, "asa.jpg", asa)
    decided(services)
    for who in (asa, bo):
        withdrawal.withdraw(services, who, None, "test")
    assert listed(services) == []
    cast.sign(asa, recognition=False)
    Runner(services).drain(["recompute"])
    assert listed(services) == [], "the cut stands until its rows have followed"
    follow(services)
    assert listed(services) == ["asa.jpg"]
    cast.sign(bo, recognition=False)
    Runner(services).drain(["recompute"])
    assert listed(services) == ["asa.jpg", "both.jpg"]
    assert open_cuts(services) == 0


def test_the_dates_follow_with_the_rows_and_come_back_with_a_new_grant(services: Services, cast: support.Cast) -> None:
    """A DAM with date fields: they are owed as soon as the job has run, without the DAM, and what is signed anew while
    the cut is open is dated again when it is over."""
    services = replace(services, dam=Dated(services.dam))
    cast = support.Cast(services)
    asa = cast.add("Åsa Sample")
    cast.sign(asa, recognition=False)
    named(services, "one.jpg", asa)
    assert _wanted(services)["website"]
    decided(services)
    withdrawal.withdraw(services, asa, None, "test")
    follow(services)
    assert _wanted(services)["website"] == ""
    cast.sign(asa, recognition=False)
    withdrawal.withdraw(services, asa, None, "test")
    cast.sign(asa, recognition=False)
    Runner(services).drain(["recompute"])
    follow(services)
    assert _wanted(services)["website"]


def _wanted(services: Services) -> dict[str, str]:
    with services.store.read() as conn:
        return dict(conn.execute(select(t.statement.c.wanted)).scalar_one())


class Dated:
    """A folder that has date fields."""

    def __init__(self, inner: Dam) -> None:
        self._inner = inner

    def state_many(self, until: Mapping[str, object]) -> dict[str, None]:
        return dict.fromkeys(until)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def test_a_job_takes_away_only_the_cuts_that_it_began_with(
    services: Services, cast: support.Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signed again and withdrawn again before its last portion: what was computed meanwhile is cut again."""
    monkeypatch.setattr(photo_answers, "PORTION", 2)
    asa = cast.add("Åsa Sample")
    cast.sign(asa, recognition=False)
    numbers = [named(services, f"{n}.jpg", asa) for n in range(5)]
    decided(services)
    withdrawal.withdraw(services, asa, None, "test")
    follow(services, portions=2)
    assert [stored(services, n) for n in numbers] == [0, 0, 0, 0, 1]
    cast.sign(asa, recognition=False)
    Runner(services).drain(["recompute"])
    assert [stored(services, n) for n in numbers] == [1] * 5
    running = services.queue.claim([cuts.JOB])
    assert running is not None
    withdrawal.withdraw(services, asa, None, "test")
    cuts.handle_cut(services, running)  # its last portion
    assert listed(services) == []
    assert open_cuts(services) > 0
    follow(services)
    assert [stored(services, n) for n in numbers] == [0] * 5
    assert (listed(services), open_cuts(services)) == ([], 0)


def test_a_cut_whose_job_is_gone_is_taken_up_again(services: Services, cast: support.Cast, clock: ManualClock) -> None:
    """As after a restore, or where the job was given up: by the sweep, once, and not each minute after a failure."""
    asa = cast.add("Åsa Sample")
    cast.sign(asa, recognition=False)
    number = named(services, "one.jpg", asa)
    withdrawal.withdraw(services, asa, None, "test")
    with services.store.write() as tx:
        dead = {"state": "dead", "finished_at": tx.now, "error": "x"}
        tx.execute(update(t.job).where(t.job.c.kind == cuts.JOB).values(dead))
    assert cuts.resume(services) == 0
    assert listed(services) == []
    clock.advance(2 * timedelta(hours=1))
    calendar.sweep_endings(services)
    assert cuts.resume(services) == 0, "asked for already"
    follow(services)
    assert (stored(services, number), open_cuts(services)) == (0, 0)


def test_refused_pictures_count_nowhere_at_once_whoever_confirmed_by_them(
    services: Services, cast: support.Cast
) -> None:
    """What rests on them is cut in the commit, a confirmed face too; what a person is named by otherwise is not."""
    asa = cast.add("Åsa Sample")
    cast.sign(asa)
    resting, other = named(services, "resting.jpg", asa), named(services, "other.jpg", asa)
    set_id = _declare(services, asa)
    with services.store.write() as tx:
        for table in (t.face, t.tag):
            tx.execute(update(table).where(table.c.resource_id == resting).values(set_id=set_id))
        tx.execute(update(t.face).values(decided_by="dam:test", decided_at=tx.now))
    assert listed(services) == ["other.jpg", "resting.jpg"]
    vouching.refuse(services, set_id, "dam:test")
    assert stored(services, resting) == 1
    assert listed(services) == ["other.jpg"]
    assert _status(services, "resting.jpg") is ClearanceStatus.UNKNOWN
    Runner(services).drain()
    with services.store.read() as conn:
        assert [row.state for row in face_rows.list_of(conn, resting)] == ["unmatched"]
        assert [row.state for row in face_rows.list_of(conn, other)] == ["matched"]
    assert listed(services) == ["other.jpg"]
    assert open_cuts(services) == 0


def test_an_erasure_killed_between_two_photographs_goes_on_and_its_certificate_says_all(
    services: Services, cast: support.Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows go in portions. What the first run saw is told by the second: how many rows there were of each kind."""
    monkeypatch.setattr(photo_answers, "PORTION", 2)
    asa, bo = cast.add("Åsa Sample"), cast.add("Bo Sample")
    for who in (asa, bo):
        cast.sign(who, recognition=False)
    for n in range(5):
        named(services, f"{n}.jpg", asa, bo)
    # What the DAM would say of files that are not there is not what is tried here.
    monkeypatch.setattr(tag_revocation, "remove_tags", lambda *_args, **_more: 0)
    monkeypatch.setattr(tag_revocation, "read_back", lambda *_args: None)
    whole, done = erasure_rows._clear, list[int]()

    def killed(*args: Any) -> None:
        if len(done) == 1:
            raise StoreError("killed")
        done.append(1)
        whole(*args)

    erasure.begin(services, asa, "test")
    assert listed(services) == []
    with monkeypatch.context() as patch:
        patch.setattr(erasure_rows, "_clear", killed)
        with pytest.raises(StoreError):
            erasure.finish(services, asa)
    with services.store.read() as conn:
        left = conn.scalar(select(func.count()).where(t.tag.c.person_id == asa))
    assert left == 3
    made = erasure.finish(services, asa)
    rows = next(line for line in made.done if line.key == "rows_gone").values["rows"]
    assert str(rows).startswith("faces unnamed 5, tags 5")
    with services.store.read() as conn:
        for table in (t.person, t.cut, t.face, t.tag, t.intent):
            mine = table.c.id == asa if table is t.person else table.c.person_id == asa
            assert conn.scalar(select(func.count()).select_from(table).where(mine)) == 0, table.name


_KILLED = """
import json, os, signal, sys
from datetime import datetime
from plugin.clock import ManualClock
from plugin.config import parse
from plugin.flows.clearance import photo_answers
from plugin.flows.consent import cuts, withdrawal
from sidecar.running import bootstrap
from sidecar.running.runner import Runner

photo_answers.PORTION = 2
tree, now, person = json.loads(sys.stdin.readline()), datetime.fromisoformat(sys.argv[1]), sys.argv[2]
with bootstrap.open_house(parse(tree), ManualClock(now)) as services:
    if sys.argv[3] == "commit":
        withdrawal.withdraw(services, person, None, "test")
    else:
        Runner(services).run_one([cuts.JOB])
        services.queue.claim([cuts.JOB])  # in hand when it dies
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_killed_between_the_commit_and_the_job_and_in_the_job(
    services: Services, cast: support.Cast, clock: ManualClock
) -> None:
    """Another process withdraws and dies at once; a worker dies with a portion done and the next one in hand. Whoever
    asks meanwhile gets nothing that counts, and the next worker goes on."""
    asa = cast.add("Åsa Sample")
    cast.sign(asa, recognition=False)
    numbers = [named(services, f"{n}.jpg", asa) for n in range(5)]
    decided(services)
    assert len(listed(services)) == 5
    for step in ("commit", "job"):
        done = subprocess.run(
            [sys.executable, "-c", _KILLED, clock.now().isoformat(), asa, step],
            input=services.config.model_dump_json(exclude_unset=True),
            text=True,
            check=False,
            timeout=120,
            capture_output=True,
        )
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert listed(services) == []
    assert sorted(stored(services, n) for n in numbers) == [0, 0, 1, 1, 1]
    clock.advance(timedelta(seconds=services.config.jobs.lease_seconds + 1))
    calendar.sweep_endings(services)
    follow(services)
    assert ([stored(services, n) for n in numbers], open_cuts(services)) == ([0] * 5, 0)


@pytest.mark.parametrize("taken", ["before", "meanwhile"])
def test_a_backup_put_back_clears_nothing_that_ended(
    services: Services, cast: support.Cast, clock: ManualClock, examiner: Examiner, tmp_path: Path, taken: str
) -> None:
    """One that was taken while the cut was open holds it; into one of before ended.log brings it."""
    asa = cast.add("Åsa Sample")
    cast.sign(asa, recognition=False)
    number = named(services, "one.jpg", asa)
    decided(services)
    if taken == "before":
        back_up(services)
        clock.advance(timedelta(minutes=1))
    withdrawal.withdraw(services, asa, None, "test")
    if taken == "meanwhile":
        back_up(services)
    url = f"sqlite:///{tmp_path}/back.db"
    config = services.config.model_copy(update={"store": services.config.store.model_copy(update={"url": url})})
    init_store(url, clock).close()
    folder = config.path(config.backup.folder)
    restore.restore_backup(url, folder, services.master, clock, HeadBook.from_config(config))
    with support.opened(config, clock, examiner) as back:
        assert stored(back, number) == 1
        replay_endings.replay_ended_log(back)
        assert (listed(back), open_cuts(back) > 0) == ([], True)
        calendar.start_process(back)
        calendar.sweep_endings(back)
        follow(back)
        assert (listed(back), open_cuts(back)) == ([], 0)
        with back.store.read() as conn:
            last = conn.scalar(select(func.max(t.clearance.c.valid_until)))
        assert last is None or last <= clock.now()


def test_an_end_cuts_what_pictures_named_that_ended_by_a_clock_ahead(
    services: Services, cast: support.Cast, clock: ManualClock, examiner: Examiner
) -> None:
    """Two processes, of which one was started before the clock was set back: pictures were replaced by its time, and
    recognition ends by the other's, some seconds before. What the old ones named is nobody's from that commit on."""
    behind = ManualClock(clock.now())
    clock.advance(timedelta(seconds=20))
    asa = cast.add("Åsa Sample")
    cast.sign(asa)
    cast.enrol(asa)
    number = named(services, "one.jpg", asa)
    with services.store.write() as tx:
        tx.execute(update(t.face).values(set_id=_set_in(tx, asa)))
    clock.advance(timedelta(seconds=20))
    cast.enrol(asa)
    with support.opened(services.config, behind, examiner) as other:
        other = replace(other, clock=behind)
        other.store.clock = behind
        withdrawal.withdraw(other, asa, None, "test")
    with services.store.read() as conn:
        assert [(row.state, row.person_id) for row in face_rows.list_of(conn, number)] == [("unmatched", None)]
    follow(services)
    with services.store.read() as conn:
        assert conn.scalar(select(t.face.c.state)) == "unmatched"
    assert open_cuts(services) == 0
