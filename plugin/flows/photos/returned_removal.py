"""Remove names that came back with a restored or reverted DAM. The job, which holds no name, replaces an intent."""

from sqlalchemy import select

from plugin.errors import DamError, ResourceGone
from plugin.flows.clearance import photo_answers
from plugin.flows.common.services import Services
from plugin.flows.names import dam_names, resources
from plugin.flows.tags import intents, release_statement, removed_names, tag_rows
from plugin.flows.tags.returned_names import OURS
from plugin.hooks.dam import KeepsLog, Write
from plugin.ledger import tables as t
from plugin.ledger.queue.jobs import ClaimedJob
from plugin.ledger.store.audit import Action
from plugin.ledger.tables.rows import TagRow
from plugin.quitclaim.consent.model import name_key


def handle_returned(services: Services, job: ClaimedJob) -> None:
    """Remove them from one resource and read back; the job's key is its ref. Raises DamError: the job is retried."""
    try:
        arrival = resources.enter(services, job.key)
        for row in _list_returned(services, arrival.resource_id):
            _remove(services, job.key, row)
    except ResourceGone:
        resources.forget(services, job.key)
    with services.store.write() as tx:
        services.queue.finish(tx, job)


def _list_returned(services: Services, resource_id: int) -> list[TagRow]:
    with services.store.read() as conn:
        return list(conn.execute(select(t.tag).where(t.tag.c.resource_id == resource_id, OURS)))


def _remove(services: Services, ref: str, row: TagRow) -> None:
    dam = services.dam
    position = dam.position() if isinstance(dam, KeepsLog) else None
    with services.store.write() as tx:
        change = {"change": "remove", "origin": row.origin}
        tx.audit(Action.TAG_INTEND, intents.SYSTEM, resource_id=row.resource_id, returned=True, **change)
        here = {row.resource_id: release_statement.Change()}
        released = release_statement.of_many(services, tx.connection, here)[row.resource_id]
    write = Write(row.node, False, frozenset(row.places))
    answer = dam.write(ref, [write], released)
    if any(name_key(n.node) == row.node_key and n.places & write.places for n in answer.names):
        raise DamError("a name that came back still stands: it is tried again")
    with services.store.write() as tx:
        tag_rows.drop(tx, t.tag.c.id == row.id, OURS)
        removed_names.note(services, tx, row.resource_id, row.node, row.places, position)
        tx.audit(Action.TAG_REMOVE, intents.SYSTEM, resource_id=row.resource_id, origin=row.origin, returned=True)
        photo_answers.recompute(services, tx, [row.resource_id])
        if dam_names.find_owner(tx.connection, row.node_key) is not None:
            services.queue.put(tx, "photo", ref)  # who agreed again may be named again
