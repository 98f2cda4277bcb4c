"""Collects what is held on a person besides quitclaims and tags, for an export (GDPR Art. 15)."""

import json
from datetime import UTC, date, datetime

from sqlalchemy import Connection, Executable, select

from plugin.flows.collections import shoots
from plugin.flows.common import reference_sets
from plugin.flows.common.services import Services
from plugin.ledger import tables as t

Rows = list[dict[str, object]]


def collect(services: Services, conn: Connection, person_id: str, own: bool) -> dict[str, Rows]:
    """Guardians, links, letters, requests, evidence, pictures, faces, rejections and shoots, each as plain rows.

    `own`: for the person, without what rests on unvouched pictures. Neither tokens of links, words of letters nor
    bytes of evidence: those are on the person's page, or at the desk.
    """
    return {
        "guardians": _guardians(services, conn, person_id),
        "invitations": _invitations(conn, person_id),
        "mails": _mails(conn, person_id),
        "requests": _requests(services, conn, person_id),
        "evidence": _evidence(services, conn, person_id),
        "shoots": _shoots(conn, person_id),
        "reference_sets": _sets(conn, person_id, own),
        "faces": _faces(conn, person_id, own),
        "not_this_person": _rejections(conn, person_id, own),
    }


def list_photographs(conn: Connection, person_id: str, own: bool) -> Rows:
    """Where the name is and who put it there; for the staff also whether it rests on vouched pictures."""
    mine = (
        select(t.resource.c.ref.label("resource"), t.tag.c.origin.label("tag"))
        .join(t.tag, t.tag.c.resource_id == t.resource.c.id)
        .join(t.person, t.person.c.id == t.tag.c.person_id)
        .where(t.tag.c.person_id == person_id)
        .order_by(t.resource.c.ref)
    )
    if own:
        return _rows(conn, mine.where(reference_sets.is_theirs_to_see()))
    return _rows(conn, mine.add_columns(reference_sets.is_theirs_to_see().label("vouched")))


def to_json(data: object) -> str:
    """JSON text: of an export wherever it is handed out, and of whatever a command prints.

    Moments in ISO 8601 and UTC, days, and sets as sorted lists.
    """
    return json.dumps(data, ensure_ascii=False, indent=2, default=_plain)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return sorted(value) if isinstance(value, frozenset | set) else str(value)


def _rows(conn: Connection, query: Executable) -> Rows:
    return [dict(row) for row in conn.execute(query).mappings()]


def _guardians(services: Services, conn: Connection, person_id: str) -> Rows:
    found = services.vault.find(conn, person_id, "guardian")
    query = select(t.sealed.c.id, t.sealed.c.subject).where(t.sealed.c.id.in_(found))
    return [{"id": row.subject} | json.loads(services.vault.open(conn, row.id)) for row in conn.execute(query)]


def _invitations(conn: Connection, person_id: str) -> Rows:
    c = t.invitation.c
    made = (c.id, c.kind, c.guardian_id, c.language, c.by_mail, c.created_at, c.created_by, c.expires_at)
    query = select(*made, c.uses, c.used_at, c.revoked_at, c.reminded)
    return _rows(conn, query.where(c.person_id == person_id).order_by(c.created_at))


def _mails(conn: Connection, person_id: str) -> Rows:
    c = t.mail.c
    columns = (c.kind, c.data, c.language, c.state, c.created_at, c.finished_at)
    return _rows(conn, select(*columns).where(c.person_id == person_id).order_by(c.created_at))


def _requests(services: Services, conn: Connection, person_id: str) -> Rows:
    c = t.request.c
    columns = (c.kind, c.asked_at, c.asked_by, c.due_on, c.decided_at, c.outcome, c.reason)
    rows = conn.execute(select(*columns).where(c.person_id == person_id).order_by(c.asked_at)).mappings()
    texts = services.texts(conn)
    return [dict(row) | {"reason": texts.read(row["reason"], "request.reason", person_id) or None} for row in rows]


def _evidence(services: Services, conn: Connection, person_id: str) -> Rows:
    """The evidence of each signature: file name, size in bytes, since when."""
    c = t.sealed.c
    query = select(c.id, c.subject, c.created_at).where(c.person_id == person_id, c.kind == "evidence")
    found = []
    for row in conn.execute(query.order_by(c.created_at, c.id)).all():
        name, _, body = services.vault.open(conn, row.id).partition(b"\0")
        file = {"name": name.decode(errors="replace"), "bytes": len(body)}
        found.append({"quitclaim": row.subject, **file, "since": row.created_at})
    return found


def _sets(conn: Connection, person_id: str, own: bool) -> Rows:
    """The acts in which pictures came. Their sender must not learn whom they resemble, nor what the staff decided."""
    c = t.reference_set.c
    columns = (c.added_at, c.ended_at) if own else tuple(column for column in c if column is not c.person_id)
    return _rows(conn, select(*columns).where(c.person_id == person_id).order_by(c.added_at))


def _faces(conn: Connection, person_id: str, own: bool) -> Rows:
    c = t.face.c
    box = (c.left, c.top, c.width, c.height)
    columns = (t.resource.c.ref, c.state, *box, c.distance, c.engine, c.decided_at)
    joined = select(*columns).join(t.resource, t.resource.c.id == c.resource_id).where(c.person_id == person_id)
    sound = reference_sets.is_sound(c.set_id) & (c.set_id.is_not(None) | (c.state == "matched"))
    if own:
        return _rows(conn, joined.where(sound).order_by(t.resource.c.ref))
    return _rows(conn, joined.add_columns(sound.label("vouched")).order_by(t.resource.c.ref))


def _rejections(conn: Connection, person_id: str, own: bool) -> Rows:
    """Where the name was removed. A suggestion may have come from pictures of somebody else: not theirs to read."""
    c = t.rejection.c
    joined = select(t.resource.c.ref, c.at).join(t.resource, t.resource.c.id == c.resource_id)
    query = joined.where(c.person_id == person_id).order_by(c.at)
    doubtful = [row.added_at for row in reference_sets.list_of(conn, person_id) if not reference_sets.is_vouched(row)]
    if own and doubtful:
        query = query.where(c.by.in_(("person", "guardian")) | (c.at < min(doubtful)))
    return _rows(conn, query)


def _shoots(conn: Connection, person_id: str) -> Rows:
    return [{"collection_ref": ref, "today": today} for ref, today in shoots.of_person(conn, person_id).items()]
