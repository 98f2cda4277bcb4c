"""Visits of people who came in by a link: one row each, deleted when the visit ends.

The browser holds the visit's token, 256 random bits. The store holds its SHA-256, and the visit's memory sealed under
a key derived from the token: neither the cookie nor a copy of the store is enough alone.
"""

import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import ColumnElement, and_, case, delete, func, insert, or_, select, update

from plugin.flows.access.links import LinkKind
from plugin.flows.access.token_digest import digest
from plugin.flows.common.batches import in_short_writes
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx
from plugin.ledger.tables.rows import InvitationRow, VisitRow

TOKEN_BYTES = 32
MAX_OPEN = 30
"""How many visits by one link may be open at once: who opens a link again and again fills no table."""
MAX_OPEN_AT_A_SHOOT = 10_000
"""The same of a link that many people share."""

_FORMS = frozenset(kind.value for kind in (LinkKind.SIGN, LinkKind.RENEW, LinkKind.MAJORITY, LinkKind.SHOOT))
_SEEN_SHARE = 30  # a page moves `seen_at` once in this part of the idle time: not every request is a write
_NONCE = 12
_AT_ONCE = 200
_VERSION = 1  # of the sealed form


@dataclass(frozen=True)
class NewVisit:
    """A visit that began: its token goes to the browser and is not stored."""

    token: str
    link_id: str


@dataclass(frozen=True)
class Visit:
    """A visit, and what it remembers. `over`: its link opens no more, which a page may say; nothing else is shown."""

    link_id: str
    memory: bytes
    over: bool


def begin(services: Services, link_id: str, memory: bytes, device: str = "") -> NewVisit:
    """Open a visit by this link. Where too many are open, delete one that nobody came back to."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    with services.store.write() as tx:
        link = tx.execute(select(t.invitation).where(t.invitation.c.id == link_id)).one()
        _make_room(tx, link)
        ends = tx.now + timedelta(hours=services.config.signing.visit_hours)
        new = insert(t.visit).values(id_sha256=digest(token), invitation_id=link.id, person_id=link.person_id)
        new = new.values(full=link.kind == LinkKind.PAGE.value, created_at=tx.now, seen_at=tx.now)
        new = new.values(expires_at=min(ends, link.expires_at), device=device, version=_VERSION)
        tx.execute(new.values(body=_seal(token, link.id, memory)))
    return NewVisit(token, link_id)


def _make_room(tx: Tx, link: InvitationRow) -> None:
    mine = t.visit.c.invitation_id == link.id
    most = MAX_OPEN_AT_A_SHOOT if link.person_id is None else MAX_OPEN
    over = (tx.connection.scalar(select(func.count()).where(mine)) or 0) - most + 1
    if over > 0:
        came_back = case((t.visit.c.seen_at > t.visit.c.created_at, 1), else_=0)
        first = select(t.visit.c.id_sha256).where(mine).order_by(came_back, t.visit.c.seen_at).limit(over)
        tx.execute(delete(t.visit).where(t.visit.c.id_sha256.in_(first)))


def find(services: Services, token: str) -> Visit | None:
    """The visit that the token opens now; None if it ended, was idle too long, or never was."""
    now, id_ = services.clock.now(), digest(token)
    query = (
        select(t.visit, t.invitation.c.kind, t.invitation.c.revoked_at, t.invitation.c.expires_at.label("link_ends"))
        .join(t.invitation, t.invitation.c.id == t.visit.c.invitation_id)
        .where(t.visit.c.id_sha256 == id_)
    )
    with services.store.read() as conn:
        row = conn.execute(query).first()
    if row is None:
        return None
    over = row.revoked_at is not None or now >= row.link_ends
    if not over and (now >= row.expires_at or now - row.seen_at >= idle_limit(services, row.kind)):
        return None
    memory = _open(token, row)
    if memory is None:
        return None
    if not over and _is_note_due(row, idle_limit(services, row.kind), now):
        services.store.note(update(t.visit).where(t.visit.c.id_sha256 == id_).values(seen_at=now))
    return Visit(row.invitation_id, memory, over)


def idle_limit(services: Services, kind: str) -> timedelta:
    """How long a visit may be idle: minutes on somebody's page, a day on a form."""
    signing = services.config.signing
    return timedelta(hours=signing.visit_hours) if kind in _FORMS else timedelta(minutes=signing.idle_minutes)


def _is_note_due(row: VisitRow, idle: timedelta, now: datetime) -> bool:
    """Whether it is time to note that the visit is in use; that somebody came back is noted at once."""
    first = row.seen_at == row.created_at and now > row.created_at
    return first or now - row.seen_at > idle / _SEEN_SHARE


def save(services: Services, token: str, memory: bytes, patience: float | None = None) -> None:
    """Store the visit's memory; a visit that ended in the meantime stays ended. `patience`: as for Store.write."""
    with services.store.write(patience=patience) as tx:
        this = t.visit.c.id_sha256 == digest(token)
        link_id = tx.connection.scalar(select(t.visit.c.invitation_id).where(this))
        if link_id is not None:
            sealed = {"body": _seal(token, link_id, memory), "version": _VERSION, "seen_at": tx.now}
            tx.execute(update(t.visit).where(this).values(sealed))


def end(services: Services, token: str) -> None:
    """End the visit, wherever its cookie is. Idempotent."""
    with services.store.write() as tx:
        end_in(services, tx, t.visit.c.id_sha256 == digest(token), "visitor")


def end_in(services: Services, tx: Tx, which: ColumnElement[bool], actor: str) -> int:
    """End these visits in the caller's transaction, with one audit row; returns how many there were."""
    ended = tx.execute(delete(t.visit).where(which)).rowcount
    if ended:
        tx.audit(Action.VISIT_END, actor, visits=ended)
    return ended


def is_over(services: Services, now: datetime) -> ColumnElement[bool]:
    """Selects visits that expired, or were idle too long."""
    signing = services.config.signing
    rested = now - timedelta(minutes=signing.idle_minutes)
    page = t.visit.c.invitation_id.not_in(select(t.invitation.c.id).where(t.invitation.c.kind.in_(_FORMS)))
    return or_(t.visit.c.expires_at <= now, and_(page, t.visit.c.seen_at <= rested))


def prune(services: Services) -> int:
    """Delete the rows of visits that are over; returns how many."""
    count = 0

    def go(tx: Tx, some: Sequence[str]) -> None:
        nonlocal count
        mine = t.visit.c.id_sha256.in_(some) & is_over(services, tx.now)
        count += tx.execute(delete(t.visit).where(mine)).rowcount

    with services.store.read() as conn:
        ids = list(conn.scalars(select(t.visit.c.id_sha256).where(is_over(services, services.clock.now()))))
    in_short_writes(services.store, ids, go, _AT_ONCE)
    return count


def _key(token: str) -> bytes:
    return HKDF(SHA256(), 32, None, b"facelease visit memory").derive(token.encode())


def _associated_data(token: str, link_id: str) -> bytes:
    return json.dumps(["facelease-visit", digest(token), link_id, _VERSION]).encode()


def _seal(token: str, link_id: str, memory: bytes) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(_key(token)).encrypt(nonce, memory, _associated_data(token, link_id))


def _open(token: str, row: VisitRow) -> bytes | None:
    """What the visit remembers; None where the row was changed, or moved to another link."""
    if row.body is None:
        return None
    try:
        nonce, sealed = row.body[:_NONCE], row.body[_NONCE:]
        return AESGCM(_key(token)).decrypt(nonce, sealed, _associated_data(token, row.invitation_id))
    except InvalidTag:
        return None
