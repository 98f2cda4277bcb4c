"""The configuration that clearances rest on has changed, or the house was closed or opened: all is computed anew.

The first process that starts under it takes away every stored clearance, in the commit that queues
the work: until a photograph's turn has come whoever asks of the library does not find it, which is
unknown and never yes. Asked for by itself a photograph is answered from the rules at once. The DAM's
dates follow with each photograph, and are emptied by the nightly renewal where its turn has not come.
In a closed house nothing is stored, and the dates are emptied first of all.
"""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import delete, func, select, update

from plugin.flows import clearance, footing, looked_before
from plugin.flows.services import Services
from plugin.ledger import tables as t
from plugin.ledger.audit import Action
from plugin.ledger.jobs import Claimed
from plugin.ledger.store import Tx
from plugin.quitclaim.examination_words import NotExamined

_PRIORITY = 9  # after everything that somebody waits for
_CLOSING = 1
_PATIENCE = timedelta(minutes=1)


def follow(services: Services) -> bool:
    """Let the store follow this configuration; True where it followed another one before, or an unknown one."""
    with services.store.read() as conn:
        if conn.scalar(select(t.state.c.policy)) == footing.due(services, conn):
            return False
    with services.store.write() as tx:
        now = footing.due(services, tx.connection)
        moved = update(t.state).where(t.state.c.policy.is_distinct_from(now)).values(policy=now)
        if tx.execute(moved).rowcount == 0:
            return False  # another process was faster
        cut = tx.execute(delete(t.clearance)).rowcount
        if tx.execute(select(t.resource.c.id).limit(1)).first() is not None:
            tx.audit(Action.CLEARANCE_CUT, "system", intervals=cut, policy=now[:16])
            services.queue.put(tx, "anew", now, {"after": 0}, priority=_priority(now))
    return True


def follow_closing(services: Services) -> None:
    """Let the store follow that the house was closed, or opened, where it does not yet."""
    with services.store.read() as conn:
        follows = conn.scalar(select(t.state.c.policy)) == footing.CLOSED
        closed = footing.due(services, conn) == footing.CLOSED
    if follows != closed:
        follow(services)


def _priority(policy: str) -> int:
    return _CLOSING if policy == footing.CLOSED else _PRIORITY


def some(services: Services, job: Claimed) -> None:
    """Compute the next photographs, then ask for those behind them, in one commit: a crash loses no progress.

    The job's key is the configuration it is for. One that the store no longer follows is dropped; where
    this process has another one the job waits for one that has it.
    """
    with services.store.write() as tx:
        services.queue.finish(tx, job)
        if job.key != tx.connection.scalar(select(t.state.c.policy)):
            return
        if job.key != footing.due(services, tx.connection):
            services.queue.put(tx, "anew", job.key, job.payload, priority=_PRIORITY, delay=_PATIENCE)
            return
        behind = select(t.resource.c.id).where(t.resource.c.id > job.payload["after"])
        ids = list(tx.execute(behind.order_by(t.resource.c.id).limit(clearance.CHUNK)).scalars())
        _look_again(services, tx, ids)
        clearance.recompute(services, tx, ids)
        if len(ids) == clearance.CHUNK:
            services.queue.put(tx, "anew", job.key, {"after": ids[-1]}, priority=_priority(job.key))


def _look_again(services: Services, tx: Tx, ids: Sequence[int]) -> None:
    """What was examined for larger faces than have to be found now is asked for once more, behind all else."""
    r = t.resource.c
    less = update(t.resource).where(r.id.in_(ids), r.examined != "no", ~footing.examined(services))
    before = {"examined": "no", "examined_reason": NotExamined.BEFORE.value}
    if tx.execute(less.values(**before)).rowcount:
        looked_before.put(services, tx)


def left(services: Services) -> int:
    """How many photographs wait for their turn."""
    query = select(t.job.c.payload).where(t.job.c.kind == "anew", t.job.c.state.in_(("queued", "running")))
    with services.store.read() as conn:
        payload = conn.scalar(query.where(t.job.c.key == footing.due(services, conn)))
        if payload is None:
            return 0
        return conn.scalar(select(func.count()).where(t.resource.c.id > payload["after"])) or 0
