"""On a real server: what somebody chooses for a collection counts only for what that account may edit."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from tests.doubles.resourcespace_house import Server
from tests.live.accounts import Account, account
from tests.live.given import Given, answer, bin_all, until
from tests.live.office import Office

ARCHIVED, ACTIVE, GENERAL_USERS = 2, 0, 2
BASIS = {"basis": "all-asked", "reference": "List (sample)", "decided_by": "A. Sample", "decided": "2026-05-02"}


class Editor:
    """Somebody of a group that decides about collections and edits what is active; signed in."""

    def __init__(self, given: Given, who: Account) -> None:
        self._given, self.who, self.group = given, who, given.editors
        self.pages = Office(replace(given, user=who.name, password=who.password))
        login = {"function": "login", "username": who.name, "password": who.password}
        told = requests.post(f"{given.url}/api/", data={"query": urlencode(login)}, timeout=30)
        self._key = str(told.json())

    def ask(self, function: str, **params: Any) -> Any:
        """A call of the server's API, as this account."""
        query = urlencode({"user": self.who.name, "function": function, **params})
        sign = hashlib.sha256((self._key + query).encode()).hexdigest()
        form = {"query": query, "sign": sign, "user": self.who.name, "authmode": "sessionkey"}
        return requests.post(f"{self._given.url}/api/", data=form, timeout=60).json()

    def choose(self, collection: str, mode: str) -> str:
        """On the page "Face recognition" of the collection; what it then shows."""
        page = f"plugins/facelease/pages/collection.php?collection={collection}"
        return self.pages.post(page, collection=collection, save="true", mode=mode, **BASIS)


@pytest.fixture
def editor(given: Given, server: Server) -> Iterator[Editor]:
    with account(server, Office(given), "setter sample", given.editors) as who:
        yield Editor(given, who)


@pytest.fixture
def photos(server: Server) -> Iterator[tuple[str, str]]:
    """One that editors may edit, and one that they only see."""
    mine, theirs = server.photo(), server.photo()
    move(server, theirs, ARCHIVED)
    yield mine, theirs
    bin_all(server, [mine, theirs])


def move(server: Server, ref: str, state: int) -> None:
    data = f'{{"archive": {state}}}'
    assert answer(server, "put_resource_data", resource=ref, data=data) is True


def counting(server: Server, ref: str) -> dict[str, str]:
    """The collections whose choice counts for a photograph, with the mode."""
    told = answer(server, "facelease_photo", ref=ref)
    return {str(one["ref"]): one["mode"] for one in told["collections"]}


@pytest.mark.parametrize("kind", ["private", "public", "featured"])
def test_it_counts_only_where_the_setter_may_edit(
    given: Given, server: Server, editor: Editor, photos: tuple[str, str], kind: str
) -> None:
    """In a collection of their own, whoever put the photograph there; and the pages say so."""
    mine, theirs = photos
    collection = str(editor.ask("create_collection", name="Setter (sample)"))
    try:
        assert editor.ask("get_edit_access", resource=mine) is True
        assert editor.ask("get_edit_access", resource=theirs) is False
        assert editor.ask("add_resource_to_collection", resource=mine, collection=collection) is True
        assert answer(server, "add_resource_to_collection", resource=theirs, collection=collection) is True
        shown = editor.choose(collection, "auto")
        if kind != "private":
            sort = {"public": 4, "featured": 3}[kind]
            data = f'{{"name": "Setter (sample)", "public": 1, "type": {sort}, "parent": 0, "allow_changes": 1}}'
            answer(server, "save_collection", ref=collection, coldata=data)
        assert "Saved" in shown
        assert "does not count for this many of the first 200 photographs: 1" in shown
        assert counting(server, mine).get(collection) == "auto"
        assert collection not in counting(server, theirs)
        held = answer(server, "facelease_members", collection=collection, offset=0, limit=100)
        assert ([str(ref) for ref in held["refs"]], held["total"], held["next"]) == ([mine], 2, 2)
        followed(server, editor, collection, mine, theirs)
    finally:
        answer(server, "delete_collection", collection=collection)


def followed(server: Server, editor: Editor, collection: str, mine: str, theirs: str) -> None:
    """It follows the photograph, the account's group, and the account."""
    group = editor.group
    move(server, mine, ARCHIVED)
    move(server, theirs, ACTIVE)
    assert collection not in counting(server, mine)
    assert counting(server, theirs).get(collection) == "auto"
    move(server, mine, ACTIVE)
    move(server, theirs, ARCHIVED)
    for change, there in (
        ({"usergroup": GENERAL_USERS}, False),
        ({"usergroup": group}, True),
        ({"approved": 2}, False),
        ({"approved": 1}, True),
    ):
        editor.who.change(**change)
        assert (collection in counting(server, mine)) is there, change
        assert collection not in counting(server, theirs)
    editor.choose(collection, "never")
    editor.who.change(usergroup=GENERAL_USERS)
    assert counting(server, mine).get(collection) == "never"
    assert collection not in counting(server, theirs)
    editor.who.change(usergroup=group)


def test_the_panel_says_whose_choice_it_is(
    given: Given, server: Server, editor: Editor, photos: tuple[str, str]
) -> None:
    """For one that counts and for one that does not, with the collection and the account; also while we are silent."""
    mine, theirs = photos
    collection = str(editor.ask("create_collection", name="Setter (sample)"))
    office = Office(given)
    try:
        for ref in photos:
            answer(server, "add_resource_to_collection", resource=ref, collection=collection)
        editor.choose(collection, "suggest")
        assert "chosen for the collection “Setter (sample)” by setter sample." in panel(office, mine)
        assert "by setter sample, does not count for this photograph" in panel(office, theirs)
        assert until(lambda: collection in counting(server, mine))
    finally:
        answer(server, "delete_collection", collection=collection)


def panel(office: Office, ref: str) -> str:
    """The panel's content for a photograph, asked as its page does."""
    return office.panel(ref).text
