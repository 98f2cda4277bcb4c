"""Grants end: withdrawn, restricted, objected to, lapsed; and what follows.

Every end goes through `end_in`: one transaction with the new state, the cut of stored clearances, the destroyed key,
the jobs and the audit rows. The number of rows does not depend on the number of photographs (`cuts`). The line in
ended.log is on the disk before it commits.
"""

import contextlib
from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import Connection, select, update
from sqlalchemy.exc import SQLAlchemyError

from plugin.errors import StoreError
from plugin.flows.access import links
from plugin.flows.common import reference_sets, roster
from plugin.flows.common.services import Services
from plugin.flows.consent import cuts, lapse_candidates, quitclaim_rows
from plugin.ledger import tables as t
from plugin.ledger.log.endings import Ending
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx
from plugin.quitclaim.consent import lifecycle
from plugin.quitclaim.consent.lifecycle import StopMode
from plugin.quitclaim.consent.model import EndKind, Grant, Quitclaim
from plugin.quitclaim.consent.standing import Standing

_SAID = {
    EndKind.WITHDRAWN: Action.CONSENT_WITHDRAW,
    EndKind.RESTRICTED: Action.CONSENT_RESTRICT,
    EndKind.LAPSED: Action.CONSENT_LAPSE,
    EndKind.OBJECTED: Action.CONSENT_OBJECT,
    EndKind.SUPERSEDED: Action.CONSENT_SUPERSEDE,
}


HALF = "half"
"""The kind under which what the first of two guardians signed waits, sealed: see `pending_signatures`."""


def withdraw(services: Services, person_id: str, grant_ids: Collection[str] | None, actor: str) -> int:
    """End the named grants, or all (None), at once; returns how many ended. Idempotent."""
    return stop(services, person_id, StopMode.WITHDRAW, grant_ids, actor)


def stop(services: Services, person_id: str, how: StopMode, grant_ids: Collection[str] | None, actor: str) -> int:
    """The same, or restricted: no matching and clearance rests on them, the evidence is kept (GDPR Art. 18)."""
    with services.store.write() as tx:
        return len(stop_in(services, tx, person_id, how, grant_ids, actor))


def stop_in(
    services: Services, tx: Tx, person_id: str, how: StopMode, grant_ids: Collection[str] | None, actor: str
) -> list["DueEnding"]:
    """The same in the caller's transaction; returns what ended. Raises NotFound for grants of somebody else."""
    claims = roster.load(services, tx.connection, person_id).quitclaims
    due = find_ended(claims, lifecycle.CHANGES[how](claims, grant_ids, tx.now))
    take_back_in(services, tx, person_id, actor)
    end_in(services, tx, person_id, due, actor)
    return due


def take_back_in(services: Services, tx: Tx, person_id: str, actor: str) -> None:
    """Discard what one guardian signed and another has not yet, with the link of that other.

    Else the second signature would bring back what was withdrawn after the first.
    """
    mine = (t.sealed.c.person_id == person_id) & (t.sealed.c.kind == HALF)
    for item in tx.execute(select(t.sealed.c.id, t.sealed.c.subject).where(mine)).all():
        link = t.invitation.c
        out = (link.person_id == person_id) & (link.guardian_id == item.subject) & (link.uses == 0)
        for found in list(tx.connection.scalars(select(link.id).where(out, link.form_id.is_not(None)))):
            links.revoke(services, tx, found, actor)
        services.vault.discard(tx, item.id)


def object_to_recognition(services: Services, person_id: str, actor: str) -> int:
    """The child's own objection: recognition stops at once, whatever a guardian signed."""
    with services.store.write() as tx:
        return object_in(services, tx, person_id, actor)


def object_in(services: Services, tx: Tx, person_id: str, actor: str) -> int:
    """The same in the caller's transaction."""
    standing = roster.load(services, tx.connection, person_id)
    objecting, ended = lifecycle.object_to_recognition(standing.person, standing.quitclaims, tx.now)
    services.ended.append(tx, Ending(person_id, None, tx.now, EndKind.OBJECTED.value))
    tx.execute(update(t.person).where(t.person.c.id == person_id).values(objected_at=objecting.objected_at))
    return end_in(services, tx, person_id, find_ended(standing.quitclaims, ended), actor)


def find_ended(before: Sequence[Quitclaim], after: Sequence[Quitclaim]) -> list["DueEnding"]:
    """The grants with an end in `after` that they had not in `before`."""
    old = {grant.id: grant.ended_at for claim in before for grant in claim.grants}
    return [
        (grant, grant.ended_at, grant.ended_kind)
        for claim in after
        for grant in claim.grants
        if grant.ended_at is not None and grant.ended_kind is not None and grant.ended_at != old[grant.id]
    ]


DueEnding = tuple[Grant, datetime, EndKind]


def end_in(
    services: Services, tx: Tx, person_id: str, due: Sequence[DueEnding], actor: str, logged: bool = False
) -> int:
    """End grants and settle what follows, in the caller's transaction; ended.log is written before it commits."""
    subject = roster.subject(services, tx, person_id)
    for grant, moment, kind in due:
        if not logged:
            services.ended.append(tx, Ending(person_id, grant.id, moment, kind.value))
        quitclaim_rows.end_grant(tx, grant.id, moment, kind)
        tx.audit(_SAID[kind], actor, subject=subject, grant=grant.id, kind=grant.kind.value)
    if due:
        settle_in(services, tx, person_id, actor, [grant for grant, _, _ in due])
    return len(due)


def settle_in(services: Services, tx: Tx, person_id: str, actor: str, ended: Sequence[Grant] = ()) -> None:
    """Carry out what follows from the grants as they are now, `ended` among them: cut, destroy, queue jobs.

    The number of rows does not depend on the number of photographs.
    """
    standing = roster.load(services, tx.connection, person_id)
    kept = is_leased(services, tx.connection, person_id, standing, tx.now)
    uses = {(grant.purpose, grant.channel) for grant in ended if grant.purpose and grant.channel}
    cuts.add(services, tx, person_id, uses, machine=not kept)
    tx.move_generation()
    if not kept:
        destroy_key(services, tx, person_id, "face", actor)
    if not standing.in_force(tx.now):
        still = (t.person.c.id == person_id) & t.person.c.ended_at.is_(None)
        tx.execute(update(t.person).where(still).values(ended_at=tx.now))
    services.queue.put(tx, "revoke", person_id, priority=1)


def clear_end(tx: Tx, person_id: str) -> None:
    """Something is in force again for somebody whose last grant had ended."""
    tx.execute(update(t.person).where(t.person.c.id == person_id).values(ended_at=None))


def destroy_key(services: Services, tx: Tx, person_id: str, purpose: str, actor: str) -> None:
    """Destroy a key of the person's and all that it seals, and shred it after the commit."""
    if not services.vault.has_key(tx.connection, person_id, purpose):
        return
    said = roster.subject(services, tx, person_id)
    services.vault.destroy_key(tx, person_id, purpose)
    if purpose == "face":
        reference_sets.end_all(tx, person_id)
    tx.audit(Action.KEY_DESTROY, actor, subject=said, purpose=purpose)
    tx.after_commit(lambda: _shred(services))


def _shred(services: Services) -> None:
    """A failure is not reported: the end is committed, and the sweep shreds what is left."""
    with contextlib.suppress(StoreError, SQLAlchemyError):
        services.vault.shred(services.store)


def end_due(services: Services, thorough: bool = False) -> int:
    """End everything that the calendar has ended: at start (`thorough`), then every minute. Returns how many.

    Also finishes what a crash left: a line in ended.log without its commit (rule 4). Each person's end is a write of
    its own. Between starts only people whose dates show that something may be over are looked at.
    """
    now = services.clock.now()
    with services.store.read() as conn:
        late = _list_late(services, conn, now, None if thorough else lapse_candidates.list_due(services, conn, now))
        keys = _keys_without_grant(services, conn, now, None if thorough else lapse_candidates.list_keys_due(conn, now))
    ended = sum(roster.each(services, "an ending", {*late, *keys}, partial(_end_due, services)))
    with services.store.write() as tx:
        tx.execute(update(t.state).values(last_sweep=tx.now))
        tx.see()
    services.vault.shred(services.store)
    return ended


def _end_due(services: Services, person_id: str) -> int:
    with services.store.write() as tx:
        for standing in roster.load_many(services, tx.connection, [person_id]).values():
            if due := standing.due_endings(tx.now):
                return end_in(services, tx, person_id, due, "calendar")
            settle_in(services, tx, person_id, "calendar")
    return 0


def _list_late(services: Services, conn: Connection, now: datetime, people: list[str] | None) -> list[str]:
    """Those of these people, or of all, with grants that are over and have no end written yet."""
    found = roster.load_many(services, conn, people)
    return [pid for pid, standing in found.items() if standing.due_endings(now)]


def _keys_without_grant(services: Services, conn: Connection, now: datetime, people: list[str] | None) -> list[str]:
    """People with a face key and no recognition grant in force: destroyed within a sweep."""
    if people is None:
        held = select(t.person_key.c.person_id).where(t.person_key.c.purpose == "face")
        people = list(conn.scalars(held))
    standings = roster.load_many(services, conn, people)
    return [pid for pid, standing in standings.items() if not is_leased(services, conn, pid, standing, now)]


def is_leased(services: Services, conn: Connection, person_id: str, standing: Standing, at: datetime) -> bool:
    """Whether recognition has been in force without a gap since the face key was made.

    A grant that begins after a gap is a new lease: the old template ended with the old one, even if no process ran in
    between to destroy it.
    """
    window = standing.recognition(at)
    mine = (t.person_key.c.person_id == person_id) & (t.person_key.c.purpose == "face")
    made = conn.scalar(select(t.person_key.c.created_at).where(mine))
    return window is not None and (made is None or window[0] <= made)
