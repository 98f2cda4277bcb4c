"""Invitations: the links by which people sign, mailed or to be handed over; revoked when they should open no more."""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from flask import Response
from pydantic import BaseModel, Field

from plugin.errors import ConsentError
from plugin.flows import invitations, links, roster
from plugin.flows.links import Kind
from plugin.flows.services import Services
from plugin.flows.tokens import Scope
from sidecar.api.guard import caller
from sidecar.api.models import Closed, Id, Made, PersonPath, Ref, Word
from sidecar.api.routes import Route, Routes, answer


class Invite(Closed):
    """Either one person or one shoot (a collection). `form`: a name; null is the only one in use."""

    person_id: Id | None = None
    collection: Ref | None = None
    form: Word | None = None
    kind: Literal["sign", "renew"] = "sign"
    language: Literal["en", "nl"] | None = None
    guardian_id: Id | None = None
    by_mail: bool = False
    days: Annotated[int, Field(ge=1, le=366)] | None = None


class Invited(BaseModel):
    """The link, shown this once; null where it is mailed, and where the answer is given again."""

    id: str
    link: str | None


class Out(BaseModel):
    """A link that is out."""

    id: str
    kind: str
    since: datetime
    until: datetime


class Outs(BaseModel):
    """The links of a person that are out."""

    items: list[Out]


class LinkPath(Closed):
    """Which link, by its id."""

    link_id: Id


def routes(services: Services) -> Routes:
    """The routes of invitations."""
    api = Routes("invitations", "Asking people")

    @api.add(
        "POST", "/invitations",
        Route(Scope.INVITATIONS_WRITE, changes=True, once=frozenset({"link"})), Invited, 201,
    )  # fmt: skip
    def invitation_make(body: Invite) -> Response:
        """Make a link, and mail it where that is asked for."""
        if body.by_mail and not services.config.mail.host:
            raise ConsentError("this house sends no mail: leave by_mail out, and hand the link over yourself")
        links.address(services, "")  # without an address of ours no link is made
        asked = invitations.Invite(
            person_id=body.person_id, collection_ref=body.collection, form=body.form, kind=Kind(body.kind),
            language=body.language, guardian_id=body.guardian_id, by_mail=body.by_mail,
            lasts=timedelta(days=body.days) if body.days else None,
        )  # fmt: skip
        made = invitations.invite(services, asked, caller().actor)
        link = None if body.by_mail else links.address(services, made.token)
        return answer(Invited(id=made.id, link=link), 201)

    @api.add("GET", "/people/<person_id>/invitations", Route(Scope.INVITATIONS_READ), Outs)
    def invitations_list(path: PersonPath) -> Response:
        """The links of a person that nobody has answered yet."""
        with services.store.read() as conn:
            roster.load(conn, path.person_id)
            out = invitations.unanswered(conn, path.person_id)
        return answer(Outs(items=[Out(**one) for one in out]))

    @api.add("DELETE", "/invitations/<link_id>", Route(Scope.INVITATIONS_WRITE), Made)
    def invitation_revoke(path: LinkPath) -> Response:
        """The link opens nothing from this answer on."""
        invitations.take_back(services, path.link_id, caller().actor)
        return answer(Made(id=path.link_id))

    return api
