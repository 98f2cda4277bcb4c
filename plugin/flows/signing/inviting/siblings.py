"""A guardian of several children: signed for one, who is next, and what need not be typed again.

No choice is carried over: each child is asked for itself, and nothing is ticked beforehand.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from plugin.flows.access.links import LinkKind
from plugin.flows.common.services import Services
from plugin.flows.people import addresses, contacts, register
from plugin.flows.people.contacts import mailbox_key
from plugin.ledger import tables as t
from plugin.ledger.tables.rows import InvitationRow

_MOST = 500  # open invitations of guardians that are looked through, the newest first


@dataclass(frozen=True)
class Sibling:
    """Another child for whom the same mailbox has an invitation: its link, and what the child is called."""

    link_id: str
    name: str


def list_siblings(services: Services, link_id: str) -> list[Sibling]:
    """The open invitations that lie in the mailbox to which this link, to a guardian, was delivered."""
    i, now = t.invitation.c, services.clock.now()
    open_ = (i.kind == LinkKind.SIGN.value) & i.guardian_id.is_not(None) & i.address_id.is_not(None) & (i.uses == 0)
    open_ &= i.revoked_at.is_(None) & (i.expires_at > now)
    with services.store.read() as conn:
        this = conn.execute(select(t.invitation).where(i.id == link_id)).first()
        mailbox = _find_mailbox(services, conn, this) if this is not None else ""
        if this is None or not mailbox:
            return []
        others = select(t.invitation).where(open_, i.person_id != this.person_id)
        rows = conn.execute(others.order_by(i.created_at.desc()).limit(_MOST)).all()
        same = {row.person_id: row for row in rows if _find_mailbox(services, conn, row) == mailbox}
        return [Sibling(row.id, register.own_name_of(conn, row.person_id)) for row in same.values()]


def _find_mailbox(services: Services, conn: Connection, link: InvitationRow) -> str:
    """The mailbox to which it was delivered, where that address is still the guardian's; "" for any other link."""
    if not (link.person_id and link.guardian_id and link.address_id):
        return ""
    on_file = addresses.find_on_file(conn, link.person_id, link.guardian_id)
    if on_file is None or on_file.id != link.address_id:
        return ""
    email = contacts.address_of(services, conn, link.person_id, link.guardian_id)
    return mailbox_key(email) if email else ""


def find_signer(services: Services, quitclaim_id: str) -> dict[str, str]:
    """Name and address of the guardian who signed this last, as fields of a form; empty where nobody did."""
    with services.store.read() as conn:
        row = conn.execute(select(t.quitclaim).where(t.quitclaim.c.id == quitclaim_id)).first()
        if row is None or not row.signed_by_guardians:
            return {}
        guardian_id = row.signed_by_guardians[-1]
        known = register.guardians_of(services, conn, row.person_id)
    found = next((one for one in known if one["id"] == guardian_id), {})
    return {"signer": str(found.get("name", "")), "email": str(found.get("email", ""))}
