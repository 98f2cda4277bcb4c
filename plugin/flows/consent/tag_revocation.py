"""Removes a person's tags from the DAM and reads back, until none of ours is left.

Which tags are removed follows from the grants when the job runs: without recognition no machine tag stays, without
any grant no confirmed one either. A name by hand is listed, and removed only by a decision.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from sqlalchemy import Connection, select

from plugin.errors import DamError, ResourceGone
from plugin.flows.clearance import photo_answers
from plugin.flows.common import roster
from plugin.flows.common.batches import Failed, chunked, run_batches
from plugin.flows.common.services import Services
from plugin.flows.consent import remaining_tags
from plugin.flows.names import name_index, resources
from plugin.flows.tags import intents, release_statement, removals
from plugin.flows.tags.removals import PersonTag
from plugin.hooks.dam import Names, TellsHolders
from plugin.ledger import tables as t
from plugin.ledger.queue.jobs import ClaimedJob
from plugin.ledger.store.audit import Action
from plugin.quitclaim.consent.model import name_key
from plugin.quitclaim.consent.standing import Standing

LOOK_AGAIN = timedelta(hours=24)
ALL = frozenset({"machine", "confirmed", "hand"})


def handle_revoke(services: Services, job: ClaimedJob) -> None:
    """Carry out one revocation; the job's key is the person's id. `cuts` handles the stored rows."""
    with services.store.read() as conn:
        standing = roster.load_many(services, conn, [job.key]).get(job.key)
    if standing is None:
        with services.store.write() as tx:
            services.queue.finish(tx, job)
        return
    again = bool(job.payload.get("again"))
    removed = remove_tags(services, job.key, find_origins(services, standing), everywhere=again)
    recompute(services, job.key)
    remaining_tags.list_for_decision(services, standing)
    with services.store.write() as tx:
        subject = roster.subject(services, tx, job.key)
        tx.audit(Action.REVOCATION_DONE, intents.SYSTEM, subject=subject, removed=removed)
        if not again:
            services.queue.put(tx, "look-again", job.key, {}, delay=LOOK_AGAIN)
        services.queue.finish(tx, job)


def handle_look_again(services: Services, job: ClaimedJob) -> None:
    """A day after a revocation: remove again whatever came back through us."""
    with services.store.write() as tx:
        services.queue.put(tx, "revoke", job.key, {"again": True})
        services.queue.finish(tx, job)


def find_origins(services: Services, standing: Standing) -> frozenset[str]:
    """The origins of the tags that must be removed now."""
    now = services.clock.now()
    if not standing.in_force(now):
        by_hand = {"hand"} if services.config.hand_tags.after_end == "remove" else set()
        return frozenset({"machine", "confirmed"} | by_hand)
    return frozenset() if standing.recognition(now) else frozenset({"machine"})


def list_overdue(services: Services) -> list[str]:
    """People with tags that are not allowed any more: their revocation is dead, or was before the tags."""
    origins = ALL if services.config.hand_tags.after_end == "remove" else ALL - {"hand"}
    ours = select(t.tag.c.person_id, t.tag.c.origin).where(t.tag.c.person_id.is_not(None), t.tag.c.origin.in_(origins))
    with services.store.read() as conn:
        standing = {(row.person_id, row.origin) for row in conn.execute(ours.distinct())}
        people = roster.load_many(services, conn, {person for person, _ in standing})
    return sorted({person for person, origin in standing if origin in find_origins(services, people[person])})


def remove_tags(
    services: Services,
    person_id: str,
    origins: frozenset[str],
    actor: str = "system",
    everywhere: bool = False,
    unread: list[str] | None = None,
) -> int:
    """Remove the person's tags of these origins from the DAM and read back; returns how many were removed.

    Reads back every resource that we ever meant to write the name on; `everywhere`: and every other one that has it.
    Raises DamError if the DAM fails or one of ours is still there: what was done stays, and the job is retried.
    Photographs that cannot be read or written go into `unread` instead, if given.
    """
    if not origins:
        return 0
    apart = unread is not None
    with services.store.read() as conn:
        open_ = list(intents.list_open(conn, person_id))
    many = services.dam.at_once
    run_batches(open_, lambda some: list(intents.carry_out_many(services, some, actor).items()), many, apart)
    if "machine" in origins and "confirmed" not in origins:
        remaining_tags.make_hand(services, person_id)
    tags = list_tags(services, person_id, origins)
    shut = [row.ref for row in run_batches(tags, lambda rows: removals.remove(services, rows, actor), many, apart)]
    refs = set(list_touched(services, person_id)) - {*shut}
    if everywhere:
        refs |= _list_bearing(services, person_id)
    shut += read_back(services, person_id, origins, refs - {*shut}, apart)
    if unread is not None:
        unread += shut
    return len(tags)


def _list_bearing(services: Services, person_id: str) -> set[str]:
    """Every resource on which the person's name stands, as the index or the DAM has it."""
    with services.store.read() as conn:
        name = roster.labels(conn, [person_id]).get(person_id)  # None: another process has deleted them
        if name is None:
            return set()
        if not isinstance(services.dam, TellsHolders):
            return name_index.list_holders(services, conn, name)
    return set(services.dam.holders(name))


def list_tags(services: Services, person_id: str, origins: Iterable[str]) -> Sequence[PersonTag]:
    """The person's tags of these origins."""
    query = (
        select(t.tag, t.resource.c.ref)
        .join(t.resource, t.resource.c.id == t.tag.c.resource_id)
        .where(t.tag.c.person_id == person_id, t.tag.c.origin.in_(tuple(origins)))
    )
    with services.store.read() as conn:
        return conn.execute(query).all()


def list_touched(services: Services, person_id: str) -> list[str]:
    """Every resource on which we ever meant to write this person's name."""
    query = (
        select(t.resource.c.ref)
        .join(t.intent, t.intent.c.resource_id == t.resource.c.id)
        .where(t.intent.c.person_id == person_id, t.resource.c.deleted_at.is_(None))
        .distinct()
    )
    with services.store.read() as conn:
        return list(conn.scalars(query))


def read_back(
    services: Services, person_id: str, origins: frozenset[str], refs: set[str], apart: bool = False
) -> list[str]:
    """Look at these resources: what is there now is by hand, or we are not done. `apart`, returns: as `run_batches`.

    Those that still have the name, or on which the ledger says so, are entered again.
    """
    with services.store.read() as conn:
        label = roster.labels(conn, [person_id]).get(person_id, "")  # "": another process has deleted them
    ours = {row.ref for row in list_tags(services, person_id, origins - {"hand"})}
    key = name_key(label)

    def look(some: Sequence[str]) -> Failed[str]:
        answers = services.dam.names_on(some)
        failed: Failed[str] = []
        gone = [ref for ref in some if ref not in ours and not _stands(answers[ref], key)]
        _strike(services, key, gone)
        for ref in set(some) - set(gone):
            try:
                _check_answer(services, person_id, key, ref, answers[ref])
            except DamError as error:
                failed.append((ref, error))
        return failed

    return run_batches(sorted(refs), look, services.dam.at_once, apart)


def _stands(answer: Names | DamError, key: str) -> bool:
    """Whether the name stands there, as far as the DAM says."""
    return isinstance(answer, DamError) or any(name_key(named.node) == key for named in answer)


def _check_answer(services: Services, person_id: str, key: str, ref: str, answer: Names | DamError) -> None:
    """Raises DamError if the resource was not read, or a tag of ours is on it."""
    if isinstance(answer, ResourceGone):
        resources.forget(services, ref)
    elif isinstance(answer, DamError):
        raise answer
    else:
        _verify(services, person_id, key, ref)


def _strike(services: Services, key: str, refs: Sequence[str]) -> None:
    if refs and not isinstance(services.dam, TellsHolders):
        with services.store.write() as tx:
            ids = tx.connection.scalars(select(t.resource.c.id).where(t.resource.c.ref.in_(refs)))
            name_index.strike(services, tx, list(ids), key)


def _verify(services: Services, person_id: str, key: str, ref: str) -> None:
    """Raises DamError while a tag of ours is on the resource."""
    try:
        arrival = resources.enter(services, ref)
    except ResourceGone:
        resources.forget(services, ref)
        return
    with services.store.read() as conn:
        mine = (t.tag.c.resource_id == arrival.resource_id) & (t.tag.c.node_key == key)
        ours = conn.scalar(select(t.tag.c.origin).where(mine, t.tag.c.origin != "hand"))
        standing = roster.load(services, conn, person_id)
    if ours in find_origins(services, standing):
        raise DamError("a tag of ours still stands, or has come back: it will be taken out again")


def recompute(services: Services, person_id: str) -> int:
    """Recompute the clearances of every photograph on which the person is named, and our release statements."""
    ids = _list_resting(services, person_id)
    photo_answers.recompute_many(services, ids)
    _restate(services, person_id)
    return len(ids)


def _list_resting(services: Services, person_id: str) -> list[int]:
    meant = select(t.intent.c.resource_id).where(t.intent.c.person_id == person_id)
    with services.store.read() as conn:
        return sorted({*photo_answers.list_resources_naming(conn, person_id), *conn.scalars(meant)})


def _restate(services: Services, person_id: str) -> None:
    """Update the release statement in the files of this person's photographs, where it is wrong."""
    tags = list_tags(services, person_id, ("machine", "confirmed"))
    run_batches(tags, lambda rows: _restate_some(services, rows), services.dam.at_once)


def _restate_some(services: Services, rows: Sequence[PersonTag]) -> Failed[PersonTag]:
    by_intent: dict[int, PersonTag] = {}
    for some in chunked(rows, intents.CHUNK):
        with services.store.read() as conn:
            stale = _find_stale(services, conn, some)
        with services.store.write() as tx:
            found = intents.pending(tx.connection, [row.resource_id for row in stale], "release")
            fresh = [row for row in stale if (row.resource_id, row.person_id) not in found]
            wanted = [
                intents.NewIntent(row.resource_id, row.person_id, row.node, "release", row.origin, frozenset())
                for row in fresh
            ]
            made = dict(zip(intents.propose_many(services, tx, wanted), fresh, strict=True))
        by_intent |= made | {found[key]: row for row in stale if (key := (row.resource_id, row.person_id)) in found}
    failed = intents.carry_out_many(services, list(by_intent))
    return [(by_intent[intent], error) for intent, error in failed.items()]


def _find_stale(services: Services, conn: Connection, rows: Sequence[PersonTag]) -> list[PersonTag]:
    """Those on whose resource another release statement should stand."""
    r, ids = t.resource.c, [row.resource_id for row in rows]
    stated = {row.id: row.released for row in conn.execute(select(r.id, r.released).where(r.id.in_(ids)))}
    wanted = release_statement.of_many(services, conn, dict.fromkeys(ids, release_statement.Change()))
    return [row for row in rows if stated.get(row.resource_id) != wanted[row.resource_id]]


def handle_recompute(services: Services, job: ClaimedJob) -> None:
    """A grant was given or changed: recompute what rests on it. The job's key is the person's id."""
    recompute(services, job.key)
    with services.store.write() as tx:
        services.queue.finish(tx, job)


def list_by_hand(services: Services, person_id: str) -> list[str]:
    """The resources on which an ended person is still named by hand: for the editor to decide."""
    return [row.ref for row in list_tags(services, person_id, ("hand",))]
