from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Table, func, insert, select

from plugin.clock import ManualClock, months_before
from plugin.config import Config, RetentionSection, ReviewSection
from plugin.ledger import tables as t
from plugin.ledger.queue import retention_rules
from plugin.ledger.store import audit
from plugin.ledger.store.actions import Action
from plugin.ledger.store.store import Store, Tx
from tests.expired_rows import delete_expired

AddPerson = Callable[[Tx, str], str]

_CONFIG = Config(
    retention=RetentionSection(boxes_months=6, events_days=7, jobs_days=7, intents_months=3, audit_months=12),
    review=ReviewSection(days=30),
)


def _face(tx: Tx, resource_id: int, state: str, **values: Any) -> None:
    box = {"left": 0.1, "top": 0.1, "width": 0.1, "height": 0.1, "width_px": 80}
    tx.execute(
        insert(t.face).values(
            resource_id=resource_id, file_version="1", state=state, created_at=tx.now, **box, **values
        )
    )


def _resource(tx: Tx, key: int) -> None:
    tx.execute(
        insert(t.resource).values(
            id=key, ref=f"{key}.jpg", file_version="1", kind="photo", examined="whole", seen_at=tx.now
        )
    )
    tx.execute(
        insert(t.clearance).values(
            resource_id=key, purpose="p", channel="c", valid_from=tx.now, valid_until=tx.now + timedelta(days=3650)
        )
    )


def _intent(tx: Tx, resource_id: int, state: str) -> None:
    tx.execute(
        insert(t.intent).values(
            resource_id=resource_id,
            person_id="asa",
            node="Åsa",
            action="add",
            origin="machine",
            places=[],
            state=state,
            generation=1,
            created_at=tx.now,
            finished_at=None if state == "open" else tx.now,
        )
    )


def _sweep(store: Store, clock: ManualClock, chunk: int = 1000) -> dict[str, int]:
    with store.write() as tx:
        # Heads of long ago held every row: what else may be pruned is tried in test_audit_log.
        return delete_expired(tx, _CONFIG, clock.now(), chunk, provable=1_000_000)


def _count(store: Store, table: Table) -> int:
    with store.read() as connection:
        return int(connection.scalar(select(func.count()).select_from(table)) or 0)


@pytest.fixture
def filled(store: Store, add_person: AddPerson) -> Store:
    """One row of each kind, made now."""
    with store.write() as tx:
        add_person(tx, "asa")
        _resource(tx, 1)
        _face(tx, 1, "unmatched")
        _face(tx, 1, "suggested", person_id="asa", distance=0.5, thresholds={"auto": 0.4})
        _intent(tx, 1, "done")
        tx.execute(insert(t.event).values(id="e1", received_at=tx.now))
        tx.execute(
            insert(t.job).values(
                kind="photo",
                key="1",
                payload={},
                priority=5,
                state="dead",
                run_after=tx.now,
                created_at=tx.now,
                finished_at=tx.now,
            )
        )
        tx.execute(
            insert(t.shredding).values(
                person_id="bo", purpose="face", master_version=1, unusable_at=tx.now, shredded_at=tx.now, how="rotation"
            )
        )
        tx.audit(Action.FACE_SCAN, "system")
    return store


_TERMS = {
    "events": timedelta(days=7),
    "jobs": timedelta(days=7),
    "suggestions": timedelta(days=30),
    "intents": timedelta(days=92),
    "boxes": timedelta(days=184),
    "shredding": timedelta(days=365),
    "audit": timedelta(days=365),
}


def test_each_kind_goes_at_its_term_and_not_before(filled: Store, clock: ManualClock) -> None:
    """On the day itself nothing is past its term; a second later it is, and nothing else goes with it."""
    start = clock.now()
    gone = []
    for kind, term in _TERMS.items():
        clock.set(start + term)
        counts = _sweep(filled, clock)
        assert counts[kind] == 0, kind
        clock.advance(timedelta(seconds=1))
        gone += [name for name, count in _sweep(filled, clock).items() if count]
    assert gone == ["events", "jobs", "suggestions", "intents", "boxes", "shredding", "audit"]


def test_nothing_is_left_past_its_term(filled: Store, clock: ManualClock) -> None:
    """Years later only the audit rows of the pruning itself are there, and the chain verifies."""
    clock.advance(timedelta(days=3650))
    _sweep(filled, clock)
    tables = (t.face, t.intent, t.event, t.job, t.shredding)
    assert [_count(filled, table) for table in tables] == [0] * 5
    with filled.read() as connection:
        assert connection.scalars(select(t.audit.c.action)).all() == [Action.LOG_PRUNE.value]
        assert audit.verify_chain(connection).pruned == 1


def test_an_old_suggestion_becomes_a_face_without_a_name(filled: Store, clock: ManualClock) -> None:
    """The box stays for its own term; candidate, distance and thresholds go."""
    clock.advance(timedelta(days=31))
    assert _sweep(filled, clock)["suggestions"] == 1
    with filled.read() as connection:
        rows = connection.execute(select(t.face)).all()
    assert [(row.state, row.person_id, row.distance, row.thresholds) for row in rows] == [
        ("unmatched", None, None, None)
    ] * 2


def test_a_photograph_without_its_boxes_is_not_cleared(filled: Store, clock: ManualClock) -> None:
    """Nobody can say any more who is in it: not examined, no clearance. Unknown is never yes."""
    with filled.write() as tx:
        _resource(tx, 2)
    clock.advance(timedelta(days=200))
    with filled.write() as tx:
        _face(tx, 2, "unmatched")
    _sweep(filled, clock)
    with filled.read() as connection:
        query = select(t.resource.c.examined, t.resource.c.examined_reason).order_by(t.resource.c.id)
        examined = [tuple(row) for row in connection.execute(query)]
        cleared = list(connection.scalars(select(t.clearance.c.resource_id)))
    assert examined == [("no", retention_rules.BOXES_FORGOTTEN), ("whole", None)]
    assert cleared == [2]


def test_what_a_tag_or_an_open_intent_rests_on_stays(filled: Store, clock: ManualClock) -> None:
    """The matched face of a standing tag, every box of a photograph with an open intent, and that intent."""
    with filled.write() as tx:
        _resource(tx, 2)
        _face(tx, 2, "matched", person_id="asa")
        _face(tx, 2, "unmatched")
        tx.execute(
            insert(t.tag).values(
                resource_id=2,
                node="Åsa",
                node_key="åsa",
                person_id="asa",
                origin="confirmed",
                places=[],
                created_at=tx.now,
            )
        )
        _resource(tx, 3)
        _face(tx, 3, "unmatched")
        _intent(tx, 3, "open")
    clock.advance(timedelta(days=3650))
    _sweep(filled, clock)
    with filled.read() as connection:
        faces = [tuple(row) for row in connection.execute(select(t.face.c.resource_id, t.face.c.state))]
        assert faces == [(2, "matched"), (3, "unmatched")]
        assert connection.scalars(select(t.intent.c.state)).all() == ["open"]


def test_jobs_that_wait_or_run_stay(store: Store, clock: ManualClock) -> None:
    """Whatever their age; a dead letter goes with its term, what an older version kept of a done one at once."""
    with store.write() as tx:
        for number, state in enumerate(["queued", "running", "done", "dead"]):
            finished = tx.now if number > 1 else None
            tx.execute(
                insert(t.job).values(
                    kind="photo",
                    key=str(number),
                    payload={},
                    priority=5,
                    state=state,
                    run_after=tx.now,
                    created_at=tx.now,
                    finished_at=finished,
                )
            )
    assert _sweep(store, clock)["jobs"] == 1
    clock.advance(timedelta(days=3650))
    assert _sweep(store, clock)["jobs"] == 1
    with store.read() as connection:
        assert set(connection.scalars(select(t.job.c.state))) == {"queued", "running"}


def test_a_sweep_goes_in_chunks(store: Store, clock: ManualClock) -> None:
    """So that no transaction is long: at most `chunk` of a kind each time, until none is left."""
    with store.write() as tx:
        _resource(tx, 1)
        for number in range(25):
            tx.execute(insert(t.event).values(id=f"e{number}", received_at=tx.now))
            _face(tx, 1, "unmatched")
            tx.audit(Action.FACE_SCAN, "system")
    clock.advance(timedelta(days=3650))
    counts = [_sweep(store, clock, chunk=10) for _ in range(4)]
    for kind in ("events", "boxes", "audit"):
        assert [count[kind] for count in counts] == [10, 10, 5, 0], kind


@pytest.mark.parametrize(
    ("now", "months", "then"),
    [
        ((2026, 3, 31), 1, (2026, 2, 28)),
        ((2028, 3, 31), 1, (2028, 2, 29)),
        ((2026, 1, 15), 1, (2025, 12, 15)),
        ((2026, 1, 15), 24, (2024, 1, 15)),
        ((2026, 12, 31), 1, (2026, 11, 30)),
    ],
)
def test_months_are_calendar_months(now: tuple[int, int, int], months: int, then: tuple[int, int, int]) -> None:
    """The same day, or the month's last."""
    assert months_before(datetime(*now, 9, tzinfo=UTC), months) == datetime(*then, 9, tzinfo=UTC)
