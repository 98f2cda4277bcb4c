"""Shared by the calendar's letters: the form to ask again, and a fresh link that replaces the old."""

from datetime import timedelta

from sqlalchemy import select

from plugin.flows.access import links
from plugin.flows.access.links import Link
from plugin.flows.common.services import Services
from plugin.flows.mail.form_store import StoredFormRow
from plugin.ledger import tables as t
from plugin.ledger.store.store import Tx

ACTOR = "calendar"
"""How the audit log and a link name who made it."""


def max_delay(services: Services) -> timedelta:
    """How late a letter may still be sent: sent ones are remembered for as long."""
    return timedelta(days=services.config.retention.mails_days)


def find_successor(tx: Tx, quitclaim_id: str) -> StoredFormRow | None:
    """The version in use of the form that was signed; for a quitclaim without one, the only form in use."""
    signed = select(t.form.c.name).join(t.quitclaim, t.quitclaim.c.form_id == t.form.c.id)
    name = tx.execute(signed.where(t.quitclaim.c.id == quitclaim_id)).scalar()
    in_use = select(t.form).where(t.form.c.retired_at.is_(None)).order_by(t.form.c.version.desc())
    rows = tx.execute(in_use if name is None else in_use.where(t.form.c.name == name)).all()
    return rows[0] if rows and len({row.name for row in rows}) == 1 else None


def choose_language(form: StoredFormRow, wanted: str) -> str:
    """`wanted`, or the first language of the form if it has no text in that."""
    texts = form.body["texts"]
    return wanted if wanted in texts else min(texts)


def make_link(services: Services, tx: Tx, link: Link | None) -> dict[str, str]:
    """What is sealed with the letter: a new link, which replaces unused ones of its kind."""
    if link is None or not services.config.server.public_url:
        return {}
    out = select(t.invitation.c.id).where(t.invitation.c.person_id == link.person_id)
    out = out.where(t.invitation.c.kind == link.kind.value)
    out = out.where(t.invitation.c.guardian_id.is_not_distinct_from(link.guardian_id))
    out = out.where(t.invitation.c.revoked_at.is_(None), t.invitation.c.uses == 0)
    for old in tx.execute(out).scalars().all():
        links.revoke(services, tx, old, ACTOR)
    made = links.make(services, tx, link, ACTOR)
    return {"link": links.url(services, made.token)}
