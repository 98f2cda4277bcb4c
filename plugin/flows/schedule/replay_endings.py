"""Replay ended.log: what had ended before a crash, or after an older copy of the store was made."""

import contextlib

from sqlalchemy import Connection, select, update

from plugin.errors import NotFound
from plugin.flows.access import links
from plugin.flows.access.programs import api_tokens
from plugin.flows.common import closed_house, roster
from plugin.flows.common.services import Services
from plugin.flows.consent import cuts, quitclaim_rows, withdrawal
from plugin.flows.rights import erasure
from plugin.flows.signing import pending_signatures
from plugin.ledger import tables as t
from plugin.ledger.log import house_state
from plugin.ledger.log.endings import LINK, TOKEN, Ending
from plugin.ledger.queue import set_aside
from plugin.ledger.store.audit import Action
from plugin.quitclaim.consent.model import EndKind

Door = tuple[str, str]
"""LINK or TOKEN, and its id."""


def replay_ended_log(services: Services) -> int:
    """Carry out every ending in ended.log that the store does not know, first at start and restore.

    Then the store notes how far it replayed the file. Nothing in a closed house, where the file may be another's.
    """
    if closed_house.find_reason(services) is not None:
        return 0
    goes = services.ended.mark()
    carried, left = _replay_lines(services)
    if left:
        return carried
    with services.store.read() as conn:
        known = house_state.read(conn).mark
    if known != goes:
        with services.store.write() as tx:
            now = house_state.read(tx.connection)
            if now.closed_at is None and (now.mark is None or now.mark.lines < goes.lines):
                house_state.set_mark(tx, goes)
    return carried


def is_due(services: Services) -> bool:
    """Whether the file is longer than the store knows: a line was written, but its commit was lost."""
    with services.store.read() as conn:
        if closed_house.find_reason_in(services, conn) is not None:
            return False
        known = house_state.read(conn).mark
    return known != services.ended.mark()


def replay_lines(services: Services) -> int:
    """Carry out every line that the store does not know, also in a closed house; returns how many."""
    return _replay_lines(services)[0]


def _replay_lines(services: Services) -> tuple[int, int]:
    """How many lines were carried out, and how many failed: a line that fails does not stop the others."""
    with services.store.read() as conn:
        open_ = set(conn.scalars(select(t.grant.c.id).where(t.grant.c.ended_at.is_(None))))
        doors = list_open_doors(conn)
    shut: list[int] = []

    def carry(line: Ending) -> int:
        if line.grant_id in open_:
            return _replay_end(services, line)
        if line.grant_id is None and line.kind == EndKind.OBJECTED.value:
            return _replay_objection(services, line)
        if line.kind == erasure.ERASED:
            return _replay_erasure(services, line)
        if (line.kind, line.grant_id) in doors:
            doors.discard((line.kind, line.grant_id))
            shut.append(_replay_door(services, line))
            return 1
        return 0

    lines = list(services.ended.lines())
    done = set_aside.act_on_each(
        services.store, "a line of ended.log", lines, carry, lambda one: one.grant_id or one.kind
    )
    if shut:
        pending_signatures.expire_pending(services)  # what waited for a link that is revoked now
    return sum(done), len(lines) - len(done)


def list_open_doors(conn: Connection) -> set[Door]:
    """The links and tokens that still work."""
    link, token = t.invitation.c, t.api_token.c
    left = link.most_uses.is_(None) | (link.uses < link.most_uses)
    opens = select(link.id).where(link.revoked_at.is_(None), left)
    found: set[Door] = {(LINK, one) for one in conn.scalars(opens)}
    return found | {(TOKEN, one) for one in conn.scalars(select(token.id).where(token.revoked_at.is_(None)))}


def _replay_door(services: Services, line: Ending) -> int:
    if line.kind == TOKEN:
        with contextlib.suppress(NotFound):  # a race with another process that starts
            api_tokens.revoke(services, str(line.grant_id), "ended.log")
        return 1
    with services.store.write() as tx:
        links.revoke(services, tx, str(line.grant_id), "ended.log")
    return 1


def _replay_end(services: Services, line: Ending) -> int:
    with services.store.write() as tx:
        row = tx.execute(select(t.grant).where(t.grant.c.id == line.grant_id)).one()
        claims = roster.load(services, tx.connection, row.person_id).quitclaims
        claim, grant = next((c, g) for c in claims for g in c.grants if g.id == line.grant_id)
        if row.ended_at is not None:
            return 0
        if line.at <= tx.now or line.at <= grant.valid_from:
            due = [(grant, min(line.at, tx.now), EndKind(line.kind))]
            return withdrawal.end_in(services, tx, row.person_id, due, "ended.log", True)
        if any(known is not None and known <= line.at for known in (claim.superseded_at, grant.valid_until)):
            return 0
        # The version that replaced it is missing in this copy: this one holds until that moment only.
        agreed = roster.load(services, tx.connection, row.person_id).published()
        quitclaim_rows.shorten_grant(tx, grant.id, line.at)
        left = roster.load(services, tx.connection, row.person_id).published()
        cuts.add(services, tx, row.person_id, cuts.find_shortened(agreed, left, tx.now))
        subject = roster.subject(services, tx, row.person_id)
        tx.audit(Action.CONSENT_REPLAY, "ended.log", subject=subject, grant=grant.id)
        tx.move_generation()
        services.queue.put(tx, "recompute", row.person_id)
    return 1


def _replay_objection(services: Services, line: Ending) -> int:
    later = t.person.c.objected_at.is_(None) | (t.person.c.objected_at > line.at)
    mine = (t.person.c.id == line.person_id) & later
    with services.store.read() as conn:
        if conn.execute(select(t.person.c.id).where(mine)).first() is None:
            return 0
    with services.store.write() as tx:
        tx.execute(update(t.person).where(mine).values(objected_at=line.at))
        subject = roster.subject(services, tx, line.person_id)
        tx.audit(Action.CONSENT_REPLAY, "ended.log", subject=subject, objected=True)
    return 1  # the next sweep ends the grants


def _replay_erasure(services: Services, line: Ending) -> int:
    with services.store.read() as conn:
        there = conn.scalar(select(t.person.c.id).where(t.person.c.id == line.person_id))
    if there is None:
        return 0
    erasure.begin(services, line.person_id, "ended.log", logged=True)
    return 1
