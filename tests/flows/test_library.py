"""What is asked of a whole library, and what a withdrawal costs there: by index, never through all of it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, select

from plugin.clock import ManualClock
from plugin.errors import UseUnknown
from plugin.flows.clearance import cleared_photos, photo_answers
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.review import face_decisions
from plugin.flows.views import dashboard, health
from plugin.ledger import tables as t
from plugin.ledger.store.store import Store
from tests import support
from tests.program import photograph

_LARGE = re.compile(r"SCAN (clearance|face|tag|resource)\b")


@contextmanager
def _plans(store: Store) -> Iterator[list[tuple[str, str]]]:
    """(statement, plan) of every statement that touches the large tables meanwhile."""
    found: list[tuple[str, str]] = []

    def before(conn: Connection, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE")):
            first = parameters[0] if isinstance(parameters, list) and parameters else parameters
            plan = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", first).fetchall()
            found.append((statement, "; ".join(row[3] for row in plan)))

    engine = store._engine
    event.listen(engine, "before_cursor_execute", before)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", before)


@pytest.mark.embedded
def test_a_withdrawal_never_goes_through_the_library(services: Services, cast: support.Cast) -> None:
    """The ending commit and the recompute behind it reach photographs, faces, tags and clearances by index, the
    stored clearances by photograph: else they would cost more the larger the library is."""
    asa = cast.add("Åsa")
    cast.sign(asa)
    for n in range(5):
        photograph(services, f"shoot/{n}.jpg", asa)
    with _plans(services.store) as plans:
        withdrawal.withdraw(services, asa, None, "test")
        with services.store.read() as conn:
            ids = photo_answers.list_resources_naming(conn, asa)
        photo_answers.recompute_many(services, ids)
    assert len(ids) == 5
    assert plans
    for statement, plan in plans:
        assert not _LARGE.search(plan), (statement, plan)
        assert "ix_clearance_use" not in plan, (statement, plan)
        assert "ix_face_state" not in plan, (statement, plan)


@pytest.mark.embedded
def test_a_page_and_a_count_are_read_from_one_index(services: Services, cast: support.Cast) -> None:
    """No sort, no scan: from the bound on, in order; the count without a look at the rows themselves."""
    span = cleared_photos.span_until(services, "communication", "website", services.today() + timedelta(days=3))
    with _plans(services.store) as plans, services.store.read() as conn:
        cleared_photos.list_page(conn, span)
        cleared_photos.list_page(conn, span, "1790000000000000-5")
        cleared_photos.count(conn, span)
    plans = [(statement, plan) for statement, plan in plans if "FROM clearance" in statement]
    assert len(plans) == 3
    for _, plan in plans:
        assert "ix_clearance_use (purpose=? AND channel=? AND valid_until>?)" in plan
        assert "TEMP B-TREE" not in plan
        assert not _LARGE.search(plan)
    assert "COVERING INDEX" in plans[-1][1]


@pytest.mark.embedded
def test_what_waits_and_how_much_is_read_from_one_index(services: Services) -> None:
    """The review lists begin at their bound, in order; counts are taken in an index, without a look at the rows."""
    with _plans(services.store) as lists, services.store.read() as conn:
        for state in ("suggested", "unmatched"):
            list(face_decisions.list_waiting(conn, state, 7))
    lists = [(statement, plan) for statement, plan in lists if "FROM face" in statement]
    assert len(lists) == 2
    for _, plan in lists:
        assert "SEARCH face USING INDEX ix_face_state (state=? AND id>?)" in plan
        assert "TEMP B-TREE" not in plan
    with _plans(services.store) as plans:
        dashboard.load_dashboard(services)
        health.count(services)
    large = [plan for _, plan in plans if re.search(r"\b(face|resource)\b", plan)]
    assert len(large) == 3
    for plan in large:
        assert re.search(r"face USING COVERING INDEX ix_face_state|resource USING INDEX ix_resource_ex", plan)
        assert "TEMP B-TREE" not in plan


@pytest.mark.embedded
def test_recomputing_what_has_not_changed_writes_nothing(services: Services, cast: support.Cast) -> None:
    """The same rows stay: no row is deleted and made again."""
    asa = cast.add("Åsa")
    cast.sign(asa)
    ids = [photograph(services, f"shoot/{n}.jpg", asa) for n in range(3)]
    with services.store.read() as conn:
        before = conn.execute(select(t.clearance)).all()
    with _plans(services.store) as plans:
        photo_answers.recompute_many(services, ids)
    with services.store.read() as conn:
        assert conn.execute(select(t.clearance)).all() == before
    assert len(before) == 3
    assert not [statement for statement, _ in plans if statement.startswith("DELETE")]


def test_pages_on_both_stores(store: Store, clock: ManualClock) -> None:
    """In order of their ends, each once, on SQLite and on PostgreSQL; the count agrees."""
    now = clock.now()
    ends = [now + timedelta(days=day) for day in (9, 3, 3, 1, 20, 3)]
    with store.write() as tx:
        for n, end in enumerate(ends, 1):
            photo = {"id": n, "ref": f"{n}.jpg", "file_version": "v", "kind": "photo", "seen_at": now}
            tx.execute(t.resource.insert().values(photo))
            lease = {"resource_id": n, "valid_from": now, "valid_until": end}
            for use in (("communication", "website"), ("communication", "press")):
                tx.execute(t.clearance.insert().values(purpose=use[0], channel=use[1], **lease))
    span = cleared_photos.UseSpan("communication", "website", now, now + timedelta(days=3))
    refs: list[str] = []
    page = cleared_photos.ClearedPage((), "")
    with store.read() as conn:
        for _ in range(3):
            page = cleared_photos.list_page(conn, span, page.next, 2)
            refs += [photo.ref for photo in page.photos]
        assert page.next == ""
        assert refs == ["2.jpg", "3.jpg", "6.jpg", "1.jpg", "5.jpg"]
        assert cleared_photos.count(conn, span) == 5


@pytest.mark.parametrize("after", ["x", "1", "-1", "1-", "1-2-3", "\u0661-\u0662x", "9" * 60])
def test_a_mark_that_no_page_gave_is_refused(services: Services, after: str) -> None:
    """A clear error, whatever was sent."""
    span = cleared_photos.span_now(services, "communication", "website")
    with services.store.read() as conn, pytest.raises(UseUnknown):
        cleared_photos.list_page(conn, span, after)
