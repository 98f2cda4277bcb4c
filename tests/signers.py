"""People who sign by the pages' own code: a house with a form, links, and a browser without a screen."""

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from PIL import Image, ImageDraw
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from plugin.flows.access import links
from plugin.flows.access.links import Link, LinkKind
from plugin.flows.common.services import Services
from plugin.flows.mail import form_store
from plugin.flows.mail.form_store import StoredForm
from plugin.flows.people import addresses
from plugin.flows.signing import invitations
from plugin.flows.signing.invitations import InvitationRequest
from plugin.ledger import tables as t
from tests import visiting

Fields = dict[str, Any]


def tree(**changes: Any) -> dict[str, Any]:
    """The sample form, for the channels of the tests' house, with changes."""
    found = form_store.parse_toml(form_store.read_sample())
    found["uses"] = [{"purpose": "communication", "channels": ["website", "press"]}]
    return found | changes


def drawing() -> bytes:
    """A signature as a pad makes it: black on nothing, PNG."""
    image = Image.new("RGBA", (700, 260))
    ImageDraw.Draw(image).line([(40, 200), (200, 60), (320, 210), (640, 90)], "black", 4)
    out = BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def data_url(body: bytes) -> str:
    """As a canvas hands it over."""
    return "data:image/png;base64," + b64encode(body).decode()


class Visit:
    """Somebody who opened a link: one browser, one session."""

    def __init__(self, app: Flask, token: str) -> None:
        self.client: FlaskClient = app.test_client()
        self.opened = self.client.get(f"/s/{token}")

    def page(self) -> str:
        """The form as it is shown."""
        return self.client.get("/s/form").get_data(as_text=True)

    def hidden(self, page: str | None = None) -> Fields:
        """What the form sends without being asked."""
        text = page if page is not None else self.page()
        return {
            name: found[1] if (found := re.search(f'name="{name}" value="([^"]*)"', text)) else ""
            for name in ("csrf_token", "nonce")
        }

    def send(self, fields: Mapping[str, Any], page: str | None = None) -> TestResponse:
        """Send the form with these fields; photographs as a list of bytes."""
        sent = {**self.hidden(page), **fields}
        photographs: Sequence[bytes] = sent.pop("photographs", ())
        sent["photographs"] = [(BytesIO(body), f"{n}.jpg") for n, body in enumerate(photographs)]
        return self.client.post("/s/form", data=sent, content_type="multipart/form-data")

    def kept_link(self) -> str:
        """The token of the link that the last page shows, to be kept or handed over."""
        shown = self.client.get("/s/done").get_data(as_text=True)
        found = re.search(r'class="keep"><a href="[^"]*/s/([\w-]{43})"', shown)
        assert found is not None, "no link is shown"
        return found[1]

    def sign(self, *choices: str, **fields: Any) -> TestResponse:
        """Sign for these channels, or `recognition`, with a typed name."""
        ticked = [f"communication:{choice}" for choice in choices if choice != "recognition"]
        signer = "" if "name" in fields else "Åsa Öberg"  # at a shoot, who signs is who is entered
        given: Fields = {"choice": ticked, "signer": signer, "typed": "Åsa Öberg"}
        if "recognition" in choices:
            given["recognition"] = "yes"
        if not fields.get("birth_date"):
            given["of_age"] = "yes"
        return self.send(given | fields)


class Desk:
    """A house that asks people to sign."""

    def __init__(self, services: Services, **changes: Any) -> None:
        self.services = services
        self.app = visiting.app_of(services)
        self.form: StoredForm = form_store.add(services, tree(**changes), "test")

    def invite(self, person_id: str | None = None, **about: Any) -> str:
        """The token of a new link, made by who may end what is in force."""
        about = {"may_replace": True} | about
        about |= {"person_id": person_id, "form": self.form.form.name}
        return invitations.invite(self.services, InvitationRequest(**about), "test").token

    def visit(self, person_id: str | None = None, **about: Any) -> Visit:
        """Somebody opens a new link."""
        return Visit(self.app, self.invite(person_id, **about))

    def letter(self, person_id: str, guardian_id: str | None = None) -> Visit:
        """Somebody opens a link that a letter brought to an address which is known to be theirs."""
        visiting.confirm(self.services, person_id, guardian_id)
        with self.services.store.write() as tx:
            row = addresses.find_on_file(tx.connection, person_id, guardian_id)
            link = Link(
                LinkKind.SIGN,
                "en",
                person_id,
                self.form.id,
                guardian_id,
                by_mail=True,
                most_uses=1,
                address_id=row.id if row is not None else None,
            )
            made = links.make(self.services, tx, link, "test")
        return Visit(self.app, made.token)

    def kept(self) -> dict[str, int]:
        """How many rows there are of everything that a signature makes."""
        tables = (t.person, t.guardian, t.quitclaim, t.grant, t.sealed, t.mail, t.invitation, t.person_key)
        with self.services.store.read() as conn:
            return {table.name: int(conn.scalar(select(func.count()).select_from(table)) or 0) for table in tables}
