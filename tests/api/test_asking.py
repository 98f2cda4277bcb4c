"""Forms, invitations and requests over HTTP: what people are asked, the links they get, and what they ask for."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select

from plugin.errors import LinkRefused
from plugin.flows.access import links
from plugin.flows.access.programs.api_tokens import TokenScope
from plugin.flows.common.services import Services
from plugin.flows.mail import form_store
from plugin.flows.rights import erasure_requests
from plugin.ledger import tables as t
from sidecar.app import create_app
from tests import support
from tests.program import Api

KEY = {"Idempotency-Key": "ask-1"}


@pytest.fixture
def asking(services: Services) -> Iterator[Api]:
    """The API of a house with an address of its own."""
    config = services.config.model_copy(
        update={"server": services.config.server.model_copy(update={"public_url": "https://lease.example.org"})}
    )
    services = replace(services, config=config)
    with create_app(config, services).test_client() as client:
        yield Api(services, client)


def _form() -> dict[str, Any]:
    """The sample form, for the uses of this house."""
    tree = form_store.parse_toml(form_store.read_sample())
    tree["uses"] = [{"purpose": "communication", "channels": ["website", "press"]}]
    return tree


def test_a_form_is_kept_shown_and_retired(asking: Api) -> None:
    """Versions by name; one that lacks something is refused with all that it lacks."""
    made = asking.post("/forms", {"body": _form()})
    assert made["version"] == 1
    assert asking.get(f"/forms/{made['id']}")["body"]["uses"][0]["channels"] == ["website", "press"]
    assert asking.ask("POST", "/forms", {"body": {"name": "half"}}).status_code == 409
    asking.post(f"/forms/{made['name']}/retirement", {})
    assert asking.get("/forms")["items"][0]["retired_at"] is not None
    assert asking.post(f"/forms/{made['name']}/retirement", {})["ended_before"] is not None
    assert asking.ask("POST", "/forms/none/retirement", {}).status_code == 404


def test_a_link_is_shown_once_and_opens_until_it_is_revoked(asking: Api) -> None:
    """The link works; the store holds its hash alone, also under an idempotency key; revoked, it opens nothing."""
    asking.post("/forms", {"body": _form()})
    asa = asking.post("/people", {"name": "Åsa"})["id"]
    made = asking.post("/invitations:hand-over", {"person_id": asa}, headers=KEY)
    token = made["link"].rpartition("/")[2]
    assert made["link"].startswith("https://lease.example.org/")
    assert links.find_open(asking.services, token).person_id == asa
    assert asking.post("/invitations:hand-over", {"person_id": asa}, headers=KEY) == {"id": made["id"], "link": None}
    with asking.services.store.read() as conn:
        assert token not in str(conn.execute(select(t.idempotency)).all())
    assert [one["id"] for one in asking.get(f"/people/{asa}/invitations")["items"]] == [made["id"]]
    assert asking.ask("DELETE", f"/invitations/{made['id']}").status_code == 200
    with pytest.raises(LinkRefused):
        links.find_open(asking.services, token)
    assert asking.ask("DELETE", "/invitations/none").status_code == 404
    mailed = {"person_id": asa, "by_mail": True}
    assert asking.ask("POST", "/invitations", mailed).status_code == 409  # this house sends no mail
    both = {"person_id": asa, "collection": "shoot"}
    assert asking.ask("POST", "/invitations:hand-over", both).status_code == 409


def test_a_link_for_a_guardian_is_for_one_of_the_childs_own(asking: Api) -> None:
    """Not for another child's, nor for one who never was: a program cannot make somebody a guardian so."""
    asking.post("/forms", {"body": _form()})
    clara, carl = (
        asking.post("/people", {"name": name, "birth_date": "2015-05-01", "guardians": ["Greta"]})["id"]
        for name in ("Clara", "Carl")
    )
    hers, his = (asking.post(f"/people/{child}/guardians", {"name": "Hugo"})["id"] for child in (clara, carl))
    for guardian, status in ((hers, 201), (his, 404), ("0" * 32, 404)):
        body = {"person_id": clara, "guardian_id": guardian}
        assert asking.ask("POST", "/invitations:hand-over", body).status_code == status
    assert len(asking.get(f"/people/{clara}/invitations")["items"]) == 1


def test_without_an_address_no_link_is_made(api: Api) -> None:
    """The configuration is not ready: 503, and no link that nobody has."""
    api.post("/forms", {"body": _form()})
    asa = api.post("/people", {"name": "Åsa"})["id"]
    assert api.ask("POST", "/invitations:hand-over", {"person_id": asa}).status_code == 503
    assert api.get(f"/people/{asa}/invitations")["items"] == []


def test_a_request_to_be_forgotten_is_listed_and_decided(api: Api) -> None:
    """A refusal needs its reason; granted, no key of the person is left; decided twice is not found."""
    asa, bo = (api.post("/people", {"name": name})["id"] for name in ("Åsa", "Bo"))
    with api.services.store.write() as tx:
        first, second = (
            erasure_requests.request_in(
                api.services, tx, who, "person", erasure_requests.read_filed(api.services, who)
            ).id
            for who in (asa, bo)
        )
    assert {one["id"] for one in api.get("/erasures")["items"]} == {first, second}
    assert api.ask("POST", f"/erasures/{second}/decision", {"forget": False}).status_code == 409
    api.post(f"/erasures/{second}/decision", {"forget": False, "reason": "a contract still runs"})
    number = api.post(f"/erasures/{first}/decision", {"forget": True})["number"]
    assert api.get("/erasures")["items"] == []
    told = api.get(f"/certificates/{number}?language=nl")
    assert (told["number"], told["finished_at"]) == (number, None)
    assert "NIET KLAAR" in told["text"]
    support.Cast(api.services).work()
    told = api.get(f"/certificates/{number}")
    assert told["finished_at"]
    assert any("ended.log" in line for line in told["not_reached"])
    assert all(told[part] for part in ("looked", "reached", "conditions"))
    assert api.ask("GET", "/certificates/2026-9999-XX").status_code == 404
    assert api.ask("POST", f"/erasures/{first}/decision", {"forget": True}).status_code == 404
    with api.services.store.read() as conn:
        assert set(conn.scalars(select(t.person_key.c.person_id))) == {bo}


# ---- who may have links mailed gets none -----------------------------------------------------


@pytest.fixture
def mailing(asking: Api) -> Iterator[Api]:
    """The API of a house that can write to people, too: its letters wait in the outbox."""
    mail = asking.services.config.mail.model_copy(update={"host": "127.0.0.1", "sender": "photos@example.org"})
    services = replace(asking.services, config=asking.services.config.model_copy(update={"mail": mail}))
    with create_app(services.config, services).test_client() as client:
        yield Api(services, client)


@pytest.mark.promise
def test_a_token_that_has_links_mailed_gets_none(
    mailing: Api, cast: support.Cast, promise: Callable[[str, str], None]
) -> None:
    """Whatever it sends: no link in an answer, given once or again; and nobody's link was made where it is refused."""
    mailing.post("/forms", {"body": _form()})
    cast.open_collection()
    asa = mailing.post("/people", {"name": "Åsa", "email": "asa@example.org"})["id"]
    token = mailing.made([TokenScope.INVITATIONS_WRITE, TokenScope.INVITATIONS_READ])
    mailed = {"person_id": asa, "by_mail": True}
    tries = [
        {"person_id": asa},
        {"person_id": asa, "by_mail": False},
        {"collection": "shoot"},
        {"collection": "shoot", "by_mail": True},
        mailed | {"collection": "shoot"},
    ]
    for body in tries:
        answer = mailing.ask("POST", "/invitations", body, token=token)
        assert answer.status_code == 409
        assert "hand-over" in answer.json["detail"]
    for path in ("/invitations:hand-over", "/invitations:hand-over/"):
        assert mailing.ask("POST", path, {"person_id": asa}, token=token).status_code in (403, 404)
    with mailing.services.store.read() as conn:
        assert conn.scalar(select(func.count()).select_from(t.invitation)) == 0
    made = mailing.post("/invitations", mailed, token=token, headers=KEY)
    assert set(made) == {"id"}
    assert mailing.post("/invitations", mailed, token=token, headers=KEY) == made
    seen = mailing.get(f"/people/{asa}/invitations", token=token)
    with mailing.services.store.read() as conn:
        assert conn.scalar(select(func.count()).select_from(t.mail)) == 1
    told = f"{made} {seen}".count("/s/")
    promise("V1", f"links given to a token that may have them mailed: {told} in {len(tries) + 5} tries")
    assert told == 0


def test_an_answer_with_a_link_is_given_again_without_it_and_to_nobody_else(asking: Api) -> None:
    """Another token with the same key and request does it anew, or may not; the link is in no answer twice."""
    asking.post("/forms", {"body": _form()})
    asa = asking.post("/people", {"name": "Åsa"})["id"]
    one, two, mails = (
        asking.made([scope])
        for scope in (TokenScope.INVITATIONS_HAND_OVER, TokenScope.INVITATIONS_HAND_OVER, TokenScope.INVITATIONS_WRITE)
    )
    body = {"person_id": asa}
    first = asking.post("/invitations:hand-over", body, token=one, headers=KEY)
    assert asking.post("/invitations:hand-over", body, token=one, headers=KEY)["link"] is None
    other = asking.post("/invitations:hand-over", body, token=two, headers=KEY)
    assert other["link"] not in (None, first["link"])
    assert asking.ask("POST", "/invitations:hand-over", body, token=mails, headers=KEY).status_code == 403


@pytest.mark.promise
def test_a_token_replaces_nothing_by_an_address_of_its_own(
    mailing: Api, cast: support.Cast, promise: Callable[[str, str], None]
) -> None:
    """A token enters a person, or another address of theirs, and has a link mailed there: not while something is in
    force, nor by another token of the same hands. With the scope to hand over it may."""
    mailing.post("/forms", {"body": _form()})
    scopes = [TokenScope.INVITATIONS_WRITE, TokenScope.PEOPLE_WRITE, TokenScope.INVITATIONS_READ]
    token, other = mailing.made(scopes), mailing.made([TokenScope.INVITATIONS_WRITE])
    strong = mailing.made([*scopes, TokenScope.INVITATIONS_HAND_OVER])
    mine = mailing.post("/people", {"name": "Åsa", "email": "x@example.org", "of_age": True}, token=token)["id"]
    cast.sign(mine, recognition=False)
    bodies = [{"person_id": mine, "by_mail": True, "kind": kind} for kind in ("sign", "renew")]
    bodies += [body | {"days": 366, "language": "nl"} for body in bodies]
    refused = [mailing.ask("POST", "/invitations", body, token=token).status_code for body in bodies]
    with mailing.services.store.read() as conn:
        made = conn.scalar(select(func.count()).select_from(t.invitation)) or 0
    promise(
        "V1",
        f"links mailed to an address of the token's own, in the place of what is in force: {made} of {len(bodies)}",
    )
    assert (made, refused) == (0, [409] * len(bodies))
    assert mailing.ask("POST", "/invitations", bodies[0], token=other).status_code == 409
    yours = mailing.post("/people", {"name": "Bo", "email": "y@example.org", "of_age": True}, token=strong)["id"]
    cast.sign(yours, recognition=False)
    assert mailing.ask("POST", "/invitations", bodies[0] | {"person_id": yours}, token=strong).status_code == 201
