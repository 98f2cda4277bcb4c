"""Deletes rows past their term: one small function a kind of row.

What is still needed is not past its term: an open intent, a face that a current tag rests on.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Column, ColumnElement, Connection, and_, delete, exists, or_, select, update

from plugin.clock import months_before
from plugin.config import Config
from plugin.ledger import tables as t
from plugin.ledger.store import audit_upkeep
from plugin.ledger.store.store import Tx

CHUNK = 1000
FOUND = 20_000  # keys to look for at once, outside a write transaction

Key = int | str  # of a row
REPEATABLE = timedelta(hours=24)
"""How long an idempotency key returns the stored answer."""

BOXES_FORGOTTEN = "boxes_forgotten"
"""A code of `quitclaim.examination_words`."""


@dataclass(frozen=True)
class RetentionRule:
    """Rows with a term: their key column, which are past it, and what happens to those."""

    key: "Column[object]"
    over: Callable[[Config, datetime], ColumnElement[bool]]
    end: Callable[[Tx, Sequence[Key]], None] | None = None  # instead of deleting them
    first: "Column[object] | None" = None  # in this order

    def find(self, conn: Connection, config: Config, now: datetime, limit: int = FOUND) -> list[Key]:
        """The keys of expired rows, up to `limit`; this may scan a whole table."""
        query = select(self.key).where(self.over(config, now)).limit(limit)
        order = [self.key] if self.first is None else [self.first, self.key]
        return list(conn.scalars(query if self.key.table is t.job else query.order_by(*order)))

    def drop(self, tx: Tx, config: Config, now: datetime, keys: Sequence[Key]) -> int:
        """End those of these rows that are still expired; returns how many."""
        query = select(self.key).where(self.key.in_(keys), self.over(config, now))
        still = list(tx.execute(query).scalars())
        if still and self.end is not None:
            self.end(tx, still)
        elif still:
            tx.execute(delete(self.key.table).where(self.key.in_(still)))
        return len(still)


def prune_audit_log(tx: Tx, config: Config, now: datetime, provable: int, chunk: int = CHUNK) -> int:
    """Delete expired audit rows, at most `chunk`; returns how many.

    Only up to `provable` (`lineage.find_provable_row`): a later deletion could not be proven.
    """
    return audit_upkeep.prune_rows(tx, months_before(now, config.retention.audit_months), provable, limit=chunk)


def _boxes(config: Config, now: datetime) -> ColumnElement[bool]:
    before = months_before(now, config.retention.boxes_months)
    named = (t.tag.c.resource_id == t.face.c.resource_id) & (t.tag.c.person_id == t.face.c.person_id)
    tagged = exists().where(named, t.face.c.state == "matched")
    open_intent = exists().where(t.intent.c.resource_id == t.face.c.resource_id, t.intent.c.state == "open")
    return and_(t.face.c.created_at < before, ~tagged, ~open_intent)


def _forget_boxes(tx: Tx, faces: Sequence[Key]) -> None:
    """The photograph is not examined any more, and cleared for nothing: nobody knows who is in it."""
    some = set(tx.execute(select(t.face.c.resource_id).where(t.face.c.id.in_(faces))).scalars())
    tx.execute(delete(t.clearance).where(t.clearance.c.resource_id.in_(some)))
    forgotten = {"examined": "no", "examined_reason": BOXES_FORGOTTEN}
    tx.execute(update(t.resource).where(t.resource.c.id.in_(some)).values(**forgotten))
    tx.execute(delete(t.face).where(t.face.c.id.in_(faces)))


def _suggestions(config: Config, now: datetime) -> ColumnElement[bool]:
    return and_(t.face.c.state == "suggested", t.face.c.created_at < now - timedelta(config.review.days))


def _unname(tx: Tx, faces: Sequence[Key]) -> None:
    """An old suggestion becomes an unmatched face: the box keeps its own term, the name goes."""
    bare = {"state": "unmatched", "person_id": None, "distance": None, "thresholds": None}
    tx.execute(update(t.face).where(t.face.c.id.in_(faces)).values(**bare))


def _jobs(config: Config, now: datetime) -> ColumnElement[bool]:
    """Given-up jobs after their term; finished jobs, which older versions kept, at once."""
    before, j = now - timedelta(days=config.retention.jobs_days), t.job.c
    return or_(j.state == "done", and_(j.state == "dead", j.finished_at < before))


def _lists(_: Config, now: datetime) -> ColumnElement[bool]:
    """Unused lists of a shoot, left by an interrupted command."""
    mine = t.shoot_person.c
    shoot = mine.shoot_id
    named = or_(exists().where(t.collection.c.shoot_id == shoot), exists().where(t.ruling.c.shoot_id == shoot))
    return and_(mine.entered_at < now - timedelta(days=1), ~named)


def _links(config: Config, now: datetime) -> ColumnElement[bool]:
    """Links that are closed for that long, with their codes."""
    before, link = now - timedelta(days=config.retention.links_days), t.invitation.c
    spent = and_(link.most_uses.is_not(None), link.uses >= link.most_uses, link.used_at < before)
    return or_(link.expires_at < before, link.revoked_at < before, spent)


def _drop_links(tx: Tx, links: Sequence[Key]) -> None:
    tx.execute(delete(t.code).where(t.code.c.invitation_id.in_(links)))
    tx.execute(delete(t.invitation).where(t.invitation.c.id.in_(links)))


def _intents(config: Config, now: datetime) -> ColumnElement[bool]:
    before = months_before(now, config.retention.intents_months)
    return and_(t.intent.c.state != "open", t.intent.c.finished_at < before)


def _mails(config: Config, now: datetime) -> ColumnElement[bool]:
    """Sent letters; while the row exists no second letter is sent for the same cause."""
    before = now - timedelta(days=config.retention.mails_days)
    return and_(t.mail.c.state != "queued", t.mail.c.finished_at < before)


def _shredding(config: Config, now: datetime) -> ColumnElement[bool]:
    """Shredded keys are kept as long as the audit log that mentions them."""
    before = months_before(now, config.retention.audit_months)
    return and_(t.shredding.c.how == "rotation", t.shredding.c.shredded_at < before)


def _is_older(
    column: "Column[object]", term: Callable[[Config, datetime], datetime]
) -> Callable[[Config, datetime], ColumnElement[bool]]:
    return lambda config, now: column < term(config, now)


def _taken_off_term(config: Config, now: datetime) -> datetime:
    """For names that we removed, by keyed hash, and the file states that identify them:

    a DAM's backup may be restored for that long.
    """
    return months_before(now, config.retention.taken_off_months)


RULES: Mapping[str, RetentionRule] = {
    "boxes": RetentionRule(t.face.c.id, _boxes, _forget_boxes, t.face.c.created_at),
    "suggestions": RetentionRule(t.face.c.id, _suggestions, _unname),
    "events": RetentionRule(
        t.event.c.id, _is_older(t.event.c.received_at, lambda c, now: now - timedelta(days=c.retention.events_days))
    ),
    # Staff sessions, a day after they expired: the audit log records sign-ins.
    "sessions": RetentionRule(
        t.session.c.id_sha256, _is_older(t.session.c.expires_at, lambda _, now: now - timedelta(days=1))
    ),
    "jobs": RetentionRule(t.job.c.id, _jobs),
    "intents": RetentionRule(t.intent.c.id, _intents),
    "taken off": RetentionRule(t.taken_off.c.id, _is_older(t.taken_off.c.taken_at, _taken_off_term)),
    "folder states": RetentionRule(t.folder_state.c.mark, _is_older(t.folder_state.c.seen_at, _taken_off_term)),
    "shredding": RetentionRule(t.shredding.c.id, _shredding),
    "mails": RetentionRule(t.mail.c.id, _mails),
    "lists of a shoot": RetentionRule(t.shoot_person.c.id, _lists),
    "codes": RetentionRule(t.code.c.id, _is_older(t.code.c.expires_at, lambda _, now: now)),
    "links": RetentionRule(t.invitation.c.id, _links, _drop_links),
    # Decided requests are kept as long as the audit log that mentions them.
    "requests": RetentionRule(
        t.request.c.id, _is_older(t.request.c.decided_at, lambda c, now: months_before(now, c.retention.audit_months))
    ),
    # Stored answers of idempotency keys.
    "answers": RetentionRule(
        t.idempotency.c.id, _is_older(t.idempotency.c.created_at, lambda _, now: now - REPEATABLE)
    ),
}
