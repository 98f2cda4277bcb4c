"""An end takes effect where rows are read (rule 46): the commit writes a row of `cut` a use, a job updates the rows.

The job needs no DAM. It goes through the person's photographs in portions, each a short write that queues the next,
and deletes only the cuts that existed when it began: for later ones it starts again.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import product

from sqlalchemy import Connection, delete, func, insert, select

from plugin.flows.clearance import photo_answers
from plugin.flows.common import valid_clearances
from plugin.flows.common.roster import UNREADABLE
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.ledger.queue.jobs import ClaimedJob
from plugin.ledger.store.store import Tx
from plugin.quitclaim.consent.intervals import intersect, minus
from plugin.quitclaim.consent.standing import Published

JOB = "cut"
_FIRST = 0  # a priority
_PAUSE = timedelta(hours=1)

Use = tuple[str, str]
"""Purpose and channel."""

UNREADABLE_USE: Use = (UNREADABLE, UNREADABLE)


def add(
    services: Services,
    tx: Tx,
    person_id: str,
    uses: Iterable[Use] = (),
    machine: bool = False,
    set_id: str | None = None,
) -> None:
    """From this commit on nothing stored is valid that rests on the person for one of `uses`; `machine`: that the
    machine alone matched; `set_id`: that rests on this set. Its rows do not grow with the photographs."""
    uses = set(uses)
    if UNREADABLE_USE in uses:  # what it was for nobody knows
        terms = services.config.clearance
        uses |= set(product(terms.purposes, terms.channels))
    rows: list[dict[str, object]] = [{"purpose": use[0], "channel": use[1], "set_id": None} for use in sorted(uses)]
    rows += [{"purpose": None, "channel": None, "set_id": None}] if machine else []
    rows += [{"purpose": None, "channel": None, "set_id": set_id}] if set_id is not None else []
    if rows:
        at = _latest(tx, person_id) if machine else tx.now
        tx.execute(insert(t.cut), [row | {"person_id": person_id, "cut_at": at} for row in rows])
        services.queue.put(tx, JOB, person_id, {}, priority=_FIRST)


def _latest(tx: Tx, person_id: str) -> datetime:
    """Now, or when the last pictures ended: another process may have ended them by a clock ahead of ours."""
    mine = t.reference_set.c.person_id == person_id
    last = tx.connection.scalar(select(func.max(t.reference_set.c.ended_at)).where(mine))
    return max(tx.now, last or tx.now)


def find_shortened(before: Published, after: Published, now: datetime) -> set[Use]:
    """The uses that are agreed to for less time, from now on, than before."""
    ahead = [(now, None)]
    return {use for use, held in before.items() if minus(intersect(held, ahead), after.get(use, ()))}


def handle_cut(services: Services, job: ClaimedJob) -> None:
    """Update the next portion of the person's photographs, then queue the rest; the job's key is their id."""
    after, upto = job.payload.get("after", 0), job.payload.get("upto")
    with services.store.read() as conn:
        ids = _list_next(conn, job.key, after)
        upto = _find_newest(conn, job.key) if upto is None else upto
    with services.store.write() as tx:
        anew = tx.connection.scalar(select(t.job.c.again).where(t.job.c.id == job.id))
        services.queue.finish(tx, job)
        _apply(services, tx, ids)
        if len(ids) < photo_answers.PORTION:
            tx.execute(delete(t.cut).where(t.cut.c.person_id == job.key, t.cut.c.id <= upto))
        elif not anew:
            services.queue.put(tx, JOB, job.key, {"after": ids[-1], "upto": upto}, priority=_FIRST)


def _apply(services: Services, tx: Tx, ids: Sequence[int]) -> None:
    valid_clearances.apply_cuts(tx, ids)
    photo_answers.recompute(services, tx, ids)


def _list_next(conn: Connection, person_id: str, after: int) -> list[int]:
    ids = valid_clearances.select_hit_by(person_id).subquery().c.resource_id
    return list(conn.scalars(select(ids).where(ids > after).order_by(ids).limit(photo_answers.PORTION)))


def _find_newest(conn: Connection, person_id: str) -> int:
    query = select(t.cut.c.id).where(t.cut.c.person_id == person_id)
    return conn.scalar(query.order_by(t.cut.c.id.desc()).limit(1)) or 0


def resume(services: Services) -> int:
    """Queue a job for cuts that have none, as after a restore; a dead job is queued again after a pause. Returns how
    many."""
    with services.store.read() as conn:
        lost = _list_without_job(services, conn)
    for person_id in lost:
        with services.store.write() as tx:
            services.queue.put(tx, JOB, person_id, {}, priority=_FIRST)
    return len(lost)


def _list_without_job(services: Services, conn: Connection) -> list[str]:
    given_up = (t.job.c.state == "dead") & (t.job.c.finished_at > services.clock.now() - _PAUSE)
    busy = t.job.c.state.in_(("queued", "running")) | given_up
    mine = select(t.job.c.id).where(t.job.c.kind == JOB, t.job.c.key == t.cut.c.person_id, busy)
    return list(conn.scalars(select(t.cut.c.person_id).where(~mine.exists()).distinct()))
