"""A2 and L1: every write has an intent, and what ends in between takes the tag in flight with it."""

import json
import random
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from plugin.clock import SystemClock
from plugin.config import Config
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.review import face_decisions
from plugin.flows.schedule import calendar
from plugin.ledger import tables as t
from plugin.ledger.store.actions import Action
from plugin.recognizer.process.examiner import Examiner
from sidecar.running import bootstrap
from tests import support, worker_process
from tests.crowd import A, Crowd

_JOBS = {"lease_seconds": 2, "backoff_seconds": 1, "attempts": 100}
_PATIENCE = 120  # seconds: no measure of ours, only the end of a test that hangs


def _config(tmp_path: Path) -> Config:
    return bootstrap.resolve_models(support.configuration(tmp_path, jobs=_JOBS, resourcespace={"seconds": 1}))


def _until(true: Callable[[], bool], what: str, services: Services | None = None) -> None:
    end = time.monotonic() + _PATIENCE
    while not true():
        assert time.monotonic() < end, f"waited in vain until {what}: {_left(services)}"
        time.sleep(0.01)


def _left(services: Services | None) -> list[object]:
    """What is not finished yet, for the message of a test that fails."""
    if services is None:
        return []
    with services.store.read() as conn:
        jobs = conn.execute(select(t.job).where(t.job.c.state.in_(("queued", "running")))).all()
        return [*jobs, *conn.execute(select(t.intent).where(t.intent.c.state == "open")).all()]


def _open(services: Services) -> int:
    """Intents and jobs that are not finished; tomorrow's second look is not for today."""
    with services.store.read() as conn:
        intents = conn.scalar(select(func.count()).where(t.intent.c.state == "open")) or 0
        jobs = select(func.count()).where(t.job.c.state.in_(("queued", "running")), t.job.c.kind != "look-again")
        return intents + (conn.scalar(jobs) or 0)


def _over(services: Services, control: Path, dying: Sequence["subprocess.Popen[bytes]"]) -> bool:
    """Whether each has died, or has looked for work and none is left: then there is no step to die at any more."""
    alive = [process.pid for process in dying if process.poll() is None]
    return all((control / f"idle-{pid}").exists() for pid in alive) and (not alive or not _open(services))


@contextmanager
def _working(config: Config, control: Path) -> Iterator[None]:
    process = worker_process.start(config, control)
    try:
        yield
    finally:
        (control / "stop").touch()
        code = process.wait(_PATIENCE)
        (control / "stop").unlink()
    assert code == 0, (control / "errors").read_text()[-2000:]


def _written(control: Path) -> list[dict[str, str]]:
    lines = [line for path in control.glob("writes-*") for line in path.read_text().splitlines()]
    return [json.loads(line) for line in lines]


def _without_intent(services: Services, writes: list[dict[str, str]]) -> int:
    """Writes for which no intent of the same resource, name and direction was stored by that time."""
    query = select(t.intent, t.resource.c.ref).join(t.resource, t.resource.c.id == t.intent.c.resource_id)
    with services.store.read() as conn:
        rows = conn.execute(query).all()
    missing = 0
    for write in writes:
        at = datetime.fromtimestamp(float(write["at"]), UTC)
        allowed = ("add",) if write["add"] else ("add", "remove")  # an addition may have to be undone
        missing += not any(
            (row.ref, row.node) == (write["ref"], write["node"])
            and row.action in allowed
            and row.created_at <= at
            and set(write["places"]) == set(row.places)
            for row in rows
        )
    return missing


@pytest.mark.promise
def test_every_write_in_the_dam_had_an_intent(
    tmp_path: Path, examiner: Examiner, full: bool, promise: Callable[[str, str], None]
) -> None:
    """Worker processes, two at a time, die by kill -9 between intent, call and outcome while they tag, while
    an editor confirms and while the person withdraws. Every write that was made had its intent before;
    afterwards no intent is without an outcome, and the files say what the ledger says."""
    rounds, chance = (40 if full else 4), random.Random(3)
    config, control = _config(tmp_path), tmp_path / "control"
    crowd, photos, kills, left_open = Crowd(examiner), tmp_path / "photos", 0, 0
    refs = [f"shoot/{n:03}.jpg" for n in range(rounds * 6)]
    with support.opened(config, SystemClock(), examiner) as services:
        (photos / "shoot").mkdir()
        cast = support.Cast(services)
        asa = cast.add("Åsa")
        grants = cast.sign(asa)
        cast.enrol(asa)
        cast.open_collection()
        for n in range(rounds):
            for ref in refs[n * 6 : n * 6 + 6]:
                crowd.put(photos, ref, crowd.row([A[0]], 140 + chance.randint(0, 30)))
            if n == rounds // 2:
                _confirm_one(services)
                withdrawal.withdraw(services, asa, {grants["recognition"]}, "test")
            if n == rounds // 2 + 1:
                cast.sign(asa)
                cast.enrol(asa)
            dying = [
                worker_process.start(config, control, f"{step} {chance.randint(1, 3)}")
                for step in chance.sample(["intent", "call", "outcome"], 2)
            ]
            _until(lambda: _over(services, control, dying), "they have died or are done", services)  # noqa: B023
            kills += sum(process.poll() == -9 for process in dying)
            with services.store.read() as conn:
                left_open += conn.scalar(select(func.count()).where(t.intent.c.state == "open")) or 0
            (control / "stop").touch()
            for process in dying:
                process.wait(_PATIENCE)
            for idle in control.glob("idle-*"):
                idle.unlink()
            (control / "stop").unlink()
        with _working(config, control):
            _until(lambda: not _open(services), "everything is recovered", services)
        writes = _written(control)
        missing = _without_intent(services, writes)
        with services.store.read() as conn:
            after = conn.scalar(select(func.count()).where(t.intent.c.state == "open")) or 0
            said = conn.scalar(select(func.count()).where(t.audit.c.action == Action.TAG_INTEND.value)) or 0
            meant = conn.scalar(select(func.count()).select_from(t.intent)) or 0
        stands = {ref for ref in refs if cast.names_on(ref)}
        ledger = set(cast.tags(asa))
    promise(
        "A2",
        f"kills {kills}, writes {len(writes)}, without intent {missing}; intents without outcome: {left_open} "
        f"when killed, after recovery {after}",
    )
    assert kills >= rounds
    assert left_open > 0
    assert len(writes) > len(refs) / 2
    assert (missing, after) == (0, 0)
    assert said >= meant > 0
    assert stands == ledger


def _confirm_one(services: Services) -> None:
    with services.store.read() as conn:
        face = conn.scalar(select(t.face.c.id).where(t.face.c.state == "matched"))
    assert face is not None
    face_decisions.confirm(services, face, "editor")


@pytest.mark.promise
def test_who_withdraws_is_matched_no_more_and_no_tag_in_flight_stays(
    tmp_path: Path, examiner: Examiner, full: bool, promise: Callable[[str, str], None]
) -> None:
    """One process tags; it is held after the match, after the intent, or after the call. In another the person
    withdraws, and the whole revocation runs before, or after, the first one goes on."""
    config, control = _config(tmp_path), tmp_path / "control"
    crowd, photos = Crowd(examiner), tmp_path / "photos"
    plan = [(step, first) for step in ("match", "intent", "call") for first in (True, False)] * (10 if full else 1)
    matches = standing = in_flight = 0
    counts: Counter[str] = Counter()
    with support.opened(config, SystemClock(), examiner) as services:
        (photos / "shoot").mkdir()
        cast = support.Cast(services)
        cast.open_collection()
        with _working(config, control):
            for n, (step, revoked_first) in enumerate(plan):
                asa = cast.add(f"Åsa {n}")
                cast.sign(asa)
                cast.enrol(asa)
                (control / "pause").write_text(step)
                ref = crowd.put(photos, f"shoot/{n:03}.jpg", crowd.row([A[0]], 150 + n))
                _until((control / "paused").exists, f"a worker is held after {step}")
                in_flight += bool(cast.names_on(ref)) or step != "call"
                withdrawal.withdraw(services, asa, None, "test")
                if revoked_first:
                    cast.work()
                (control / "paused").unlink()
                (control / "go").touch()
                _until(lambda: not _open(services), "all jobs are done")
                standing += len(cast.names_on(ref))
                matches += _matched(services, asa)
                counts[step] += 1
        calendar.start_process(services)
    promise(
        "L1",
        f"withdrawals {len(plan)} ({', '.join(f'{n} after {s}' for s, n in counts.items())}), 2 processes: matches "
        f"after commit {matches}; tags standing once the jobs were done (no wait of 60 s) {standing}",
    )
    assert in_flight == len(plan)
    assert (matches, standing) == (0, 0)


def _matched(services: Services, person_id: str) -> int:
    query = select(func.count()).where(t.face.c.person_id == person_id, t.face.c.state.in_(("matched", "suggested")))
    tags = select(func.count()).where(t.tag.c.person_id == person_id)
    with services.store.read() as conn:
        return (conn.scalar(query) or 0) + (conn.scalar(tags) or 0)
