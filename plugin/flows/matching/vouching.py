"""An account vouches that pictures which came by a link show the person, or refuses them.

The photograph under review does not prove it, and neither does a name on a list.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, select, update

from plugin.errors import ConsentError, NotFound
from plugin.flows.clearance import photo_answers
from plugin.flows.common import reference_sets, roster
from plugin.flows.common.batches import run_batches
from plugin.flows.common.services import Services
from plugin.flows.consent import cuts
from plugin.flows.matching import declared_sets
from plugin.flows.people import accounts, acknowledgement, resemblance
from plugin.flows.people.resemblance import NONE_OPEN, OpenTemplates
from plugin.flows.tags import removals
from plugin.flows.tags.removals import PersonTag
from plugin.ledger import tables as t
from plugin.ledger.queue.jobs import ClaimedJob
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx
from plugin.ledger.tables.rows import ReferenceSetRow

BY_SIGHT = ("met", "badge", "personnel")
"""What an account can say of itself: it met the person, saw a badge, or has the picture of the personnel file."""
PHOTOGRAPHS = "photographs"
REFUSED, SUGGESTED = "refused", "vouched"
"""The jobs that follow: names that rest on a refused set go, suggestions by one that is vouched for are looked at."""

_SET = t.reference_set.c


def vouch(services: Services, set_id: str, how: str, actor: str) -> None:
    """The account knows by `how` (BY_SIGHT) that the set shows the person.

    It replaces the set before, and the photographs that rest on it are recomputed. Raises ConsentError if this
    account may not vouch, NotFound if no such set waits.
    """
    others = resemblance.open_templates(services)
    with services.store.write() as tx:
        _vouch(services, tx, _find_waiting(tx, set_id), _check_how(how), actor, others)


def vouch_in(
    services: Services,
    tx: Tx,
    row: ReferenceSetRow,
    how: str,
    actor: str,
    *,
    matched: bool,
    others: OpenTemplates = NONE_OPEN,
) -> str | None:
    """The same while a face is named; returns the set on which the name then rests.

    `matched`: the engine found this face by the set. If it did not, or the pictures are gone, the account vouches for
    no pictures: the name is its own knowledge.
    """
    known = _check_how(how)
    if matched and row.ended_at is None:
        _vouch(services, tx, row, known, actor, others)
        return row.id
    _refuse_stranger(actor)
    acknowledgement.acknowledge(services, tx, row.person_id, known, actor)
    return None


def confirm_proposals(services: Services, set_ids: Iterable[str], actor: str) -> int:
    """Vouch for many at once, by photographs, checking each again. Returns how many."""
    done, others = 0, resemblance.open_templates(services)
    for set_id in dict.fromkeys(set_ids):
        with services.store.write() as tx:
            if declared_sets.list_proposals(tx.connection, [set_id]):
                _vouch(services, tx, _find_waiting(tx, set_id), PHOTOGRAPHS, actor, others)
                done += 1
    return done


def refuse(services: Services, set_id: str, actor: str) -> None:
    """The set does not show the person: destroy it, and remove the names that rest on it.

    From this commit on nothing is valid that rests on it; jobs update rows and names in the DAM. Also for one that
    was vouched for by mistake, and one without pictures any more. Raises NotFound.
    """
    others = resemblance.open_templates(services)
    with services.store.write() as tx:
        _refuse_stranger(actor)
        row = reference_sets.find(tx.connection, set_id)
        if row is None or row.refused_at is not None:
            raise NotFound("no such reference pictures: load the page again")
        if row.ended_at is None:
            reference_sets.destroy(tx, row)
        said = {"refused_at": tx.now, "refused_by": actor}
        tx.execute(update(t.reference_set).where(_SET.id == set_id).values(**said))
        resemblance.release_near(services, tx, row.person_id, others)
        tx.move_generation()
        subject = roster.subject(services, tx, row.person_id)
        tx.audit(Action.REFERENCE_REFUSE, actor, subject=subject, set=set_id)
        cuts.add(services, tx, row.person_id, set_id=set_id)
        services.queue.put(tx, REFUSED, set_id, {"by": actor}, priority=1)


def _check_how(how: str) -> str:
    if how not in BY_SIGHT:
        raise ConsentError(
            f"say how the face is known: {', '.join(BY_SIGHT)}; a photograph under review is no such knowledge"
        )
    return how


def _refuse_stranger(actor: str) -> None:
    """Only a person of the staff may vouch: a program has never met anybody."""
    if not accounts.is_account(actor) or actor.startswith("api:"):
        raise ConsentError("whether pictures show a person is for somebody of the staff to say, by their own account")


def _find_waiting(tx: Tx, set_id: str) -> ReferenceSetRow:
    row = tx.execute(select(t.reference_set).where(_SET.id == set_id, declared_sets.DECLARED)).first()
    if row is None:
        raise NotFound("these pictures wait for nobody any more: they were vouched for, replaced or destroyed")
    return row


def _vouch(services: Services, tx: Tx, row: ReferenceSetRow, how: str, actor: str, others: OpenTemplates) -> None:
    _refuse_stranger(actor)
    for other in reference_sets.list_of(tx.connection, row.person_id):
        if other.id != row.id and other.ended_at is None:
            reference_sets.end_set(tx, other)
    said = {"vouched_at": tx.now, "vouched_by": actor, "vouched_how": how, "near_id": None}
    tx.execute(update(t.reference_set).where(_SET.id == row.id).values(**said))
    resemblance.hold_near(services, tx, row.id, others)
    tx.move_generation()
    subject = roster.subject(services, tx, row.person_id)
    own = accounts.is_same(actor, row.invited_by)
    tx.audit(Action.REFERENCE_VOUCH, actor, subject=subject, set=row.id, how=how, own_invitation=own)
    acknowledgement.acknowledge(services, tx, row.person_id, how, actor)
    services.queue.put(tx, "recompute", row.person_id)
    services.queue.put(tx, SUGGESTED, row.id, priority=6)


def handle_vouched(services: Services, job: ClaimedJob) -> None:
    """Queue the next photographs with suggestions by a set that is vouched for now; the job's key is its id."""
    with services.store.read() as conn:
        rows = _list_suggested(conn, job.key, job.payload.get("after", 0))
    with services.store.write() as tx:
        services.queue.finish(tx, job)
        for _, ref in rows:
            services.queue.put(tx, "photo", ref, priority=6)
        if len(rows) == photo_answers.PORTION:
            services.queue.put(tx, SUGGESTED, job.key, {"after": rows[-1][0]}, priority=6)


def _list_suggested(conn: Connection, set_id: str, after: int) -> Sequence[tuple[int, str]]:
    mine = select(_SET.person_id).where(_SET.id == set_id).scalar_subquery()
    face = (t.face.c.person_id == mine) & (t.face.c.state == "suggested") & (t.face.c.set_id == set_id)
    query = select(t.resource.c.id, t.resource.c.ref).join(t.face, t.face.c.resource_id == t.resource.c.id)
    there = query.where(face, t.resource.c.deleted_at.is_(None), t.resource.c.id > after).distinct()
    return conn.execute(there.order_by(t.resource.c.id).limit(photo_answers.PORTION)).all()


def handle_refused(services: Services, job: ClaimedJob) -> None:
    """Remove our names that rest on a refused set, until none is left; the job's key is the set's id."""
    with services.store.read() as conn:
        refused = reference_sets.find(conn, job.key)
        rows = [] if refused is None else _list_ours(conn, refused)
    run_batches(rows, lambda some: removals.remove(services, some, job.payload["by"]), services.dam.at_once)
    with services.store.write() as tx:
        services.queue.finish(tx, job)
        if refused is not None:
            services.queue.put(tx, "recompute", refused.person_id)


def _list_ours(conn: Connection, refused: ReferenceSetRow) -> list[PersonTag]:
    query = select(t.tag, t.resource.c.ref).join(t.resource, t.resource.c.id == t.tag.c.resource_id)
    mine = (t.tag.c.person_id == refused.person_id) & (t.tag.c.set_id == refused.id)
    return [row for row in conn.execute(query.where(mine).order_by(t.tag.c.id)) if row.places]
