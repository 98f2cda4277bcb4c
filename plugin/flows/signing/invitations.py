"""Invite people to sign: one of them by mail or by a link to hand over, or everybody at a shoot by one code.

Whoever signs up by the code of a shoot becomes a member of it; only members are looked for in its photographs.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypedDict

from sqlalchemy import ColumnElement, Connection, select

from plugin.errors import ConfigError, ConsentError, NotFound
from plugin.flows.access import links
from plugin.flows.access.links import Link, LinkKind, MadeLink
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.flows.mail import coming_of_age, form_store
from plugin.flows.mail.form_store import StoredForm
from plugin.flows.people import addresses, outbox, register
from plugin.ledger import tables as t
from plugin.ledger.store.store import Tx
from plugin.quitclaim.clearance.scope import Basis
from plugin.quitclaim.consent import rules
from plugin.quitclaim.consent.model import Person


@dataclass(frozen=True)
class InvitationRequest:
    """Whom to invite, and to which form.

    Either `person_id` or `collection_ref` (a shoot). `form`: a form's name, None for the only one in use. `language`:
    None is the person's own, for a shoot the site's. `guardian_id`: addressed to this guardian. `by_mail`: the link
    and the reminders are mailed. `may_replace`: the account may end what is in force anyway; other accounts may
    invite again only at a confirmed address. `face_id`: made from this face of a photograph.
    """

    person_id: str | None = None
    collection_ref: str | None = None
    form: str | None = None
    kind: LinkKind = LinkKind.SIGN
    language: str | None = None
    guardian_id: str | None = None
    by_mail: bool = False
    lasts: timedelta | None = None
    may_replace: bool = False
    face_id: int | None = None


def invite(services: Services, asked: InvitationRequest, actor: str) -> MadeLink:
    """Make the link, and queue its mail if `by_mail`, in one transaction.

    Raises NotFound, ConsentError if this person or shoot cannot be invited to the form, and ConfigError without mail.
    """
    stored = form_store.find_in_use(services, asked.form)
    if (asked.person_id is None) == (asked.collection_ref is None):
        raise ConsentError("an invitation is for one person or for one shoot: give the one or the other")
    with services.store.write() as tx:
        return invite_in(services, tx, asked, stored, actor)


def invite_in(services: Services, tx: Tx, asked: InvitationRequest, stored: StoredForm, actor: str) -> MadeLink:
    """As `invite`, with the form loaded, in the caller's transaction."""
    if asked.person_id is None:
        return _invite_to_shoot(services, tx, asked, stored, actor)
    person = roster.load(services, tx.connection, asked.person_id).person
    language = _check_language(stored, asked.language or person.language)
    if asked.guardian_id is not None:
        _refuse_stranger(services, tx, person, asked.guardian_id)
    to = asked.guardian_id or _find_addressee(services, tx, asked.person_id)
    if not asked.may_replace:
        _refuse_replacing(services, tx, asked.person_id, asked.by_mail, to, actor)
    if asked.by_mail and to is None and not coming_of_age.may_reach(services, tx.connection, person, tx.now):
        raise ConsentError(
            "the address is not this young person's own: enter one that no guardian gave, or hand the link over"
        )
    address_id = addresses.address_letter(services, tx, asked.person_id, to, actor) if asked.by_mail else None
    link = Link(asked.kind, language, asked.person_id, stored.id, to, by_mail=asked.by_mail, most_uses=1)
    link = replace(link, lasts=asked.lasts, address_id=address_id, may_replace=asked.may_replace, face_id=asked.face_id)
    made = links.make(services, tx, link, actor)
    if asked.by_mail:
        queue_mail(services, tx, asked.person_id, to, language, made)
    return made


def _refuse_replacing(services: Services, tx: Tx, person_id: str, by_mail: bool, to: str | None, actor: str) -> None:
    """Only the person, or an account that may end what is in force, may replace it: else a link would end it."""
    if not roster.load(services, tx.connection, person_id).unended(tx.now):
        return
    if by_mail and addresses.may_open_page(services, tx.connection, person_id, to, actor):
        return
    raise ConsentError(
        "something is agreed to already: a new form for this person is mailed to a confirmed address, or made by a "
        "data protection officer, an administrator or the command line"
    )


def _check_language(stored: StoredForm, language: str) -> str:
    if language not in stored.form.texts:
        raise ConsentError(
            f"the form {stored.form.name!r} has no text in {language!r}: add one, or ask in "
            f"{' or '.join(sorted(stored.form.texts))}"
        )
    return language


def _refuse_stranger(services: Services, tx: Tx, person: Person, guardian_id: str) -> None:
    """Refuse a guardian who is not this person's, or whose authority has ended."""
    if guardian_id not in person.guardians:
        raise NotFound("no such guardian of this person: facelease person export lists them")
    if not rules.is_minor(person, services.ages, tx.now):
        raise ConsentError("this person decides for themselves: ask them, not a guardian")


def _find_addressee(services: Services, tx: Tx, person_id: str) -> str | None:
    """For a minor the first guardian with an address; None: the person, or whoever is handed the link."""
    if not roster.load(services, tx.connection, person_id).is_minor(tx.now):
        return None
    known = register.guardians_of(services, tx.connection, person_id)
    return next((str(one["id"]) for one in known if one.get("email")), None)


def queue_mail(
    services: Services, tx: Tx, person_id: str, guardian_id: str | None, language: str, made: MadeLink
) -> None:
    """Queue the mail that carries the link. Raises ConfigError, ConsentError where nobody can be written to."""
    if not services.config.mail.host:
        raise ConfigError("mail.host: set it to send mail, or make a link and hand it over yourself")
    to, secret = guardian_id or "person", {"link": links.url(services, made.token)}
    letter = outbox.Letter(f"invite:{made.id}", "invite", language, person_id, to, {"link": made.id}, secret)
    if not outbox.put(services, tx, letter):
        raise ConsentError("no e-mail address is known: enter one with the person, or make a link and hand it over")


def _invite_to_shoot(services: Services, tx: Tx, asked: InvitationRequest, stored: StoredForm, actor: str) -> MadeLink:
    if asked.by_mail:
        raise ConsentError("the code of a shoot is shown there, not mailed: make a link or a QR code")
    ref = asked.collection_ref
    basis = tx.connection.scalar(select(t.collection.c.basis).where(t.collection.c.ref == ref))
    if basis != Basis.SHOOT.value:
        raise ConsentError(
            f"the collection {ref!r} is no sign-up shoot: set it first with "
            "facelease collection set REF suggest --basis shoot"
        )
    language = _check_language(stored, asked.language or services.config.site.language)
    link = Link(LinkKind.SHOOT, language, None, stored.id, collection_ref=ref, lasts=asked.lasts)
    return links.make(services, tx, link, actor)


class OpenLink(TypedDict):
    """A link that still works."""

    id: str
    kind: str
    since: datetime
    until: datetime


def list_unanswered(conn: Connection, person_id: str) -> list[OpenLink]:
    """The unused links of a person."""
    unused = t.invitation.c.kind.not_in((LinkKind.PAGE.value, LinkKind.KEY.value)) & (t.invitation.c.uses == 0)
    return _list_out(conn, (t.invitation.c.person_id == person_id) & unused)


def list_shoot_codes(conn: Connection, collection_ref: str) -> list[OpenLink]:
    """The codes of a shoot that still work, however many have signed by them."""
    return _list_out(conn, t.invitation.c.collection_ref == collection_ref)


def revoke_invitation(services: Services, link_id: str, actor: str) -> datetime | None:
    """Revoke the link; returns when it was revoked before, if it was. Raises NotFound."""
    with services.store.write() as tx:
        query = select(t.invitation.c.revoked_at).where(t.invitation.c.id == link_id)
        row = tx.execute(query).first()
        if row is None:
            raise NotFound("no such link: list those that are out and choose again")
        links.revoke(services, tx, link_id, actor)
    before: datetime | None = row.revoked_at
    return before


def refuse_no_shoot(conn: Connection, collection_ref: str) -> None:
    """Raises NotFound for a collection that is no sign-up shoot and never had a code."""
    shoot = (t.collection.c.ref == collection_ref) & (t.collection.c.basis == Basis.SHOOT.value)
    code = select(t.invitation.c.id).where(t.invitation.c.collection_ref == collection_ref)
    if conn.execute(select(t.collection.c.ref).where(shoot)).first() is None and conn.execute(code).first() is None:
        raise NotFound(f"the collection {collection_ref!r} is no sign-up shoot: facelease collection list shows them")


def _list_out(conn: Connection, which: ColumnElement[bool]) -> list[OpenLink]:
    standing = which & t.invitation.c.revoked_at.is_(None)
    query = select(t.invitation).where(standing).order_by(t.invitation.c.created_at)
    return [
        {"id": row.id, "kind": row.kind, "since": row.created_at, "until": row.expires_at}
        for row in conn.execute(query)
    ]
