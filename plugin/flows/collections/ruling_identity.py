"""A ruling belongs to the collection, not to its name: it follows one that was renamed or moved.

First by the mark that the DAM gave the collection; if that is lost (a copy, a restore) by the photographs that lay
under it. If neither leads to one place the ruling is *lost*: that is reported, and nothing below is compared.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from sqlalchemy import delete, or_, select, update

from plugin.errors import NotFound
from plugin.flows.collections import modes, ruling_history, ruling_moves
from plugin.flows.collections.ruled_photos import RuledPhotographs
from plugin.flows.collections.ruling_history import RulingCause
from plugin.flows.common.batches import queue_jobs
from plugin.flows.common.services import Services
from plugin.hooks.dam import Change, NamedCollections, Resource
from plugin.ledger import tables as t
from plugin.ledger.queue.jobs import ClaimedJob
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx
from plugin.ledger.tables.rows import CollectionRow
from plugin.quitclaim.clearance.scope import COMPARING, Mode

GONE = "gone"
"""The identity of one that somebody said is gone: its ruling still counts for photographs that lay there."""

_COMPARING = {mode.value for mode in COMPARING}


@dataclass
class _Plan:
    """What happens to the rulings whose collection changed."""

    moves: dict[str, str] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)  # new identities, by the ref from now on
    lost: list[str] = field(default_factory=list)


def is_recognised(services: Services, resource: Resource) -> bool:
    """Whether every collection above the resource is the one that its ruling was made for.

    Checked before anything is compared: between a rename and the next poll the name is not enough.
    """
    dam = services.dam
    return not isinstance(dam, NamedCollections) or not _list_in_question(services, dam, resource.collections)


def _list_in_question(services: Services, dam: NamedCollections, refs: Sequence[str]) -> list[CollectionRow]:
    """The rulings that may be meant for one of these collections, and are bound to another name or another thing."""
    marks = dam.identities(refs)
    c = t.collection.c
    known = select(t.collection).where(or_(c.ref.in_(refs), c.identity.in_(list(marks.values()))))
    with services.store.read() as conn:
        rows = conn.execute(known).all()
    return [row for row in rows if row.ref not in marks or row.identity not in {None, marks[row.ref]}]


def guard(services: Services, resource: Resource) -> Resource:
    """The resource, marked incomplete if a ruling above it is in question; a job then settles that."""
    if is_recognised(services, resource):
        return resource
    with services.store.write() as tx:
        services.queue.put(tx, "rulings", "all", priority=1)
    return replace(resource, complete=False)


def handle_follow(services: Services, job: ClaimedJob) -> None:
    """Follow, and look again at every photograph that waited for it.

    Photographs that wait for a lost ruling are not looked at again until somebody decides.
    """
    with services.dam.one_walk():
        follow(services, services.dam.changes(), exact=True)
    later = timedelta(seconds=services.config.dam.poll_seconds)
    free, on_the_way = _find_waiting(services)
    queue_jobs(services, "photo", free, delay=later)
    with services.store.write() as tx:
        if on_the_way:
            services.queue.put(tx, "rulings", "all", delay=later)
        services.queue.finish(tx, job)


def _find_waiting(services: Services) -> tuple[list[str], bool]:
    """The photographs that need not wait any more, and whether others wait for a ruling that is on its way."""
    dam = services.dam
    if not isinstance(dam, NamedCollections):
        return [], False
    hidden = t.resource_hidden
    query = select(t.resource.c.ref).join(hidden, hidden.c.resource_id == t.resource.c.id)
    with services.store.read() as conn:
        refs = list(conn.scalars(query.where(t.resource.c.deleted_at.is_(None))))
    above = {ref: dam.lies_in(ref) for ref in refs}
    asked = {folders: _list_in_question(services, dam, folders) for folders in set(above.values())}
    free = [ref for ref in refs if not asked[above[ref]]]
    open_ = [row for rows in asked.values() for row in rows if row.lost_at is None and row.identity != GONE]
    moving = any(not dam.out_of_sight(row.ref) for row in open_)
    return free, moving


def follow(services: Services, changes: Sequence[Change], thorough: bool = False, exact: bool = False) -> int:
    """Move every ruling to where its collection is now; returns how many moved or were lost.

    `changes`: from the DAM, not entered yet. `thorough`: also look for lost ones. `exact`: match names only as
    listed; a name may also lead there in another case, or by a link. Raises DamError.
    """
    dam = services.dam
    if not isinstance(dam, NamedCollections):
        return 0
    with services.store.read() as conn:
        rows = list(conn.execute(select(t.collection)))
    marks = dam.identities(None if exact else [row.ref for row in rows])
    open_ = [r for r in rows if _is_unsettled(r, marks, thorough) and not dam.out_of_sight(r.ref)]
    if not open_:
        return 0
    everywhere = marks if exact else dam.identities(None)
    plan = _make_plan(services, dam, open_, {row.ref for row in rows}, everywhere, changes)
    titles = {one.ref: one.title for one in services.dam.collections()} if plan.moves else {}
    ruled = {row.ref for row in rows}
    for old, new in plan.moves.items():
        if new not in ruled:
            ruling_moves.add_photos(services, old, new)
    with services.store.write() as tx:
        _carry_out(services, tx, plan, titles)
    for old, new in plan.moves.items():
        if old not in plan.moves.values():
            ruling_moves.remove_photos(services, old, new)
    return len(plan.moves) + len(plan.lost)


def _is_unsettled(row: CollectionRow, marks: Mapping[str, str], thorough: bool) -> bool:
    if row.lost_at is not None:
        return thorough
    return row.ref in marks if row.identity == GONE else row.identity != marks.get(row.ref)


def _make_plan(
    services: Services,
    dam: NamedCollections,
    rows: Sequence[CollectionRow],
    ruled: set[str],
    everywhere: Mapping[str, str],
    changes: Sequence[Change],
) -> _Plan:
    by_mark = {mark: ref for ref, mark in everywhere.items()}
    plan = _Plan()
    for row in rows:
        mark = row.identity or ""
        here, found = everywhere.get(row.ref), by_mark.get(mark)
        photographs = RuledPhotographs(services, row.ref, changes)
        if row.identity is None and here is not None:
            plan.marks[row.ref] = here
        elif found is not None and found == row.ref:
            plan.marks[found] = mark  # lost, and back
        elif found is not None and (dam.sure(mark) or _may_follow(row, photographs, found)):
            plan.moves[row.ref] = found
            plan.marks[found] = mark
        elif row.identity not in {None, GONE} and here is not None and photographs.stay(row.mode):
            plan.marks[row.ref] = here
        elif row.identity != GONE and (target := photographs.target(ruled)) is not None:
            plan.moves[row.ref] = target
            plan.marks[target] = everywhere.get(target, "")
        elif not photographs.on_their_way() and row.lost_at is None:
            plan.lost.append(row.ref)
    return _drop_clashes(plan)


def _may_follow(row: CollectionRow, photographs: RuledPhotographs, found: str) -> bool:
    """A reused mark carries a ruling that allows comparing only to where its photographs went too."""
    return row.mode not in _COMPARING or photographs.went_to(found)


def _drop_clashes(plan: _Plan) -> _Plan:
    """Two rulings cannot follow to one place: both are lost."""
    counts = Counter(plan.moves.values())
    clash = [ref for ref, target in plan.moves.items() if counts[target] > 1]
    for ref in clash:
        plan.marks.pop(plan.moves.pop(ref), None)
    plan.lost += clash
    return plan


def _carry_out(services: Services, tx: Tx, plan: _Plan, titles: Mapping[str, str]) -> None:
    for ref in plan.lost:
        above = services.dam.lies_in(ref)
        lose_in(services, tx, ref, above[0] if above else None)
    if plan.moves:
        ruling_moves.move_rulings(services, tx, plan.moves, titles)
    for ref, mark in plan.marks.items():
        known: dict[str, object] = {"identity": mark or None, "lost_at": None, "lost_below": None}
        tx.execute(update(t.collection).where(t.collection.c.ref == ref).values(**known))
    tx.move_generation()


def lose_in(services: Services, tx: Tx, ref: str, above: str | None) -> None:
    """Mark the ruling lost: nothing is compared in `ref` nor, for a *never*, in the collection `above`."""
    this = t.collection.c.ref == ref
    mode = tx.connection.scalar(select(t.collection.c.mode).where(this))
    below = above if mode == Mode.NEVER.value else None
    tx.execute(update(t.collection).where(this).values(lost_at=tx.now, lost_below=below))
    ruling_history.append(services, tx, ref, RulingCause.LOST, "system")
    tx.audit(Action.MODE_LOSE, "system", mode=str(mode), collection=modes.pseudonym(ref))
    services.queue.put(tx, "remode", below or ref, {})


def give_up(services: Services, ref: str, actor: str) -> None:
    """Somebody says that a lost collection is gone: nothing waits for it any more.

    Its ruling applies to its photographs, wherever they turn up, until somebody rules on that place. Raises NotFound.
    """
    with services.store.write() as tx:
        give_up_in(services, tx, ref, actor)


def give_up_in(services: Services, tx: Tx, ref: str, actor: str) -> None:
    """The same in the caller's transaction."""
    this = (t.collection.c.ref == ref) & t.collection.c.lost_at.is_not(None)
    row = tx.execute(select(t.collection).where(this)).first()
    if row is None:
        raise NotFound(f"no ruling on {ref!r} is lost: facelease collection lost shows them")
    ruling_history.append(services, tx, ref, RulingCause.LOST, actor)
    if isinstance(services.dam, NamedCollections):
        tx.execute(update(t.collection).where(this).values(identity=GONE, lost_at=None, lost_below=None))
    else:  # another collection may bear the number
        tx.execute(delete(t.collection).where(this))
    tx.move_generation()
    tx.audit(Action.MODE_LOSE, actor, mode=row.mode, collection=modes.pseudonym(ref), given_up=True)
    services.queue.put(tx, "remode", row.lost_below or ref, {})
    services.queue.put(tx, "unheld", row.lost_below or ref, {"after": 0})
