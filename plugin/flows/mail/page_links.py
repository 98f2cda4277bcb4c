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
    """A link to the full page, to be put into a letter to the address on file, which `asked_by` asks for.

    None where that address does not open it (now), or a guardian has no say any more. Raises NotFound for a
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
    """The letter that confirms a change, to whoever made it, with a link to their page."""
    config = services.config
    if not config.mail.host:
        return
    secret = {}
    if config.server.public_url:
        made = make(services, tx, who.person_id, who.actor, who.guardian_id)
        secret = {"link": links.url(services, made.token)} if made else {}
    letter = outbox.Letter(
        cause=f"changed:{uuid4().hex}", kind=kind, language=who.language, person_id=who.person_id,
        to=who.guardian_id or "person", data={"what": what, **data}, secret=secret,
    )  # fmt: skip
    outbox.put(services, tx, letter)
