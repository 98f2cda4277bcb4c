"""Events of the DAM become jobs: each message once, in one transaction with its job."""

from collections.abc import Mapping

from sqlalchemy import insert, select

from plugin.errors import ResourceGone
from plugin.flows.common.batches import queue_jobs
from plugin.flows.common.services import Services
from plugin.hooks.webhooks import events
from plugin.ledger import tables as t
from plugin.ledger.queue.jobs import ClaimedJob
from plugin.ledger.store.store import Tx

JOB_KINDS: Mapping[type[events.Event], str] = {
    events.ResourceCreated: "photo",
    events.ResourceReplaced: "photo",
    events.ResourceMetadata: "names",
    events.ResourceDeleted: "gone",
    events.CollectionChanged: "members",
    events.NodeChanged: "renamed",
}
"""The kind of job that each kind of event asks for."""

_ALL_NODES = "nodes"  # whichever node changed, the same is done: a burst of them is one job


def accept(services: Services, message: str, event: events.Event) -> bool:
    """Queue the job that `event` asks for and record the message's id, in one transaction.

    False if the message was recorded before: a sender that did not get our answer retries. Raises QueueFull, and then
    the message is not recorded.
    """
    with services.store.write() as tx:
        if not note_message(tx, f"event:{message}"):
            return False
        key = _ALL_NODES if isinstance(event, events.NodeChanged) else event.ref
        services.queue.put(tx, JOB_KINDS[type(event)], key, bounded=True)
    return True


def note_message(tx: Tx, message: str) -> bool:
    """Record a message's id; False if it was recorded within `retention.events_days` already."""
    if tx.execute(select(t.event.c.id).where(t.event.c.id == message)).first() is not None:
        return False
    tx.execute(insert(t.event).values(id=message, received_at=tx.now))
    return True


def handle_members(services: Services, job: ClaimedJob) -> None:
    """The members or the ruling of a collection changed: examine what came or went, and look at one of the others, so
    that the DAM's own ruling is read.

    The job's key is the collection's ref.
    """
    try:
        now = set(services.dam.refs(job.key))
    except ResourceGone:
        now = set()
    known = (
        select(t.resource.c.ref)
        .join(t.resource_collection, t.resource_collection.c.resource_id == t.resource.c.id)
        .where(t.resource_collection.c.collection_ref == job.key, t.resource.c.deleted_at.is_(None))
    )
    with services.store.read() as conn:
        before = set(conn.scalars(known))
    queue_jobs(services, "photo", sorted(now ^ before), priority=6)
    queue_jobs(services, "names", sorted(now & before)[:1], priority=2)
    with services.store.write() as tx:
        services.queue.finish(tx, job)


def handle_renamed(services: Services, job: ClaimedJob) -> None:
    """A node was renamed in the DAM, which does not say on which resources: look at every named one."""
    named = (
        select(t.resource.c.ref)
        .join(t.tag, t.tag.c.resource_id == t.resource.c.id)
        .where(t.resource.c.deleted_at.is_(None))
        .distinct()
    )
    with services.store.read() as conn:
        refs = list(conn.scalars(named))
    queue_jobs(services, "names", sorted(refs), priority=8)
    with services.store.write() as tx:
        services.queue.finish(tx, job)
