"""People whose name may be on photographs that nobody has read: they own no name by its spelling alone."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, select, update

from plugin.clock import SystemClock
from plugin.errors import DamError
from plugin.flows.common import roster
from plugin.flows.common.batches import queue_jobs
from plugin.flows.common.services import Services
from plugin.flows.names import name_index
from plugin.flows.names.name_index import IndexGaps
from plugin.flows.tags import returned_names
from plugin.hooks.dam import Resource, TellsHolders
from plugin.ledger import tables as t
from plugin.ledger.queue.jobs import ClaimedJob
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx
from plugin.ledger.tables.rows import PersonRow
from plugin.quitclaim.consent.model import name_key
from plugin.words.plurals import pluralize

JOB = "name-stands"
"""Where the DAM did not say whether a name stands there; the key is the person's id."""


class NameCount(NamedTuple):
    """How many resources have a name, and whether there may be more."""

    standing: int
    unsure: bool


def count_name(services: Services, name: str) -> NameCount:
    """Count the name's resources; asks a DAM that answers for itself. Call it outside a transaction."""
    if isinstance(services.dam, TellsHolders):
        try:
            return NameCount(returned_names.count_by_others(services, services.dam, name), False)
        except DamError:
            return NameCount(0, True)
    key = name_key(name)
    with services.store.read() as conn:
        unsure = _find_gaps(services, conn, key).any
        return NameCount(name_index.count_names(services, conn, [key]).get(key, 0), unsure)


def find_gaps(services: Services, person_id: str) -> IndexGaps | None:
    """What prevents us from knowing where the person's name is; None if there is no doubt."""
    with services.store.read() as conn:
        doubted = (t.person.c.id == person_id) & t.person.c.doubted_at.is_not(None)
        key = conn.scalar(select(t.person.c.name_key).where(doubted))
        if key is None:
            return None
        return IndexGaps(away=True) if isinstance(services.dam, TellsHolders) else _find_gaps(services, conn, key)


def _find_gaps(services: Services, conn: Connection, key: str) -> IndexGaps:
    return name_index.find_gaps(services, conn)._replace(returned=name_index.count_returning(conn, key))


def explain(gaps: IndexGaps) -> str:
    """The gaps in a sentence."""
    if gaps.away:
        why = "the DAM does not answer, so whether this name stands there is looked up later (facelease work)"
    elif gaps.never:
        why = "the library was not read yet (facelease scan, or facelease work), and may bear this name"
    elif gaps.photographs:
        were = pluralize(gaps.photographs, "photograph was", "photographs were")
        why = f"{were} not read yet, or cannot be, and may bear this name (facelease doctor)"
    elif gaps.returned:
        on = pluralize(gaps.returned, "photograph")
        why = f"this name came back on {on}, and is taken off them first (facelease doctor)"
    else:
        why = "all was read since, and whether this name stands there is looked up within a minute (facelease work)"
    return f"{why}: until that is known, no name there is theirs by its spelling"


def doubt_if_older(services: Services, tx: Tx, person: PersonRow, resource: Resource) -> bool:
    """Whether a name that appears may be older than its person's entry: then doubt who it belongs to."""
    if person.node_adopted or person.sought_at is None or resource.changed_at is None:
        return False
    if resource.changed_at > person.sought_at:
        return False
    doubt(tx, person.id, tx.now)
    services.queue.put(tx, "recompute", person.id)
    return True


def doubt(tx: Tx, person_id: str, since: datetime) -> None:
    """No name is the person's by its spelling alone from now on."""
    mine = (t.person.c.id == person_id) & ~t.person.c.self_entered
    tx.execute(update(t.person).where(mine).values(self_entered=True, doubted_at=since))


def end_doubts(services: Services) -> int:
    """End the doubts that have no ground any more: all was read since, and the name is nowhere. Returns how many."""
    c, ended = t.person.c, 0
    with services.store.read() as conn:
        rows = conn.execute(select(c.id, c.name_key, c.doubted_at).where(c.doubted_at.is_not(None))).all()
        if not rows or isinstance(services.dam, TellsHolders) or name_index.find_gaps(services, conn).any:
            return 0
        polled = conn.scalar(select(t.state.c.polled_at))
        free = [
            row.id
            for row in rows
            if polled is not None
            and polled >= row.doubted_at
            and not name_index.count_of_others(services, conn, row.id, row.name_key)
        ]
    for person_id in free:
        with services.store.write() as tx:
            ended += _end(services, tx, person_id)
    return ended


def handle_look_up(services: Services, job: ClaimedJob) -> None:
    """Ask the DAM what it did not answer when the person was entered. Raises DamError until it does."""
    c = t.person.c
    with services.store.read() as conn:
        name = conn.scalar(select(c.display_name).where(c.id == job.key, c.doubted_at.is_not(None)))
    dam = services.dam
    if not isinstance(dam, TellsHolders):
        raise DamError("the DAM does not know who is named in its files: the index of what was read does")
    refs = sorted(set(dam.holders(name))) if name and returned_names.count_by_others(services, dam, name) else []
    queue_jobs(services, "names", refs)
    with services.store.write() as tx:
        if name and not refs:
            _end(services, tx, job.key)
        services.queue.finish(tx, job)


def _end(services: Services, tx: Tx, person_id: str) -> int:
    mine = (t.person.c.id == person_id) & t.person.c.doubted_at.is_not(None)
    values = {"self_entered": False, "doubted_at": None, "sought_at": SystemClock().now()}
    count = tx.execute(update(t.person).where(mine).values(**values)).rowcount
    if count:
        tx.audit(Action.RECORD_CHANGE, "system", subject=roster.subject(services, tx, person_id), doubt=False)
        services.queue.put(tx, "recompute", person_id)
    return count
