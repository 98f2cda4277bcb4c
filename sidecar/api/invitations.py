"""Invitations: the links by which people sign, mailed or to be handed over; revoked when they should open no more.

Who may have links mailed gets none: a link that a program was shown can be opened, and signed, by the program.
"""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from flask import Response
from pydantic import BaseModel, Field

from plugin.errors import ConsentError
from plugin.flows.access import links
from plugin.flows.access.links import LinkKind
from plugin.flows.access.programs.api_tokens import TokenScope
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.flows.signing import invitations
from plugin.words.catalogues import Language
from sidecar.api.guard import caller
from sidecar.api.routes import Route, Routes, json_response
from sidecar.web.request_models import ChangeResult, Created, Id, PersonPath, Ref, RequestModel, Word

_HAND_OVER = "A link to hand over, and the code of a shoot, are POST /invitations:hand-over, with a scope of its own"
_MAILED_ONLY = f"by this route links are mailed to one person: say by_mail true, and give person_id. {_HAND_OVER}"


class HandedInvitation(RequestModel):
    """Either one person or one shoot (a collection). `form`: a name; null is the only one in use."""

    person_id: Id | None = None
    collection: Ref | None = None
    form: Word | None = None
    kind: Literal["sign", "renew"] = "sign"
    language: Language | None = None
    guardian_id: Id | None = None
    days: Annotated[int, Field(ge=1, le=366)] | None = None


class MailedInvitation(HandedInvitation):
    """One person, who is written to. `form`: a name; null is the only one in use. `by_mail`: say true."""

    by_mail: bool = False


class InvitationLink(BaseModel):
    """The link, shown this once; null where the answer is given again."""

    id: str
    link: str | None


class OpenInvitation(BaseModel):
    """A link that is out."""

    id: str
    kind: str
    since: datetime
    until: datetime


class OpenInvitations(BaseModel):
    """The links of a person that are out."""

    items: list[OpenInvitation]


class InvitationPath(RequestModel):
    """Which link, by its id."""

    link_id: Id


def routes(services: Services) -> Routes:
    """The routes of invitations."""
    api = Routes("invitations", "Asking people")

    _add_create_routes(api, services)

    @api.add("GET", "/people/<person_id>/invitations", Route(TokenScope.INVITATIONS_READ), OpenInvitations)
    def invitations_list(path: PersonPath) -> Response:
        """The links of a person that nobody has answered yet."""
        with services.store.read() as conn:
            roster.load(services, conn, path.person_id)
            out = invitations.list_unanswered(conn, path.person_id)
        return json_response(OpenInvitations(items=[OpenInvitation(**one) for one in out]))

    @api.add("DELETE", "/invitations/<link_id>", Route(TokenScope.INVITATIONS_WRITE), ChangeResult)
    def invitation_revoke(path: InvitationPath) -> Response:
        """The link opens nothing from this answer on; `changed` is false where it had been taken back before."""
        before = invitations.revoke_invitation(services, path.link_id, caller().actor)
        return json_response(ChangeResult(id=path.link_id, changed=before is None))

    return api


def _add_create_routes(api: Routes, services: Services) -> None:
    @api.add("POST", "/invitations", Route(TokenScope.INVITATIONS_WRITE, changes=True), Created, 201)
    def invitation_make(body: MailedInvitation) -> Response:
        """Have a link mailed. The answer holds no link: see `/invitations:hand-over`."""
        if not body.by_mail or body.collection is not None:
            raise ConsentError(_MAILED_ONLY)
        if not services.config.mail.host:
            raise ConsentError(f"this house sends no mail. {_HAND_OVER}")
        return json_response(Created(id=_create_link(services, body, by_mail=True).id), 201)

    shown = Route(TokenScope.INVITATIONS_HAND_OVER, changes=True, once=frozenset({"link"}))

    @api.add("POST", "/invitations:hand-over", shown, InvitationLink, 201)
    def invitation_hand_over(body: HandedInvitation) -> Response:
        """Make a link and show it, once. Whoever holds it can sign in the person's place: see docs/api.md."""
        made = _create_link(services, body, by_mail=False)
        return json_response(InvitationLink(id=made.id, link=links.url(services, made.token)), 201)


def _create_link(services: Services, body: HandedInvitation, by_mail: bool) -> links.MadeLink:
    links.url(services, "")  # without an address of ours no link is made
    given = body.model_dump(include={"person_id", "form", "language", "guardian_id"})
    given |= {"collection_ref": body.collection, "kind": LinkKind(body.kind), "by_mail": by_mail}
    may, lasts = TokenScope.INVITATIONS_HAND_OVER in caller().scopes, timedelta(days=body.days) if body.days else None
    asked = invitations.InvitationRequest(**given, may_replace=may, lasts=lasts)
    return invitations.invite(services, asked, caller().actor)
