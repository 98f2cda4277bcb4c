"""The strength of a signature by a link: what it may replace, and what the signer may open.

Every signer gets a key. The full page opens only if the link was delivered to a confirmed address; then older links to
pages are revoked, and every address on file is notified.
"""

from uuid import uuid4

from sqlalchemy import select

from plugin.errors import LinkRefused
from plugin.flows.access import links
from plugin.flows.access.links import LinkKind, MadeLink
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.flows.mail import page_links
from plugin.flows.people import addresses, contacts, outbox
from plugin.flows.signing import key_links, submission
from plugin.flows.signing.pending_signatures import PendingSignature
from plugin.ledger import tables as t
from plugin.ledger.store.store import Tx
from plugin.ledger.tables.rows import InvitationRow
from plugin.quitclaim.consent.model import Quitclaim


def refuse_replacing(services: Services, tx: Tx, person_id: str, link: InvitationRow) -> None:
    """Refuse to replace what came into force after the link was made, unless the link may. Raises LinkRefused."""
    alive = roster.load(services, tx.connection, person_id).unended(tx.now)
    if alive and not (link.may_replace or links.is_full(services, tx.connection, link)):
        address = tx.execute(select(t.address).where(t.address.c.id == link.address_id)).first()
        if address is None or address.retired_at is not None or not alive <= {address.quitclaim_id}:
            raise LinkRefused("revoked")


def is_full(
    services: Services, tx: Tx, link: InvitationRow, half: PendingSignature | None, guardian_id: str | None
) -> bool:
    """Whether the signature by this link has full strength; call it before the signature is recorded.

    A letter that leads to the person's first signature confirms its address, and that of the first of two guardians.
    A guardian who signs by a letter to the child's address shows that the address is the guardian's.
    """
    if guardian_id != link.guardian_id:
        if guardian_id is not None:
            addresses.mark_as_guardians(tx, link.address_id)
        return False
    if half is not None:
        addresses.confirm_first_letter(services, tx, half.address_id)
    first = addresses.confirm_first_letter(services, tx, link.address_id)
    return first or links.is_full(services, tx.connection, link)


def make_key(services: Services, tx: Tx, claim: Quitclaim, language: str, guardian_id: str | None) -> MadeLink:
    """The key for the signer."""
    actor = "guardian" if guardian_id else "person"
    end = key_links.find_end(claim)
    key = key_links.NewKey(claim.person_id, claim.id, language, guardian_id, end)
    return key_links.make_key(services, tx, key, actor)


def make_full_page(services: Services, tx: Tx, act: submission.Submission, guardian_id: str | None) -> MadeLink | None:
    """After a full signature: a new link to the page that replaces all older ones, and a letter to the others."""
    actor = "guardian" if guardian_id else "person"
    for kind in (LinkKind.PAGE, LinkKind.RENEW):
        links.revoke_all(services, tx, act.person_id, kind, actor, but=act.link.id)
    page = page_links.make(services, tx, act.person_id, actor, guardian_id)
    _tell_others(services, tx, act.person_id, guardian_id)
    return page


def _tell_others(services: Services, tx: Tx, person_id: str, signer: str | None) -> None:
    """Notify every address on file except the signer's: guardians with authority, and the child's own."""
    standing = roster.load(services, tx.connection, person_id)
    person, guardians = standing.person, standing.person.guardians if standing.is_minor(tx.now) else ()
    for to in (None, *guardians):
        if to != signer and contacts.address_of(services, tx.connection, person_id, to):
            page = page_links.make(services, tx, person_id, "system", to)
            public = services.config.server.public_url
            secret = {"link": links.url(services, page.token)} if public and page else {}
            cause, who = f"signed:{uuid4().hex}", to or "person"
            letter = outbox.Letter(cause, "signed", person.language, person_id, who, secret=secret)
            outbox.put(services, tx, letter)


def queue_receipt(
    services: Services, tx: Tx, act: submission.Submission, claim: Quitclaim, guardian_id: str | None, full: bool
) -> None:
    """Mail the receipt with a link to the page, or with the key if the signer gave the address in this visit.

    An unconfirmed address that somebody else entered gets the receipt alone.
    """
    to = guardian_id or "person"
    if not (services.config.mail.host and contacts.address_of(services, tx.connection, act.person_id, guardian_id)):
        return
    secret = _make_opener(services, tx, act, claim, guardian_id, full) if services.config.server.public_url else {}
    cause, data = _cause(act.quitclaim_id), {"quitclaim": act.quitclaim_id}
    letter = outbox.Letter(cause, "receipt", act.asked.language, act.person_id, to, data, secret)
    outbox.put(services, tx, letter)


def is_receipt_mailed(services: Services, quitclaim_id: str) -> bool:
    """Whether the receipt of this quitclaim is or was mailed."""
    with services.store.read() as conn:
        return outbox.is_known(conn, _cause(quitclaim_id))


def _cause(quitclaim_id: str) -> str:
    return f"receipt:{quitclaim_id}"


def _make_opener(
    services: Services, tx: Tx, act: submission.Submission, claim: Quitclaim, guardian_id: str | None, full: bool
) -> dict[str, str]:
    actor = "guardian" if guardian_id else "person"
    if full and (page := page_links.make(services, tx, act.person_id, actor, guardian_id)):
        return {"link": links.url(services, page.token)}
    row = addresses.find_on_file(tx.connection, act.person_id, guardian_id)
    theirs = row is not None and (
        row.id == act.link.address_id
        or row.quitclaim_id in (act.quitclaim_id, claim.id)
        or addresses.opens_page(services, tx.connection, row.id)
    )
    if not theirs:
        return {}
    return {"key": links.url(services, make_key(services, tx, claim, act.asked.language, guardian_id).token)}
