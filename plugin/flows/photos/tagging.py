"""A photograph arrives: faces, consented matches, tags or suggestions.

Idempotent, wherever it is interrupted: what was found is stored in one transaction with its intents, and the intents
are carried out after it.
"""

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import select, update

from plugin.errors import DamError, GalleryStale, HouseClosed, ResourceGone, StoreError
from plugin.flows.clearance import photo_answers, policy_fingerprint
from plugin.flows.collections import modes
from plugin.flows.common import closed_house, face_rows, reference_sets, roster, valid_clearances
from plugin.flows.common.services import Services
from plugin.flows.names import resources
from plugin.flows.names.resources import EnteredResource
from plugin.flows.photos import examination as photo_examination
from plugin.flows.photos import mode_change
from plugin.flows.rights import dam_leftovers
from plugin.flows.tags import intents
from plugin.ledger import tables as t
from plugin.ledger.queue.jobs import NIGHTLY, ClaimedJob
from plugin.ledger.store.audit import Action, Scalar
from plugin.ledger.store.store import Tx
from plugin.quitclaim.clearance.scope import Mode
from plugin.recognizer.examination.messages import Examination, FoundFace
from plugin.recognizer.matching.matching import WhySuggested

_CLOSED_DELAY = timedelta(minutes=1)
_TRIES = 5  # a gallery that moves while a photo is examined: examine again, so often at the most


def handle_photo(services: Services, job: ClaimedJob) -> None:
    """Examine one photograph and tag it; the job's key is the resource's ref. In a closed house it waits."""
    intents.recover(services, t.intent.c.resource_id == resources.find_number(services, job.key))
    _carry_out(services, job, _examine)


def handle_names(services: Services, job: ClaimedJob) -> None:
    """Only names may have changed; a file that was never examined is examined all the same."""
    intents.recover(services, t.intent.c.resource_id == resources.find_number(services, job.key))
    _carry_out(services, job, _take_names)


def handle_comparison(services: Services, job: ClaimedJob) -> None:
    """The same after the content was read again, which finds a change that nothing else shows."""
    compare_photo(services, job.key)
    with services.store.write() as tx:
        services.queue.finish(tx, job)


def compare_photo(services: Services, ref: str) -> None:
    """Compare one photograph with the DAM. In a closed house one that was never examined is queued, and waits."""
    intents.recover(services, t.intent.c.resource_id == resources.find_number(services, ref))
    try:
        services.dam.read_anew(ref)
        _take_names(services, ref)
    except ResourceGone:
        resources.forget(services, ref)
    except HouseClosed:
        with services.store.write() as tx:
            services.queue.put(tx, "photo", ref, priority=NIGHTLY, delay=_CLOSED_DELAY)


def handle_gone(services: Services, job: ClaimedJob) -> None:
    """The DAM reports that a resource is deleted: forget it, unless it exists after all."""
    _carry_out(services, job, lambda services, ref: services.dam.look(ref))


def _carry_out(services: Services, job: ClaimedJob, story: Callable[[Services, str], object]) -> None:
    """Run the story and finish the job. In a closed house its photograph is queued again, and waits."""
    waits = False
    try:
        story(services, job.key)
    except ResourceGone:
        resources.forget(services, job.key)
    except HouseClosed:
        waits = True
    except DamError:
        if job.attempt >= services.config.jobs.attempts:
            dam_leftovers.give_up(services, job.key)
        raise
    with services.store.write() as tx:
        services.queue.finish(tx, job)
        if waits:
            services.queue.put(tx, "photo", job.key, job.payload, delay=_CLOSED_DELAY)


def _take_names(services: Services, ref: str) -> None:
    arrival = resources.enter(services, ref)
    if _is_examined(services, arrival):
        mode_change.remove_forbidden(services, arrival.resource_id)
        recompute(services, arrival.resource_id)
    else:
        _examine(services, ref)


def _is_examined(services: Services, arrival: EnteredResource) -> bool:
    with services.store.read() as conn:
        query = select(policy_fingerprint.is_examined(services)).where(t.resource.c.id == arrival.resource_id)
        examined = conn.execute(query).scalar_one()
    return bool(examined or arrival.scope.mode in {Mode.OFF, Mode.NEVER})


def _examine(services: Services, ref: str) -> None:
    for _ in range(_TRIES):
        arrival = resources.enter(services, ref)
        with services.store.read() as conn:
            closed_house.refuse_in(services, conn)
        try:
            examination, reason = photo_examination.examine(services, arrival)
        except GalleryStale:
            continue
        landed = _store_examination(services, arrival, examination, reason)
        if landed is not None:
            for intent_id in landed:
                intents.carry_out(services, intent_id)
            mode_change.remove_forbidden(services, arrival.resource_id)
            recompute(services, arrival.resource_id)
            return
    raise StoreError("the gallery moved each time this photograph was examined: it will be tried again")


def _store_examination(
    services: Services, arrival: EnteredResource, examination: Examination | None, reason: str
) -> list[int] | None:
    """Store faces, suggestions and intents in one transaction; None when it must be examined again."""
    with services.store.write() as tx:
        if examination is None:
            return _store_not_examined(services, tx, arrival, reason)
        if examination.compared and tx.generation() != arrival.generation:
            return None
        closed_house.refuse_in(services, tx.connection)
        if modes.scope_of(services, tx.connection, arrival.resource_id) != arrival.scope:
            return None
        if not _is_unchanged(tx, arrival):
            return None
        resource = arrival.resource
        valid_clearances.apply_cuts(tx, [arrival.resource_id])
        open_ = face_rows.merge(tx, arrival.resource_id, resource.file_version, examination.faces, examination.engine)
        opened = [_decide(services, tx, arrival, face_id, face, examination.engine) for face_id, face in open_]
        opened += _propose_removals(services, tx, arrival)
        _store_examined(services, tx, arrival, examination)
        engine, mode = examination.engine, arrival.scope.mode.value
        counts = {"faces": len(examination.faces), "encoded": examination.encoded}
        about: dict[str, Scalar] = {**counts, "engine": engine, "mode": mode}
        tx.audit(Action.FACE_SCAN, intents.SYSTEM, None, arrival.resource_id, **about)
    return [intent for intent in opened if intent is not None]


def _is_unchanged(tx: Tx, arrival: EnteredResource) -> bool:
    """Whether the examined file is still the one in the ledger: a race with another process may have replaced it."""
    query = select(t.resource.c.file_version, t.resource.c.further)
    known = tx.execute(query.where(t.resource.c.id == arrival.resource_id)).one()
    told = arrival.resource.further
    return known.file_version == arrival.resource.file_version and told in {None, known.further}


def _store_not_examined(services: Services, tx: Tx, arrival: EnteredResource, reason: str) -> list[int]:
    not_looked_at = {"examined": "no", "examined_reason": reason, "examined_at": tx.now}
    tx.execute(update(t.resource).where(t.resource.c.id == arrival.resource_id).values(**not_looked_at))
    if arrival.scope.mode not in {Mode.OFF, Mode.NEVER}:
        return []
    face_rows.forget_suggestions(tx, arrival.resource_id)
    replaced = face_rows.drop(tx, arrival.resource_id, but=arrival.resource.file_version)
    return _propose_removals(services, tx, arrival) if replaced else []


def _store_examined(services: Services, tx: Tx, arrival: EnteredResource, examination: Examination) -> None:
    tx.execute(
        update(t.resource)
        .where(t.resource.c.id == arrival.resource_id)
        .values(
            examined="whole" if examination.whole else "partly",
            examined_reason=examination.note or None,
            examined_at=tx.now,
            engine=examination.engine,
            matched=examination.compared,
            matched_generation=arrival.generation if examination.compared else 0,
            longest_px=max(examination.width, examination.height),
            looked_px=services.config.clearance.recognisable_px,
        )
    )


def _decide(
    services: Services, tx: Tx, arrival: EnteredResource, face_id: int, face: FoundFace, engine: str
) -> int | None:
    """Match, suggest or leave one face; returns the intent of a match that must be written."""
    before = tx.execute(select(t.face).where(t.face.c.id == face_id)).one()
    level, set_id, why = _find_ground(services, tx, arrival, face_id, face)
    if face.key is None or level is None:
        if before.state == "suggested":
            face_rows.set_state(tx, face_id, "unmatched")
        return None
    if level == "suggest":
        if (before.state, before.person_id, before.set_id) != ("suggested", face.key, set_id):
            face_rows.set_state(
                tx,
                face_id,
                "suggested",
                face.key,
                distance=face.distance,
                thresholds=(face.thresholds or {}) | {"why": why},
                engine=engine,
                created_at=tx.now,
                set_id=set_id,
            )
        return None
    face_rows.set_state(tx, face_id, "matched", face.key, engine=engine, set_id=set_id)
    return propose_tag(services, tx, arrival, face.key, "machine", face_id, set_id=set_id)


_NONE: tuple[None, None, list[str]] = (None, None, [])


def _find_ground(
    services: Services, tx: Tx, arrival: EnteredResource, face_id: int, face: FoundFace
) -> tuple[str | None, str | None, list[str]]:
    """The level allowed for this match, the reference set it rests on, checked again inside the transaction, and why it
    is no more than a suggestion (`WhySuggested`).

    The generation has not moved since the comparison, so the set is the one that it was compared with.
    """
    if face.key is None or face.level is None:
        return _NONE
    rests = reference_sets.find_compared(tx.connection, [face.key]).get(face.key)
    if rests is None:
        return _NONE
    standing = roster.load_many(services, tx.connection, [face.key]).get(face.key)
    if standing is None or standing.recognition(tx.now) is None:
        return _NONE
    if not modes.allows(arrival.scope, face.key, "suggest"):
        return _NONE
    if face_rows.find_other_match(tx, arrival.resource_id, face.key, face_id) is not None:
        return _NONE
    allowed = {
        WhySuggested.DECLARED: reference_sets.is_vouched(rests),
        WhySuggested.MODE: modes.allows(arrival.scope, face.key, "auto"),
        WhySuggested.AGE: standing.may_auto(tx.now),
    }
    why = [one.value for one, holds in allowed.items() if not holds]
    if face.level == "auto" and not why:
        return "auto", rests.id, []
    return "suggest", rests.id, [one.value for one in face.why if one is not WhySuggested.ASKED] + why


def propose_tag(
    services: Services,
    tx: Tx,
    arrival: EnteredResource,
    person_id: str,
    origin: str,
    face_id: int,
    actor: str = "system",
    set_id: str | None = None,
) -> int | None:
    """Propose the intent to write a person's name on the resource; None if it is there already."""
    person = tx.execute(select(t.person).where(t.person.c.id == person_id)).one()
    places = intents.places_without(services, arrival.resource, person.display_name)
    if not places:
        return None
    name = person.display_name
    add = intents.NewIntent(arrival.resource_id, person_id, name, "add", origin, places, face_id, set_id)
    return intents.propose(services, tx, add, actor)


def _propose_removals(services: Services, tx: Tx, arrival: EnteredResource) -> list[int]:
    """Remove machine tags without a face in the picture any more, because the file was replaced."""
    f = t.face.c
    matched = (f.state == "matched") & f.person_id.is_not(None)
    shown = select(f.person_id).where(f.resource_id == arrival.resource_id, matched)
    query = select(t.tag).where(
        t.tag.c.resource_id == arrival.resource_id, t.tag.c.origin == "machine", t.tag.c.person_id.not_in(shown)
    )
    proposed = []
    for row in tx.execute(query).all():
        where = (arrival.resource_id, row.person_id, row.node)
        removal = intents.NewIntent(*where, "remove", "machine", frozenset(row.places))
        proposed.append(intents.propose(services, tx, removal))
    return proposed


def recompute(services: Services, resource_id: int) -> None:
    """Recompute the stored clearances of one resource."""
    photo_answers.recompute_many(services, [resource_id])
