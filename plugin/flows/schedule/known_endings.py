"""Every ending that the store knows, as lines of ended.log, for a file that has to be replaced.

There may be many, so they are read before the write that needs them; that write checks that none was added since.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, select

from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.flows.consent import quitclaim_rows
from plugin.flows.rights import erasure
from plugin.ledger import tables as t
from plugin.ledger.log.endings import LINK, TOKEN, Ending
from plugin.ledger.store import audit
from plugin.quitclaim.consent.model import EndKind


@dataclass(frozen=True)
class KnownEndings:
    """Every ending that a backup must not undo, ordered by time, as of the audit row `row`."""

    lines: list[Ending]
    row: int

    def are_all(self, conn: Connection) -> bool:
        """Whether none was added since, by the audit log."""
        return audit.read_head(conn).seq == self.row


def find_endings(services: Services) -> KnownEndings:
    """Every ending so far."""
    with services.store.read() as conn:
        return KnownEndings(_read_lines(services, conn), audit.read_head(conn).seq)


def _read_lines(services: Services, conn: Connection) -> list[Ending]:
    found = [
        *_read_grants(services, conn),
        *_read_objections(conn),
        *_read_links(conn),
        *_read_tokens(conn),
        *_read_erasures(conn),
    ]
    return sorted(found, key=lambda one: (one.at, one.person_id, one.grant_id or ""))


def _read_grants(services: Services, conn: Connection) -> Iterator[Ending]:
    g = t.grant.c
    for row in conn.execute(select(g.person_id, g.id, g.ended_at, g.ended_kind).where(g.ended_at.is_not(None))):
        yield Ending(row.person_id, row.id, row.ended_at, row.ended_kind)
    now = services.clock.now()
    replaced = select(t.quitclaim.c.person_id).where(t.quitclaim.c.superseded_at > now)
    for standing in roster.load_many(services, conn, set(conn.scalars(replaced))).values():
        for claim in standing.quitclaims:
            yield from quitclaim_rows.find_shortened(claim, now)


def _read_objections(conn: Connection) -> Iterator[Ending]:
    p = t.person.c
    for row in conn.execute(select(p.id, p.objected_at).where(p.objected_at.is_not(None))):
        yield Ending(row.id, None, row.objected_at, EndKind.OBJECTED.value)


def _read_links(conn: Connection) -> Iterator[Ending]:
    i = t.invitation.c
    over = i.revoked_at.is_not(None) | (i.most_uses.is_not(None) & (i.uses >= i.most_uses))
    for row in conn.execute(select(i.id, i.revoked_at, i.used_at, i.created_at).where(over)):
        yield Ending("", row.id, row.revoked_at or row.used_at or row.created_at, LINK)


def _read_tokens(conn: Connection) -> Iterator[Ending]:
    a = t.api_token.c
    for row in conn.execute(select(a.id, a.revoked_at).where(a.revoked_at.is_not(None))):
        yield Ending("", row.id, row.revoked_at, TOKEN)


def _read_erasures(conn: Connection) -> Iterator[Ending]:
    """From certificates, jobs, and destroyed keys of people who are deleted."""
    e, j, s = t.erasure.c, t.job.c, t.shredding.c
    found = {row.person_id: row.asked_at for row in conn.execute(select(e.person_id, e.asked_at))}
    jobs = select(j.key, j.created_at).where(j.kind == "erase")
    found = {row.key: row.created_at for row in conn.execute(jobs)} | found
    gone = select(s.person_id, s.unusable_at).where(s.person_id.not_in(select(t.person.c.id)))
    found = {row.person_id: row.unusable_at for row in conn.execute(gone)} | found
    for person_id, at in found.items():
        yield Ending(person_id, None, at, erasure.ERASED)
