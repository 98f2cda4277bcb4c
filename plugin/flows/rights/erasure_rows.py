"""Deletes every row of a person's after the DAM has been cleaned: photograph by photograph, then the rest at once."""

from collections.abc import Callable, Collection, Sequence

from sqlalchemy import ColumnElement, Connection, Table, delete, func, select, union

from plugin.flows.clearance import photo_answers
from plugin.flows.common import face_rows
from plugin.flows.common.batches import chunked
from plugin.flows.common.services import Services
from plugin.flows.rights import dam_leftovers
from plugin.flows.tags import removed_names
from plugin.ledger import tables as t
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx
from plugin.quitclaim.consent.model import name_key

Kinds = list[tuple[str, Table, ColumnElement[bool]]]


def count(conn: Connection, person_id: str, name: str) -> dict[str, int]:
    """How many rows of each kind will be deleted."""
    kinds = [("faces unnamed", t.face, t.face.c.person_id == person_id)]
    kinds += [*_list_on_photographs(person_id, name), *_list_others(person_id), ("jobs", t.job, _is_asked(person_id))]
    return {kind: conn.scalar(select(func.count()).select_from(table).where(held)) or 0 for kind, table, held in kinds}


def list_photographs(conn: Connection, person_id: str, name: str, most: int | None = None) -> list[int]:
    """The first so many ids of photographs that still have rows of the person's."""
    where = [(t.face, t.face.c.person_id == person_id)]
    where += [(table, mine) for _, table, mine in _list_on_photographs(person_id, name)]
    found = union(*(select(table.c.resource_id).where(mine) for table, mine in where)).subquery()
    query = select(found.c.resource_id).order_by(found.c.resource_id)
    return list(conn.scalars(query if most is None else query.limit(most)))


def clear_photographs(
    services: Services, person_id: str, name: str, still: Collection[str], beat: Callable[[], None]
) -> None:
    """Photograph by photograph, in short writes: remove what names the person, and recompute clearances.

    `still`: resources that have the name in the DAM all the same.
    """
    while True:
        with services.store.read() as conn:
            ids = list_photographs(conn, person_id, name, photo_answers.PORTION)
        if not ids:
            break
        with services.store.write() as tx:
            _clear(services, tx, person_id, name, still, ids)
        beat()
    for some in chunked(sorted(still), photo_answers.PORTION):
        with services.store.write() as tx:
            photo_answers.recompute(services, tx, dam_leftovers.distrust(tx, some))


def delete_rows(services: Services, person_id: str, name: str, still: Collection[str], tags: int) -> bool:
    """Delete all else, and rows of photographs added meanwhile. The log has the number of tags, and where names stay.
    False if another process has deleted the person meanwhile."""
    with services.store.read() as conn:
        jobs = _jobs(conn, person_id)
    with services.store.write() as tx:
        _clear(services, tx, person_id, name, still, list_photographs(tx.connection, person_id, name))
        tx.execute(delete(t.cut).where(t.cut.c.person_id == person_id))
        tx.execute(delete(t.job).where(jobs))
        gone = [tx.execute(delete(table).where(where)).rowcount for _, table, where in _list_others(person_id)]
        tx.audit(Action.ERASURE_RUN, "system", finished=True, tags=tags, still_named=len(still))
    return bool(gone[-1])


def _clear(services: Services, tx: Tx, person_id: str, name: str, still: Collection[str], ids: Sequence[int]) -> None:
    """Remove everything about these photographs that names the person.

    Those that still have the name are made unknown in the same commit.
    """
    removed_names.note_gone(services, tx, person_id, ids)
    face_rows.unname(tx, person_id, None, t.face.c.resource_id.in_(ids))
    for _, table, where in _list_on_photographs(person_id, name):
        tx.execute(delete(table).where(where, table.c.resource_id.in_(ids)))
    refs = tx.connection.scalars(select(t.resource.c.ref).where(t.resource.c.id.in_(ids)))
    dam_leftovers.distrust(tx, set(still).intersection(refs))
    photo_answers.recompute(services, tx, ids)


def _list_on_photographs(person_id: str, name: str) -> Kinds:
    return [
        ("tags", t.tag, (t.tag.c.person_id == person_id) | (t.tag.c.node_key == name_key(name))),
        ("intents", t.intent, t.intent.c.person_id == person_id),
        ("rejections", t.rejection, t.rejection.c.person_id == person_id),
    ]


def _list_others(person_id: str) -> Kinds:
    links = select(t.invitation.c.id).where(t.invitation.c.person_id == person_id)
    return [
        ("nodes", t.dam_node, t.dam_node.c.person_id == person_id),
        ("shoots", t.shoot_person, t.shoot_person.c.person_id == person_id),
        ("codes", t.code, t.code.c.invitation_id.in_(links)),
        ("visits", t.visit, t.visit.c.person_id == person_id),
        ("awaited answers", t.awaited_answer, t.awaited_answer.c.person_id == person_id),
        ("addresses", t.address, t.address.c.person_id == person_id),
        ("reference sets", t.reference_set, t.reference_set.c.person_id == person_id),
        ("links", t.invitation, t.invitation.c.person_id == person_id),
        ("mails", t.mail, t.mail.c.person_id == person_id),
        ("requests", t.request, t.request.c.person_id == person_id),
        ("sealed items", t.sealed, t.sealed.c.person_id == person_id),
        ("grants", t.grant, t.grant.c.person_id == person_id),
        ("quitclaims", t.quitclaim, t.quitclaim.c.person_id == person_id),
        ("guardians", t.guardian, t.guardian.c.person_id == person_id),
        ("person", t.person, t.person.c.id == person_id),
    ]


def _is_asked(person_id: str) -> ColumnElement[bool]:
    return (t.job.c.key == person_id) & (t.job.c.kind != "erase")


def _jobs(conn: Connection, person_id: str) -> ColumnElement[bool]:
    """Existing ones by id, and whatever is added: a queue of a million is read before a write, not in it."""
    j = t.job.c
    numbers = list(conn.scalars(select(j.id).where(_is_asked(person_id))))
    last = conn.scalar(select(func.max(j.id))) or 0
    return _is_asked(person_id) & (j.id.in_(numbers) | (j.id > last))
