"""T1: nothing is kept past its term."""

import json
import logging
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from plugin.clock import ManualClock
from plugin.flows.access import links, visits
from plugin.flows.access.links import Link, LinkKind
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.schedule import calendar, retention
from plugin.flows.views import audit_view
from plugin.ledger import tables as t
from plugin.ledger.backups import backup
from plugin.ledger.log.head_book import HeadBook
from plugin.ledger.log.proof import ProofVerdict
from plugin.recognizer.process.examiner import Examiner
from sidecar.commands.demo import samples
from sidecar.running import logs
from tests import support


def _years_and_months(now: datetime, months: int) -> datetime:
    """The day so many months ago; days beyond the 28th do not occur here."""
    month = now.month - 1 - months
    return now.replace(year=now.year + month // 12, month=month % 12 + 1)


def _past(services: Services) -> dict[str, int]:
    """How many of each kind are kept past their term, counted without the code under test."""
    now, config = services.clock.now(), services.config
    keep = config.retention
    ended = t.person.c.ended_at < _years_and_months(now, keep.evidence_months)
    over = select(t.person.c.id).where(ended)
    waited = t.face.c.created_at < now - timedelta(config.review.days)
    finished = t.job.c.finished_at < now - timedelta(keep.jobs_days)
    closed = t.intent.c.finished_at < _years_and_months(now, keep.intents_months)
    days: dict[str, tuple[Any, Any]] = {
        "suggestions": (t.face, (t.face.c.state == "suggested") & waited),
        "events": (t.event, t.event.c.received_at < now - timedelta(keep.events_days)),
        "jobs": (t.job, (t.job.c.state == "done") | ((t.job.c.state == "dead") & finished)),
        "boxes": (t.face, t.face.c.created_at < _years_and_months(now, keep.boxes_months)),
        "intents": (t.intent, (t.intent.c.state != "open") & closed),
        "audit": (t.audit, (t.audit.c.at < _years_and_months(now, keep.audit_months)) & _held_long(services)),
        "mails": (t.mail, t.mail.c.finished_at < now - timedelta(keep.mails_days)),
        "codes": (t.code, t.code.c.expires_at < now),
        "links": (t.invitation, _closed_before(now - timedelta(keep.links_days))),
        "sessions": (t.session, t.session.c.expires_at < now - timedelta(days=1)),
        "visits": (t.visit, t.visit.c.expires_at < now),
        "requests": (t.request, t.request.c.decided_at < _years_and_months(now, keep.audit_months)),
        "evidence": (t.sealed, (t.sealed.c.purpose == "record") & t.sealed.c.person_id.in_(over)),
        "record keys": (t.person_key, t.person_key.c.person_id.in_(over)),
        "shredded keys": (t.shredding, t.shredding.c.shredded_at < _years_and_months(now, keep.audit_months)),
    }
    counts = {}
    with services.store.read() as conn:
        for kind, (table, where) in days.items():
            counts[kind] = conn.scalar(select(func.count()).select_from(table).where(where)) or 0
    return counts | {"log files": _old_logs(services, now), "wrapped keys": _old_keys(services, now)}


def _held_long(services: Services) -> Any:
    """The log's rows that a head held a term ago: what was pruned of others nobody could show to be past its term."""
    before = _years_and_months(services.clock.now(), services.config.retention.audit_months)
    lines = services.config.path(services.config.keys.heads_file).read_text().splitlines()
    signed = [json.loads(line) for line in lines]
    return t.audit.c.seq <= max((one["seq"] for one in signed if datetime.fromisoformat(one["at"]) < before), default=0)


def _closed_before(moment: datetime) -> Any:
    link = t.invitation.c
    used_up = (link.uses == link.most_uses) & (link.used_at < moment)
    return (link.expires_at < moment) | (link.revoked_at < moment) | used_up


def _asked(services: Services, asa: str) -> str:
    """Letters, links, codes and requests of every fate; returns the link that is good for ten years."""
    with services.store.write() as tx:
        for fate in ("expired", "revoked", "used"):
            made = links.make(services, tx, Link(LinkKind.SIGN, "en", asa, most_uses=1), "test")
            tx.execute(
                insert(t.code).values(
                    id=fate,
                    invitation_id=made.id,
                    code_sha256=fate,
                    address_sha256=fate,
                    created_at=tx.now,
                    expires_at=tx.now + timedelta(days=33 if fate == "expired" else 0),
                )
            )
            if fate == "revoked":
                links.revoke(services, tx, made.id, "test")
            elif fate == "used":
                links.count_use(services, tx, made.id)
            state = {"expired": "sent", "revoked": "dropped", "used": "failed"}[fate]
            tx.execute(
                insert(t.mail).values(
                    id=fate,
                    cause=fate,
                    kind="changed",
                    person_id=asa,
                    data={},
                    language="en",
                    state=state,
                    created_at=tx.now,
                    finished_at=tx.now,
                )
            )
        for number, decided in enumerate((tx.now, None)):
            tx.execute(
                insert(t.request).values(
                    id=str(number),
                    person_id=asa,
                    kind="erasure",
                    asked_at=tx.now,
                    asked_by="person",
                    due_on=tx.now.date(),
                    decided_at=decided,
                )
            )
        long = Link(LinkKind.PAGE, "en", asa, lasts=timedelta(days=3650))
        return links.make(services, tx, long, "test").id


def _come_in(services: Services, link_id: str) -> None:
    """A visit by a link, and somebody of the staff."""
    visits.begin(services, link_id, b"{}")
    with services.store.write() as tx:
        row = {"user": "olga", "role": "officer", "language": "en", "created_at": tx.now, "seen_at": tx.now}
        tx.execute(insert(t.session).values(id_sha256="x", expires_at=tx.now + timedelta(hours=8), **row))


def _old_logs(services: Services, now: datetime) -> int:
    folder = services.config.path("{data}/logs")
    oldest = (now - timedelta(days=services.config.retention.logs_days)).strftime("%Y-%m-%d")
    return sum(1 for path in folder.glob("facelease.log.*") if path.suffix[1:] < oldest)


def _old_keys(services: Services, now: datetime) -> int:
    folder = services.config.path(services.config.backup.folder)
    oldest = f"keys-{now - timedelta(days=services.config.backup.key_days):%Y%m%dT%H%M%S}"
    return sum(1 for path in folder.glob("keys-*.json") if path.name < oldest)


def _fill(services: Services, cast: support.Cast, clock: ManualClock, photos: Path, asa: str) -> str:
    """Something of every kind, made as it is made in earnest where that is possible."""
    dag = cast.add("Dag", email="dag@example.org", guardians=("Somebody",))
    cast.sign(dag)
    cast.enrol(dag)
    cast.open_collection()
    support.put(photos, "shoot/one.jpg", samples.A_STANDING, (300, 400))
    together = support.together(photos, "shoot/two.jpg", samples.A_SPEECH, samples.B_STANDING, height=500)
    calendar.poll_dam(services)
    cast.work()
    with services.store.write() as tx:
        many: list[dict[str, Any]] = [{"id": f"e{n}", "received_at": tx.now} for n in range(2300)]
        tx.execute(insert(t.event), many)
        given_up = {"kind": "names", "key": "gone", "payload": {}, "state": "dead", "run_after": tx.now}
        tx.execute(insert(t.job).values(**given_up, created_at=tx.now, finished_at=tx.now))
        resource = tx.connection.scalar(select(t.resource.c.id).where(t.resource.c.ref == together))
        tx.execute(
            insert(t.face).values(
                resource_id=resource,
                file_version="v",
                left=0.1,
                top=0.1,
                width=0.1,
                height=0.1,
                width_px=50,
                state="suggested",
                person_id=asa,
                distance=0.4,
                created_at=tx.now,
            )
        )
    withdrawal.withdraw(services, dag, None, "test")
    cast.work()
    config = services.config
    backup.write_backup(
        services.store,
        services.master,
        config.path(config.backup.folder),
        clock,
        HeadBook.from_config(config),
        config.backup.key_days,
    )
    folder = config.path("{data}/logs")
    for day in range(0, 40, 9):
        name = f"facelease.log.{clock.now() - timedelta(days=day):%Y-%m-%d}"
        (folder / name).write_text("{}\n")
    return dag


@pytest.mark.promise
def test_nothing_is_kept_past_its_term(
    tmp_path: Path, clock: ManualClock, examiner: Examiner, promise: Callable[[str, str], None]
) -> None:
    """A term a kind; the clock is moved past each in turn, the nightly chore runs, and none is left.

    Who still agrees keeps their evidence all the while, and somebody past their term may sign anew.
    """
    config = support.configuration(tmp_path, server={"log_file": "{data}/logs/facelease.log"})
    (tmp_path / "photos" / support.SHOOT).mkdir(parents=True)
    handlers = logging.getLogger().handlers
    logs.configure(config)
    with support.opened(config, clock, examiner) as services:
        cast = support.Cast(services)
        asa = cast.add("Åsa")
        cast.sign(asa, lasts=None)
        dag = _fill(services, cast, clock, tmp_path / "photos", asa)
        long = _asked(services, asa)
        _come_in(services, long)
        seen: dict[str, int] = {}
        left: dict[str, int] = {}
        for days in (31, 60, 280, 365, 365, 365, 365, 365, 365, 365):
            calendar.write_log_head(services)
            clock.advance(timedelta(days=days))
            before = _past(services)
            calendar.sweep_endings(services)
            calendar.run_housekeeping(services)
            after = _past(services)
            for kind in before:
                seen[kind] = seen.get(kind, 0) + before[kind]
                left[kind] = left.get(kind, 0) + after[kind]
        with services.store.read() as conn:
            assert services.vault.find(conn, asa, "evidence")
            assert not services.vault.has_key(conn, dag, "record")
            assert list(conn.scalars(select(t.invitation.c.id))) == [long]
            assert list(conn.scalars(select(t.request.c.id))) == ["1"]  # one that nobody decided waits on
        cast.sign(dag)
        assert len(list((tmp_path / "data" / "backups").glob("keys-*.json"))) >= 1
    for handler in logging.getLogger().handlers:
        handler.close()
    logging.getLogger().handlers = handlers
    promise("T1", f"kinds {len(seen)}, rows past their term {sum(left.values())} of {sum(seen.values())}")
    assert all(seen.values()), {kind: count for kind, count in seen.items() if not count}
    assert not any(left.values()), left


@pytest.mark.promise
def test_a_row_of_the_log_is_kept_an_hour_longer_than_its_term(
    tmp_path: Path, clock: ManualClock, examiner: Examiner, promise: Callable[[str, str], None]
) -> None:
    """Heads are written by the hour, and the prune waits for one that held the row; the log holds all the while."""
    config = support.configuration(tmp_path, retention={"audit_months": 1})
    late, gone, broken = timedelta(0), 0, 0
    with support.opened(config, clock, examiner) as services:
        for hour in range(34 * 24):
            clock.advance(timedelta(hours=1))
            calendar.write_log_head(services)
            if hour < 31 * 24 or hour % 12:
                continue
            clock.advance(timedelta(minutes=59))
            gone += calendar.run_housekeeping(services)["audit"]
            with services.store.read() as conn:
                oldest = conn.scalar(select(func.min(t.audit.c.at)))
            assert oldest is not None
            late = max(late, _years_and_months(clock.now(), 1) - oldest)
            broken += audit_view.verify_log(services).verdict is not ProofVerdict.HOLDS
            clock.advance(timedelta(minutes=-59))
    promise("T1", f"rows of the log pruned {gone}, the oldest {late} past its term; not proven after it {broken} times")
    assert gone > 40
    assert late <= timedelta(hours=1)
    assert not broken


def test_a_log_on_which_nothing_was_written_goes_too(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> None:
    """Days that were quiet put no file aside: the last one goes as it stands, once its last line is too old."""
    config = support.configuration(tmp_path, server={"log_file": "{data}/logs/facelease.log"})
    with support.opened(config, clock, examiner) as services:
        log = config.path(config.server.log_file)
        log.parent.mkdir(parents=True)
        for days, stays in ((29, True), (32, False)):
            log.write_text("something\n")
            then = (clock.now() - timedelta(days=days)).timestamp()
            os.utime(log, (then, then))
            retention.expire_all(services)
            assert log.exists() == stays
