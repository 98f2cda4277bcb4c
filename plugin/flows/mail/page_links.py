"""Links to full pages: only ever put into a letter, to an address that opens the page."""

from dataclasses import dataclass
from uuid import uuid4

from plugin.errors import NotFound
from plugin.flows.access import links
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.flows.people import addresses, outbox
from plugin.ledger.store.store import Tx


@dataclass(frozen=True)
class Visitor:
    """Who has come in by a link: about whom, and as which guardian if as one."""

    link_id: str
    person_id: str
    guardian_id: str | None
    language: str
    children: tuple[str, ...] = ()

    @property
    def actor(self) -> str:
        """How the audit log calls them."""
        return "guardian" if self.guardian_id else "person"


def make(
    services: Services, tx: Tx, person_id: str, asked_by: str, guardian_id: str | None = None
) -> links.MadeLink | None:
    """A link to the full page, to be put into a letter to the address on file, requested by `asked_by`.

    None if that address does not open the page (now), or a guardian does not decide any more. Raises NotFound for a
    guardian who is none of this person's.
    """
    standing = roster.load(services, tx.connection, person_id)
    person = standing.person
    if guardian_id is not None and guardian_id not in person.guardians:
        raise NotFound("no such guardian of this person: facelease person export lists them")
    if guardian_id is not None and not standing.is_minor(tx.now):
        return None
    if not addresses.may_open_page(services, tx.connection, person_id, guardian_id, asked_by):
        return None
    address_id = addresses.address_letter(services, tx, person_id, guardian_id, asked_by)
    link = links.Link(
        links.LinkKind.PAGE, person.language, person_id, guardian_id=guardian_id, by_mail=True, address_id=address_id
    )
    return links.make(services, tx, link, asked_by)


def queue_confirmation(
    services: Services, tx: Tx, who: Visitor, what: str, kind: str = "changed", **data: object
) -> None:
    """Queue the letter that confirms a change to whoever made it, with a link to their page."""
    config = services.config
    if not config.mail.host:
        return
    secret = {}
    if config.server.public_url:
        made = make(services, tx, who.person_id, who.actor, who.guardian_id)
        secret = {"link": links.url(services, made.token)} if made else {}
    cause, to = f"changed:{uuid4().hex}", who.guardian_id or "person"
    about = {"what": what, **data}
    outbox.put(services, tx, outbox.Letter(cause, kind, who.language, who.person_id, to, about, secret))
