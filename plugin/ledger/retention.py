"""Nothing is kept past its term: one small function a kind of row.

What is still needed is not past its term: an open intent, a face that a standing tag rests on.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, Select, Table, and_, delete, exists, or_, select, update

from plugin.clock import months_before
from plugin.config import Config
from plugin.ledger import audit
from plugin.ledger import tables as t
from plugin.ledger.store import Tx

CHUNK = 1000

REPEATABLE = timedelta(hours=24)
"""How long a request under an idempotency key is answered again instead of carried out again."""

FORGOTTEN = "boxes_forgotten"
"""A code of `quitclaim.examination_words`."""


def sweep(tx: Tx, config: Config, now: datetime, chunk: int = CHUNK, provable: int = 0) -> dict[str, int]:
    """Delete rows past their term, at most `chunk` a kind; returns how many went, by kind.

    Of the audit log only rows up to `provable` go, which is `lineage.provable`: what else went could not be proven.

    Call it again, in a new transaction, while any count reaches `chunk`. A photograph whose boxes go
    becomes "not examined" and loses its clearances: without boxes nobody can say who is in it.
    """
    gone = {kind: act(tx, config, now, chunk) for kind, act in _KINDS.items()}
    before = months_before(now, config.retention.audit_months)
    return gone | {"audit": audit.prune(tx, before, provable, limit=chunk)}


def _boxes(tx: Tx, config: Config, now: datetime, chunk: int) -> int:
    before = months_before(now, config.retention.boxes_months)
    tagged = exists().where(
        t.tag.c.resource_id == t.face.c.resource_id,
        t.tag.c.person_id == t.face.c.person_id,
        t.face.c.state == "matched",
    )
    open_intent = exists().where(t.intent.c.resource_id == t.face.c.resource_id, t.intent.c.state == "open")
    old = (
        select(t.face.c.id, t.face.c.resource_id)
        .where(t.face.c.created_at < before, ~tagged, ~open_intent)
        .order_by(t.face.c.created_at, t.face.c.id)
        .limit(chunk)
    )
    rows = tx.execute(old).all()
    resources = sorted({row.resource_id for row in rows})
    for start in range(0, len(resources), 500):
        some = resources[start : start + 500]
        tx.execute(delete(t.clearance).where(t.clearance.c.resource_id.in_(some)))
        forgotten = {"examined": "no", "examined_reason": FORGOTTEN}
        tx.execute(update(t.resource).where(t.resource.c.id.in_(some)).values(**forgotten))
    return _drop(tx, t.face, [row.id for row in rows])


def _suggestions(tx: Tx, config: Config, now: datetime, chunk: int) -> int:
    """An old suggestion becomes an unmatched face: the box stays for its own term, the name goes."""
    old = _ids(
        t.face, and_(t.face.c.state == "suggested", t.face.c.created_at < now - timedelta(config.review.days))
    )
    bare = {"state": "unmatched", "person_id": None, "distance": None, "thresholds": None}
    return _count(tx.execute(update(t.face).where(t.face.c.id.in_(old.limit(chunk))).values(**bare)))


def _events(tx: Tx, config: Config, now: datetime, chunk: int) -> int:
    before = now - timedelta(days=config.retention.events_days)
    old = select(t.event.c.id).where(t.event.c.received_at < before).limit(chunk)
    return _count(tx.execute(delete(t.event).where(t.event.c.id.in_(old))))


def _sessions(tx: Tx, config: Config, now: datetime, chunk: int) -> int:
    """Sessions of the staff, a day after they could be used last: the audit log says who came in."""
    old = select(t.session.c.id_sha256).where(t.session.c.expires_at < now - timedelta(days=1)).limit(chunk)
    return _count(tx.execute(delete(t.session).where(t.session.c.id_sha256.in_(old))))


def _jobs(tx: Tx, config: Config, now: datetime, chunk: int) -> int:
    """What was given up, after its term; what versions of before kept of finished jobs, at once."""
    before, j = now - timedelta(days=config.retention.jobs_days), t.job.c
    given_up = and_(j.state == "dead", j.finished_at < before)
    old = select(j.id).where(or_(j.state == "done", given_up)).limit(chunk)
    return _count(tx.execute(delete(t.job).where(j.id.in_(old))))


def _intents(tx: Tx, config: Config, now: datetime, chunk: int) -> int:
    before = months_before(now, config.retention.intents_months)
    old = _ids(t.intent, and_(t.intent.c.state != "open", t.intent.c.finished_at < before))
    return _count(tx.execute(delete(t.intent).where(t.intent.c.id.in_(old.limit(chunk)))))


def _taken_off(tx: Tx, config: Config, now: datetime, chunk: int) -> int:
    """Names that we took off, by keyed hash: a backup of the DAM may be put back for so long."""
    before = months_before(now, config.retention.taken_off_months)
    old = _ids(t.taken_off, t.taken_off.c.taken_at < before)
    return _count(tx.execute(delete(t.taken_off).where(t.taken_off.c.id.in_(old.limit(chunk)))))


def _folder_states(tx: Tx, config: Config, now: datetime, chunk: int) -> int:
    """States of files by which such a name is known, as long."""
    before = months_before(now, config.retention.taken_off_months)
    old = select(t.folder_state.c.mark).where(t.folder_state.c.seen_at < before).limit(chunk)
    return _count(tx.execute(delete(t.folder_state).where(t.folder_state.c.mark.in_(old))))


def _shredding(tx: Tx, config: Config, now: datetime, chunk: int) -> int:
    """What was shredded for good is kept as long as the audit log that speaks of it."""
    before = months_before(now, config.retention.audit_months)
    old = _ids(t.shredding, and_(t.shredding.c.how == "rotation", t.shredding.c.shredded_at < before))
    return _count(tx.execute(delete(t.shredding).where(t.shredding.c.id.in_(old.limit(chunk)))))


def _mails(tx: Tx, config: Config, now: datetime, chunk: int) -> int:
    """That a letter was sent; while this is known no letter is sent for its cause again."""
    before = now - timedelta(days=config.retention.mails_days)
    old = _ids(t.mail, and_(t.mail.c.state != "queued", t.mail.c.finished_at < before))
    return _count(tx.execute(delete(t.mail).where(t.mail.c.id.in_(old.limit(chunk)))))


def _codes(tx: Tx, config: Config, now: datetime, chunk: int) -> int:
    """One-time codes, as soon as they are of no use; their links stay."""
    old = _ids(t.code, t.code.c.expires_at < now)
    return _count(tx.execute(delete(t.code).where(t.code.c.id.in_(old.limit(chunk)))))


def _links(tx: Tx, config: Config, now: datetime, chunk: int) -> int:
    """Links that have opened nothing for so long, with the codes that were asked for by them."""
    before, link = now - timedelta(days=config.retention.links_days), t.invitation.c
    spent = and_(link.most_uses.is_not(None), link.uses >= link.most_uses, link.used_at < before)
    over = or_(link.expires_at < before, link.revoked_at < before, spent)
    ids = list(tx.execute(_ids(t.invitation, over).limit(chunk)).scalars())
    for start in range(0, len(ids), 500):
        tx.execute(delete(t.code).where(t.code.c.invitation_id.in_(ids[start : start + 500])))
    return _drop(tx, t.invitation, ids)


def _requests(tx: Tx, config: Config, now: datetime, chunk: int) -> int:
    """What was decided on is kept as long as the audit log that speaks of it."""
    before = months_before(now, config.retention.audit_months)
    old = _ids(t.request, t.request.c.decided_at < before)
    return _count(tx.execute(delete(t.request).where(t.request.c.id.in_(old.limit(chunk)))))


def _answers(tx: Tx, config: Config, now: datetime, chunk: int) -> int:
    """The answers under idempotency keys: who repeats a request does so within a day."""
    old = select(t.idempotency.c.id).where(t.idempotency.c.created_at < now - REPEATABLE).limit(chunk)
    return _count(tx.execute(delete(t.idempotency).where(t.idempotency.c.id.in_(old))))


_KINDS: dict[str, Callable[[Tx, Config, datetime, int], int]] = {
    "boxes": _boxes,
    "suggestions": _suggestions,
    "events": _events,
    "sessions": _sessions,
    "jobs": _jobs,
    "intents": _intents,
    "taken off": _taken_off,
    "folder states": _folder_states,
    "shredding": _shredding,
    "mails": _mails,
    "codes": _codes,
    "links": _links,
    "requests": _requests,
    "answers": _answers,
}


def _ids(table: Table, condition: ColumnElement[bool]) -> Select[tuple[int]]:
    return select(table.c.id).where(condition).order_by(table.c.id)


def _drop(tx: Tx, table: Table, ids: Sequence[object]) -> int:
    for start in range(0, len(ids), 500):
        tx.execute(delete(table).where(table.c.id.in_(ids[start : start + 500])))
    return len(ids)


def _count(result: CursorResult[Any]) -> int:
    return int(result.rowcount)
