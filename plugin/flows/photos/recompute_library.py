"""Recompute all clearances after the configuration changed, or after the house was closed or opened.

The first process that starts with the new configuration sets `state.anew_after` to 0, in the commit that queues the
work: until a photograph is recomputed, its stored clearances do not count (`valid_clearances`): unknown, never yes. The
rows follow in portions; a single photograph is answered from the rules at once. The DAM's dates follow with each
photograph; the nightly renewal clears those of photographs that still wait. In a closed house nothing is stored, and
the dates are cleared first.
"""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import func, select, update

from plugin.flows.clearance import photo_answers, policy_fingerprint
from plugin.flows.common.batches import chunks_for_one_write
from plugin.flows.common.services import Services
from plugin.flows.photos import reexamination
from plugin.ledger import tables as t
from plugin.ledger.queue.jobs import ClaimedJob
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx
from plugin.quitclaim.words.examination_words import NotExamined

PORTION = 400
_BATCH = 20
_PRIORITY = 9  # after everything that people wait for
_CLOSED_PRIORITY = 1
_DELAY = timedelta(minutes=1)


def follow_policy(services: Services) -> bool:
    """Let the store follow this configuration; True if it followed another or an unknown one before."""
    with services.store.read() as conn:
        if conn.scalar(select(t.state.c.policy)) == policy_fingerprint.find_due(services, conn):
            return False
    with services.store.write() as tx:
        now = policy_fingerprint.find_due(services, tx.connection)
        moved = update(t.state).where(t.state.c.policy.is_distinct_from(now)).values(policy=now)
        if tx.execute(moved).rowcount == 0:
            return False  # another process won the race
        if tx.execute(select(t.resource.c.id).limit(1)).first() is not None:
            tx.execute(update(t.state).values(anew_after=0))
            tx.audit(Action.CLEARANCE_CUT, "system", policy=now[:16])
            services.queue.put(tx, "anew", now, priority=_priority(now))
    return True


def follow_house_closing(services: Services) -> None:
    """Let the store follow that the house was closed or opened, unless it does already."""
    with services.store.read() as conn:
        follows = conn.scalar(select(t.state.c.policy)) == policy_fingerprint.CLOSED
        closed = policy_fingerprint.find_due(services, conn) == policy_fingerprint.CLOSED
    if follows != closed:
        follow_policy(services)


def _priority(policy: str) -> int:
    return _CLOSED_PRIORITY if policy == policy_fingerprint.CLOSED else _PRIORITY


def handle_portion(services: Services, job: ClaimedJob) -> None:
    """Recompute the next photographs and queue the rest in one commit: a crash loses no progress.

    The job's key is its configuration. If the store no longer follows that, the job is dropped; if this process has
    another one, the job waits for a process that has it. The store, not the job, holds the progress: a configuration
    that comes back restarts from the beginning.
    """
    with services.store.write() as tx:
        services.queue.finish(tx, job)
        after = tx.connection.scalar(select(t.state.c.anew_after))
        if after is None or job.key != tx.connection.scalar(select(t.state.c.policy)):
            return
        if job.key != policy_fingerprint.find_due(services, tx.connection):
            services.queue.put(tx, "anew", job.key, priority=_PRIORITY, delay=_DELAY)
            return
        behind = select(t.resource.c.id).where(t.resource.c.id > after)
        ids = list(tx.execute(behind.order_by(t.resource.c.id).limit(PORTION)).scalars())
        done = after if len(ids) == PORTION else None
        for some in chunks_for_one_write(ids, _BATCH):
            done = None if some[-1] == ids[-1] and len(ids) < PORTION else some[-1]
            tx.execute(update(t.state).values(anew_after=done))  # first: the DAM's dates are by what counts
            _queue_reexamination(services, tx, some)
            photo_answers.recompute(services, tx, some)
        if done is None:
            tx.execute(update(t.state).values(anew_after=None))
        else:
            services.queue.put(tx, "anew", job.key, priority=_priority(job.key))


def _queue_reexamination(services: Services, tx: Tx, ids: Sequence[int]) -> None:
    """Queue photographs again that were examined for larger faces than must be found now, after everything else."""
    r = t.resource.c
    less = update(t.resource).where(r.id.in_(ids), r.examined != "no", ~policy_fingerprint.is_examined(services))
    before = {"examined": "no", "examined_reason": NotExamined.BEFORE.value}
    if tx.execute(less.values(**before)).rowcount:
        reexamination.queue_from_start(services, tx)


def count_left(services: Services) -> int:
    """How many photographs are still to be recomputed."""
    with services.store.read() as conn:
        after = conn.scalar(select(t.state.c.anew_after))
        return 0 if after is None else conn.scalar(select(func.count()).where(t.resource.c.id > after)) or 0
