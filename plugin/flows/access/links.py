"""Links by which people without an account come in: to sign, to renew, for a shoot, by a key, or to their own page.

A link is *delivered* to one address, or handed over: shown to whoever made it. What a delivered link opens depends on
that address, checked at each use (`is_full`). A link is 256 random bits; the store holds only its SHA-256.
"""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from uuid import uuid4

from sqlalchemy import Connection, insert, select, update

from plugin.errors import ConfigError, LinkRefused
from plugin.flows.access.token_digest import digest
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.flows.people import addresses
from plugin.ledger import tables as t
from plugin.ledger.log.endings import LINK, Ending
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx
from plugin.ledger.tables.rows import InvitationRow as InvitationRow  # the sidecar types links by it

_TOKEN_BYTES = 32


class LinkKind(StrEnum):
    """What a link is for."""

    SIGN = "sign"
    RENEW = "renew"
    MAJORITY = "majority"
    SHOOT = "shoot"
    KEY = "key"
    PAGE = "page"


@dataclass(frozen=True)
class Link:
    """A link to be made.

    `lasts`: default is `signing.link_days`, or `signing.page_days` for a page. `address_id`: the address to which
    it is delivered, and to which alone it is shown. `quitclaim_id`: what a key opens. `may_replace`: whoever made
    it may end what is in force, so it may be signed in the place of that. `face_id`: the face of a photograph
    from which it was made.
    """

    kind: LinkKind
    language: str
    person_id: str | None = None
    form_id: str | None = None
    guardian_id: str | None = None
    collection_ref: str | None = None
    by_mail: bool = False
    most_uses: int | None = None
    lasts: timedelta | None = None
    address_id: str | None = None
    quitclaim_id: str | None = None
    may_replace: bool = False
    face_id: int | None = None


@dataclass(frozen=True)
class MadeLink:
    """The link's id, and its token: shown or mailed once, never kept."""

    id: str
    token: str


def make(services: Services, tx: Tx, link: Link, actor: str) -> MadeLink:
    """Store a link in the caller's transaction, with its audit row."""
    made = MadeLink(uuid4().hex, secrets.token_urlsafe(_TOKEN_BYTES))
    signing = services.config.signing
    days = signing.page_days if link.kind is LinkKind.PAGE else signing.link_days
    tx.execute(
        insert(t.invitation).values(
            id=made.id, kind=link.kind.value, token_sha256=digest(made.token), form_id=link.form_id,
            person_id=link.person_id, guardian_id=link.guardian_id, collection_ref=link.collection_ref,
            language=link.language, by_mail=link.by_mail, created_at=tx.now, created_by=actor,
            expires_at=tx.now + (link.lasts or timedelta(days=days)), most_uses=link.most_uses,
            address_id=link.address_id, quitclaim_id=link.quitclaim_id, may_replace=link.may_replace,
            face_id=link.face_id,
        )
    )  # fmt: skip
    subject = roster.subject(services, tx, link.person_id) if link.person_id else None
    tx.audit(Action.LINK_MAKE, actor, subject=subject, link=made.id, kind=link.kind.value)
    return made


def find_open(services: Services, token: str) -> InvitationRow:
    """The link that the token opens now. Raises LinkRefused with as much of the cause as a holder may know."""
    with services.store.read() as conn:
        row = conn.execute(select(t.invitation).where(t.invitation.c.token_sha256 == digest(token))).first()
    if row is None:
        raise LinkRefused("unknown")
    return require_usable(services, row)


def require_usable(services: Services, row: InvitationRow) -> InvitationRow:
    """The row itself while the link may be used. Raises LinkRefused (revoked, expired, used)."""
    if row.revoked_at is not None:
        raise LinkRefused("revoked")
    if row.expires_at <= services.clock.now():
        raise LinkRefused("expired")
    if row.most_uses is not None and row.uses >= row.most_uses:
        raise LinkRefused("used")
    return row


def find_usable(services: Services, link_id: str) -> InvitationRow:
    """The link that a session was opened with, while it may be used. Raises LinkRefused."""
    with services.store.read() as conn:
        row = conn.execute(select(t.invitation).where(t.invitation.c.id == link_id)).first()
    if row is None:
        raise LinkRefused("unknown")
    return require_usable(services, row)


def count_use(services: Services, tx: Tx, link_id: str) -> None:
    """Count one use, in the transaction of what it was used for. Raises LinkRefused if none is left."""
    row = tx.execute(select(t.invitation).where(t.invitation.c.id == link_id)).first()
    if row is None:
        raise LinkRefused("unknown")
    require_usable(services, row)
    this = t.invitation.c.id == link_id
    tx.execute(update(t.invitation).where(this).values(uses=t.invitation.c.uses + 1, used_at=tx.now))
    if row.most_uses is not None and row.uses + 1 >= row.most_uses:
        _log_end(services, tx, link_id)


def revoke(services: Services, tx: Tx, link_id: str, actor: str) -> None:
    """Revoke the link."""
    this = (t.invitation.c.id == link_id) & t.invitation.c.revoked_at.is_(None)
    if tx.execute(update(t.invitation).where(this).values(revoked_at=tx.now)).rowcount:
        tx.audit(Action.LINK_REVOKE, actor, link=link_id)
        _log_end(services, tx, link_id)


def _log_end(services: Services, tx: Tx, link_id: str) -> None:
    """Log the end, so that no restored copy of the store opens the link again.

    Call it last: a form that is refused in its last step leaves the link as it was.
    """
    services.ended.append(tx, Ending("", link_id, tx.now, LINK))


def is_full(services: Services, conn: Connection, link: InvitationRow) -> bool:
    """Whether it was delivered to an address that opens the full page now: confirmed, and still on file."""
    return addresses.opens_page(services, conn, link.address_id)


def revoke_page_links(services: Services, tx: Tx, person_id: str, actor: str) -> int:
    """Revoke every link to the person's page, and those to renew; returns how many.

    A link to renew counts: whoever signs by it is on the page again.
    """
    return sum(revoke_all(services, tx, person_id, one, actor) for one in (LinkKind.PAGE, LinkKind.RENEW, LinkKind.KEY))


def revoke_all(services: Services, tx: Tx, person_id: str, kind: LinkKind, actor: str, but: str | None = None) -> int:
    """Revoke the person's links of this kind, except `but`; returns how many."""
    open_ = (
        (t.invitation.c.person_id == person_id)
        & (t.invitation.c.kind == kind.value)
        & t.invitation.c.revoked_at.is_(None)
        & (t.invitation.c.expires_at > tx.now)
    )
    found = [one for one in tx.connection.scalars(select(t.invitation.c.id).where(open_)) if one != but]
    for link_id in found:
        revoke(services, tx, link_id, actor)
    return len(found)


def url(services: Services, token: str) -> str:
    """The address to hand over. Raises ConfigError while `server.public_url` is not set."""
    base = services.config.server.public_url
    if not base:
        raise ConfigError("server.public_url: give the address under which people reach FaceLease")
    return f"{base}/s/{token}"
