"""What we rely on of the plugin consentmanager, checked alike on the double and on a real server."""

import json
from collections.abc import Iterator
from uuid import uuid4

import pytest

from plugin.hooks.dam import Write, node_key
from plugin.hooks.resourcespace.adapter import ResourceSpaceDam
from plugin.hooks.resourcespace.api.answers import expect_bool, expect_int
from plugin.hooks.resourcespace.api.consents import Consents, ServerConsent
from tests.doubles.resourcespace_house import Server


@pytest.fixture
def made(server: Server) -> Iterator[list[int]]:
    """Numbers of consents that a case made, which are taken away after it."""
    refs: list[int] = []
    yield refs
    for ref in refs:
        server.client().ask("consentmanager_delete_consent", expect_bool, again=False, ref=ref)


def make(server: Server, made: list[int], name: str, **more: str) -> int:
    said = {"name": name, "email": "", "telephone": "", "consent_usage": ""} | more
    ref = server.client().ask("consentmanager_create_consent", expect_int, again=False, **said)
    made.append(ref)
    return ref


def listed(server: Server, ref: int) -> ServerConsent:
    return next(form for form in Consents(server.client()).all() if form.ref == ref)


def test_a_consent_is_the_same_in_the_list_and_alone(server: Server, made: list[int]) -> None:
    """The list says everything in texts, the other call in numbers: one fingerprint."""
    name = f"Åsa 'Ö' Öberg {uuid4().hex[:8]}"
    ref = make(
        server,
        made,
        name,
        email="asa@example.com",
        telephone="+46 70",
        consent_usage="Print, Websites",
        notes="Q-17",
        expires="2026-12-01",
        date_of_birth="2012-05-06",
        address="Storgatan 1",
        parent_guardian="Eva Öberg",
        date_of_consent="2026-01-15",
    )
    one, other = Consents(server.client()).one(ref), listed(server, ref)
    assert one is not None
    assert one.fingerprint == other.fingerprint
    assert (other.name, other.email, other.usage) == (name, "asa@example.com", "Print, Websites")
    assert (other.birth_date, other.guardian) == ("2012-05-06", "Eva Öberg")
    assert (other.signed, other.expires, other.file) == ("2026-01-15", "2026-12-01", "")
    assert len(other.created) == len("2026-11-22 21:57:52")
    assert json.loads(one.raw)["address"] == "Storgatan 1"


def test_what_was_not_entered_is_empty(server: Server, made: list[int]) -> None:
    """Null and an empty text are one."""
    found = listed(server, make(server, made, f"No Expiry {uuid4().hex[:8]}"))
    assert (found.expires, found.birth_date, found.guardian, found.usage, found.signed) == ("",) * 5


def test_links_come_once_and_stay_when_the_resource_is_deleted(server: Server, made: list[int]) -> None:
    """Linking twice makes two rows, told once; the link of a resource outlives it."""
    ref, resource = make(server, made, f"Åsa {uuid4().hex[:8]}"), server.create()
    before = listed(server, ref)
    for _ in range(2):
        assert server.client().ask(
            "consentmanager_link_consent", expect_bool, again=False, consent=ref, resource=resource
        )
    for _ in range(2):  # into the bin, and from there
        server.delete(resource)
    found = Consents(server.client()).one(ref)
    assert found is not None
    assert found.resources == (int(resource),)
    assert found.fingerprint == before.fingerprint


def test_a_change_changes_the_fingerprint(server: Server, made: list[int]) -> None:
    """Another end, or fields blanked by a partial update: what was confirmed was something else."""
    ref = make(server, made, f"Åsa {uuid4().hex[:8]}", expires="2026-12-01", address="Storgatan 1")
    before = listed(server, ref)
    assert server.client().ask(
        "consentmanager_update_consent",
        expect_bool,
        again=False,
        consent=ref,
        name=before.name,
        email="",
        telephone="",
        consent_usage="Print",
        expires="2026-11-01",
    )
    after = listed(server, ref)
    assert (after.expires, after.usage) == ("2026-11-01", "Print")
    assert after.fingerprint != before.fingerprint


def test_a_consent_that_is_not_there_is_none(server: Server) -> None:
    """False with status 200."""
    assert Consents(server.client()).one(99999999) is None


def test_on_how_many_resources_names_stand(server: Server, dam: ResourceSpaceDam) -> None:
    """Asked of many at once, in any spelling; a name that stands nowhere is left out, listed or not."""
    name, other, tail = (f"{word} {uuid4().hex[:8]}" for word in ("Åsa Öberg", "Bo", "Nobody"))
    refs = [server.create(), server.create()]
    for ref in refs:
        dam.write(ref, [Write(name, True, frozenset({"node"}))], None)
    dam.write(refs[0], [Write(other, True, frozenset({"node"}))], None)
    dam.write(refs[0], [Write(other, False, frozenset({"node"}))], None)
    assert dam.standing([name.upper(), other, tail]) == {node_key(name): 2}
