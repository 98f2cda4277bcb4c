"""Rule 12: what reaches somebody outside says the name that they gave, and no number that tells that it was known."""

import json
import re
from collections.abc import Callable

import pytest
from sqlalchemy import select

from plugin.flows.collections import modes
from plugin.flows.people import register
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.scope import Basis, BasisEvidence, Mode
from tests import support, visiting
from tests.mailbox import text_of
from tests.posting import Post
from tests.signers import Desk

NAME = "Rita Sample"
_PATHS = ("/s/me", "/s/me/photos", "/s/me/export.json", "/s/me/export", "/s/me/forget", "/s/me/all", "/s/me/anew")


@pytest.mark.promise
@pytest.mark.parametrize("age", ["adult", "child"])
def test_the_name_that_was_made_to_differ_reaches_nobody_outside(
    post: Post, age: str, promise: Callable[[str, str], None]
) -> None:
    """Signed up at a shoot under a name that is taken: pages, a new form, exports, letters and receipts; for a
    guardian as well. The staff see the name with its number."""
    services = post.services
    post.cast.add(NAME)
    ruling = modes.Ruling(Mode.SUGGEST, Basis.SHOOT, BasisEvidence("shoot", "photographer"))
    modes.decide(services, support.SHOOT, ruling, "test")
    desk = Desk(services)
    said = {"email": "rita@example.org", "name": NAME}
    said |= {"birth_date": "2014-05-01", "signer": "Greta", "of_age": ""} if age == "child" else {}
    guest = desk.visit(collection_ref=support.SHOOT)
    assert guest.sign("press", **said).status_code == 303
    shown = [guest.client.get(path).text for path in ("/s/done", "/s/receipt.json", "/s/key")]
    with services.store.read() as conn:
        row = conn.execute(select(t.person).where(t.person.c.namesake)).one()
        guardians = register.guardians_of(services, conn, row.id)
    assert (row.display_name, row.given_name) == (f"{NAME} 2", NAME)
    guardian = str(guardians[0]["id"]) if guardians else None
    browser = visiting.visit(services, row.id, guardian)
    shown += [browser.get(path).get_data(as_text=True) for path in _PATHS]
    shown.append(desk.visit(row.id, may_replace=True, guardian_id=guardian).page())
    visiting.press(browser, "/s/me/all", how="withdraw")
    shown.append(json.dumps(register.export(services, row.id, "dam:officer"), default=str))
    post.work()
    shown += [f"{one['Subject']} {text_of(one)}" for one in post.box.letters]
    numbered = [text for text in shown if re.search(rf"{NAME}\s+2", text)]
    named = [text for text in shown if NAME in text]
    promise(
        "V1",
        f"pages, letters, exports of who bears a taken name ({age}): {len(named)}, with the number {len(numbered)}",
    )
    assert numbered == []
    assert len(named) > 4
