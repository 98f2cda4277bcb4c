"""Who sees what we write, on a real server: shares without a sign-in, groups; and a neighbour that names people."""

import json
from collections.abc import Iterator

import pytest

from tests.doubles.resourcespace_house import Server
from tests.live.given import Given, answer, bin_all, forget, names_in
from tests.live.office import Office

EDNA = "Edna Sample"
SETUP = "plugins/facelease/pages/setup.php"


@pytest.fixture
def office(given: Given) -> Office:
    return Office(given)


@pytest.fixture
def shared(server: Server, office: Office) -> Iterator[tuple[str, str]]:
    """A photograph of Edna in a collection that is shared, and the share's key."""
    forget(server, EDNA)
    ref = server.photo()
    assert answer(server, "update_field", resource=ref, field=29, value=f'"{EDNA}"') is True
    collection = server.collection("Shared (sample)", ref)
    yield ref, office.share(collection)
    answer(server, "delete_collection", collection=collection)
    bin_all(server, [ref])
    forget(server, EDNA)


def sight(server: Server) -> dict[str, object]:
    return dict(answer(server, "facelease_status")["sight"])


def fields(office: Office, shown: bool) -> None:
    """The people field's own setting, as an administrator changes it."""
    page = "pages/admin/admin_resource_type_field_edit.php?ref=29"
    office.post(page, save="true", ref="29", **({"external_user_access": "1"} if shown else {}))


def test_one_button_hides_names_and_dates_from_shares(server: Server, office: Office, shared: tuple[str, str]) -> None:
    """Shown to whoever has the address before, and told on the set-up page; neither afterwards. Names stay."""
    ref, key = shared
    for field in answer(server, "get_resource_type_fields", find="Cleared until"):
        assert field["ref"]
    before = EDNA in office.shared(ref, key)
    told = "Shares show to whoever" in office.page(SETUP)
    assert before == told == ("Named person(s)" in str(sight(server)["shares"]))
    office.post(SETUP, facelease_hide="shares")
    after = office.shared(ref, key)
    assert EDNA not in after
    assert "Cleared until" not in after
    assert sight(server)["shares"] == []
    assert "Shares show neither names nor dates" in office.page(SETUP)
    assert names_in(server, ref) == {EDNA}


def test_nobody_else_hides_anything(given: Given, office: Office, server: Server) -> None:
    """Without the page's token, and without being signed in, nothing changes."""
    import requests

    before = json.dumps(sight(server))
    for session in (requests.Session(), office._session):
        session.post(f"{given.url}/{SETUP}", data={"facelease_hide": "groups", "groups[]": "2"}, timeout=30)
    assert json.dumps(sight(server)) == before


def test_groups_are_hidden_from_one_by_one(server: Server, office: Office) -> None:
    """General Users no more, the others as before; the account of FaceLease and super administrators never."""
    groups = list(sight(server)["groups"])  # type: ignore[call-overload]
    assert "FaceLease" not in groups
    assert "Super Admin" not in groups
    if "General Users" in groups:
        office.post(SETUP, facelease_hide="groups", **{"groups[]": "2"})
        assert sight(server)["groups"] == [one for one in groups if one != "General Users"]
    office.post(SETUP, facelease_hide="groups", **{"groups[]": "20"})
    assert answer(server, "checkperm", perm="a") is True


def test_the_neighbour_is_the_first_thing_to_mend(server: Server, office: Office) -> None:
    """The server's own plugin for faces switched on: on the set-up page before all else, with what it keeps."""
    with office.plugin("faces"):
        status = answer(server, "facelease_status")
        assert status["sight"]["neighbour"]["on"] is True
        assert "“faces” is switched on" in status["problems"][0]
        shown = office.page(SETUP)
        assert "in the clear" in shown[shown.index("Left to mend") :].split("</li>")[0]
    assert answer(server, "facelease_status")["sight"]["neighbour"]["on"] is False


def test_a_category_counts_for_what_lies_below_it(server: Server, office: Office) -> None:
    """Two featured collections, one in the other: the mode of the upper one is told with the photograph below."""
    ref = server.photo()
    upper, lower = server.collection("Above (sample)"), server.collection("Below (sample)", ref)
    for one, name, parent in ((upper, "Above (sample)", 0), (lower, "Below (sample)", int(upper))):
        kept = {"name": name, "type": 3, "parent": parent, "public": 1, "keywords": "", "allow_changes": 0, "users": ""}
        answer(server, "save_collection", ref=one, coldata=json.dumps(kept))
    try:
        office.post(
            f"plugins/facelease/pages/collection.php?collection={upper}", collection=upper, save="true", mode="never"
        )
        photo = answer(server, "facelease_photo", ref=ref)
        assert {str(one["ref"]): one["mode"] for one in photo["collections"]} == {upper: "never", lower: "off"}
        held = answer(server, "facelease_members", collection=upper, offset=0, limit=10)
        assert (held["total"], held["refs"]) == (1, [int(ref)])
        below = office.page(f"plugins/facelease/pages/collection.php?collection={lower}")
        assert "lies in the category" in below
        assert "recognition is off" not in below, "what nobody chose here may be chosen above"
    finally:
        for one in (lower, upper):
            answer(server, "delete_collection", collection=one)
        bin_all(server, [ref])


def test_a_mode_without_effect_says_so(server: Server, office: Office) -> None:
    """In an empty collection, when it is set and whenever the page is opened."""
    empty = server.collection("Empty (sample)")
    page = f"plugins/facelease/pages/collection.php?collection={empty}"
    try:
        assert "no effect" in office.post(page, collection=empty, save="true", mode="detect")
        assert "no effect" in office.page(page)
    finally:
        answer(server, "delete_collection", collection=empty)
