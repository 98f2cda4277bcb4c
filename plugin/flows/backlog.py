"""Scan or scan again: the first run, late consent, a new engine. Resumable, because the queue is."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select, update

from plugin.errors import ExaminationFailed, PictureError, ResourceGone
from plugin.flows import footing, modes
from plugin.flows.services import Services
from plugin.ledger import tables as t
from plugin.quitclaim.scope import Mode
from plugin.recognizer.messages import Request

CHUNK = 500
_SAMPLE = 3  # photographs on which the cost is measured before it is asked for


@dataclass(frozen=True)
class Cost:
    """What a scan will take, measured on a few of the photographs; `left_out` are in no open collection."""

    photos: int
    left_out: int
    seconds: float | None

    @property
    def per_second(self) -> float | None:
        """Photographs a second and process."""
        return self.photos / self.seconds if self.seconds else None


def due(services: Services, collections: Sequence[str] = (), again: bool = False) -> Iterator[str]:
    """The photographs to scan: in collections that are on, not examined yet (or all, with `again`)."""
    modes.hear(services)
    done = footing.examined(services) & (t.resource.c.engine == services.faces.engine_id)
    with services.store.read() as conn:
        examined = set(conn.scalars(select(t.resource.c.ref).where(done))) if not again else set()
    for ref in _candidates(services, collections):
        if ref not in examined:
            yield ref


def _candidates(services: Services, collections: Sequence[str]) -> Iterator[str]:
    wanted = collections or _switched_on(services)
    yield from services.dam.refs(*wanted) if wanted else ()


def _switched_on(services: Services) -> list[str]:
    with services.store.read() as conn:
        on = (Mode.DETECT.value, Mode.SUGGEST.value, Mode.AUTO.value)
        return list(conn.scalars(select(t.collection.c.ref).where(t.collection.c.mode.in_(on))))


def unheard_of(services: Services) -> list[str]:
    """Photographs in collections that are on and that the ledger does not know: no event told of them.

    An old photograph that is put into a collection is one, where the DAM does not log that.
    """
    modes.hear(services)
    with services.store.read() as conn:
        known = set(conn.scalars(select(t.resource.c.ref).where(t.resource.c.deleted_at.is_(None))))
    return [ref for ref in _candidates(services, ()) if ref not in known]


def cost(services: Services, refs: Sequence[str]) -> Cost:
    """How many photographs, and how long on one process: measured on the first few, boxes only."""
    total = sum(collection.resources for collection in services.dam.collections())
    began, done = time.perf_counter(), 0
    for ref in refs[:_SAMPLE]:
        try:
            with services.store.read() as conn:
                scope = modes.scope_for(services, conn, services.dam.look(ref).collections)
            if scope.mode in {Mode.OFF, Mode.NEVER}:
                continue
            boxes_only = Request(
                at=services.clock.now(), compare=False, levels={}, rejected=(), capped=frozenset(),
                generation=services.faces.generation,
            )  # fmt: skip
            services.faces.examine(services.dam.picture(ref), boxes_only)
            done += 1
        except (PictureError, ExaminationFailed, ResourceGone):
            continue
    seconds = (time.perf_counter() - began) / done * len(refs) if done else None
    return Cost(len(refs), max(0, total - len(refs)), seconds)


def enqueue(services: Services, refs: Sequence[str]) -> int:
    """Ask for each photograph to be examined; one asked for already is one job. Returns how many."""
    for start in range(0, len(refs), CHUNK):
        with services.store.write() as tx:
            for ref in refs[start : start + CHUNK]:
                services.queue.put(tx, "photo", ref, priority=6)
    return len(refs)


def waiting(services: Services) -> int:
    """How many photographs are still to be examined."""
    query = select(func.count()).where(t.job.c.kind == "photo", t.job.c.state.in_(("queued", "running")))
    with services.store.read() as conn:
        return conn.scalar(query) or 0


def late_consent(services: Services) -> int:
    """One pass for all who enrolled, or were vouched for, since the last.

    It takes the photographs with unnamed faces where comparing is allowed.
    """
    with services.store.write() as tx:
        since = tx.connection.scalar(select(t.state.c.late_consent_at))
        kept = select(func.max(t.sealed.c.created_at)).where(t.sealed.c.kind == "template")
        vouched = select(func.max(t.reference_set.c.vouched_at)).where(t.reference_set.c.ended_at.is_(None))
        newest = [at for at in (tx.connection.scalar(kept), tx.connection.scalar(vouched)) if at is not None]
        if not newest or (since is not None and max(newest) <= since):
            return 0
        tx.execute(update(t.state).values(late_consent_at=tx.now))
        refs = _unnamed(services, tx.connection)
        for ref in refs:
            services.queue.put(tx, "photo", ref, priority=7)
    return len(refs)


def _unnamed(services: Services, conn: Connection) -> list[str]:
    generation = conn.scalar(select(t.state.c.generation)) or 0
    query = (
        select(t.resource.c.id, t.resource.c.ref)
        .join(t.face, t.face.c.resource_id == t.resource.c.id)
        .where(
            t.face.c.state.in_(("unmatched", "rejected")), t.resource.c.deleted_at.is_(None),
            t.resource.c.matched_generation < generation,
        )
        .distinct()
    )  # fmt: skip
    return [row.ref for row in conn.execute(query).all() if modes.scope_of(services, conn, row.id).compares]
