"""Somebody is entered and invited from the page of a photograph, or from one of its faces.

The invitation then points to the face: by its number, and by nothing of the face itself. No crop is made and nothing is
encoded; whether the face is compared follows from what the person agrees to, as for any other.
"""

from dataclasses import dataclass
from enum import StrEnum

from plugin.errors import ConfigError, ConsentError, NameTaken, NotFound
from plugin.flows.access import links
from plugin.flows.common.services import Services
from plugin.flows.mail import form_store
from plugin.flows.people import register
from plugin.flows.people.register import Newcomer
from plugin.flows.signing import invitations
from plugin.flows.signing.invitations import InvitationRequest


class Invited(StrEnum):
    """What came of it."""

    MAILED = "mailed"
    LINK = "link"
    TAKEN = "name_taken"  # nobody was entered
    REFUSED = "refused"  # nobody was entered: a name, an address or an age that is none; or there is no form to ask by
    ENTERED = "entered_only"  # entered; the invitation could not be made


@dataclass(frozen=True)
class InvitationOutcome:
    """What came of it; `address` of the link, shown this once, where it is to be handed over."""

    what: Invited
    address: str = ""


def enter_and_invite(
    services: Services, newcomer: Newcomer, by_mail: bool, actor: str, face_id: int | None = None
) -> InvitationOutcome:
    """Enter a person and invite them by the only form in use, by mail or by a link to hand over."""
    try:
        form_store.find_in_use(services)
        if by_mail and not (services.config.mail.host and newcomer.email):
            return InvitationOutcome(Invited.REFUSED)
        person_id = register.add(services, newcomer, actor)
    except NameTaken:
        return InvitationOutcome(Invited.TAKEN)
    except (ConsentError, NotFound):
        return InvitationOutcome(Invited.REFUSED)
    asked = InvitationRequest(person_id=person_id, by_mail=by_mail, face_id=face_id)
    try:
        made = invitations.invite(services, asked, actor)
    except (ConsentError, ConfigError, NotFound):
        return InvitationOutcome(Invited.ENTERED)
    if by_mail:
        return InvitationOutcome(Invited.MAILED)
    return InvitationOutcome(Invited.LINK, links.url(services, made.token))
