"""The box "may I use it?": a name, a number, a path or an address, of what the account may see, and nothing else."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from sqlalchemy import insert, select

from plugin.clock import ManualClock
from plugin.flows.common.services import Services
from plugin.flows.names import resources
from plugin.ledger import tables as t
from plugin.recognizer.process.examiner import Examiner
from tests import staff, support
from tests.doubles.resourcespace import Double
from tests.doubles.resourcespace_house import jpeg
from tests.doubles.resourcespace_state import GENERAL
from tests.promises.test_thumbnails import come_in, served

REFS = (
    "shoot/IMG_0001.jpg",
    "shoot/IMG_0002.jpg",
    "shoot/Été à Ærø.JPG",
    "shoot/100%_sure.jpg",
    "board/IMG_0001.jpg",
    "board/secret plan.jpg",
    "shoot/it's <b>.jpg",
)


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """Photographs in two collections; editors of group 9 are limited to the first."""
    access = {**staff.ACCESS, "editors": [3, 9], "limited": {"9": ["shoot"]}}
    with support.opened(staff.configuration(tmp_path, access=access), clock, examiner) as open_:
        with open_.store.write() as tx:
            for number, ref in enumerate(REFS, 1):
                tx.execute(insert(t.resource).values(ref=ref, file_version="v", kind="photo", seen_at=tx.now))
                where = {"resource_id": number, "collection_ref": ref.split("/")[0]}
                tx.execute(insert(t.resource_collection).values(**where))
        yield open_


@pytest.fixture
def editor(services: Services, clock: ManualClock) -> FlaskClient:
    return staff.signed_in(staff.app(services), clock, "editor")


def ask(browser: FlaskClient, text: str) -> list[str]:
    """The refs that the box answers with; that of the page on which it ends, where one is meant."""
    answer = browser.get(f"/console/may-i?q={quote(text)}")
    if answer.status_code == 303:
        return [REFS[int(answer.headers["Location"].rsplit("/", 1)[1]) - 1]]
    assert answer.status_code == 200
    return [ref for number, ref in enumerate(REFS, 1) if f'href="/console/photographs/{number}"' in answer.text]


def test_by_name_path_or_number_in_any_spelling(services: Services, editor: FlaskClient) -> None:
    """One that is meant is shown at once; several are listed."""
    root = services.config.path(services.config.folder.path)
    for text, found in {
        "shoot/IMG_0001.jpg": REFS[:1],
        "shoot\\IMG_0001.jpg": REFS[:1],
        f"{root}/shoot/IMG_0002.jpg": REFS[1:2],
        f"file://{quote(f'{root}/shoot/IMG_0002.jpg')}": REFS[1:2],
        "img_0002.JPG": REFS[1:2],
        "IMG_0001.jpg": (REFS[0], REFS[4]),
        "img_": (REFS[0], REFS[1], REFS[4]),
        "ete a aero.jpg": REFS[2:3],
        "ÉTÉ À ÆRØ": REFS[2:3],
        '"secret plan.jpg"': REFS[5:6],
        "IT'S <B>": REFS[6:],
        "nothing like it": (),
        "": (),
    }.items():
        assert ask(editor, text) == list(found), text


def test_what_attackers_type_finds_nothing_more(editor: FlaskClient) -> None:
    """Wildcards are letters, an address of another place is none of ours, and what was typed is only said again."""
    for text in ("%", "_", "IMG%", "I*", "' OR 1=1 --", "../shoot", "javascript:alert(1)", "/", "." * 9000):
        assert ask(editor, text) == [], text
    assert ask(editor, "100%_") == [REFS[3]]
    for host in ("https://evil.example/shoot/IMG_0001.jpg", "HTTP://evil.example/?ref=1", "http://[", "//x/IMG_0009"):
        assert ask(editor, host) == [], host
    said = editor.get("/console/may-i?q=" + quote("https://x/<script>alert(1)</script>")).text
    assert "<script>alert" not in said
    assert "&lt;script&gt;alert" in said
    assert 'href="javascript' not in editor.get("/console/may-i?q=javascript:alert(1)").text


def test_a_limited_account_finds_nothing_of_other_collections(services: Services, clock: ManualClock) -> None:
    """Neither by the whole name, nor by how it begins, nor by its path, nor by its number."""
    near = staff.app(services).test_client()
    staff.Dam(clock).sign_in(near, user="near", groups=[9], address=staff.address())
    assert ask(near, "secret plan.jpg") == []
    assert ask(near, "board/secret plan.jpg") == []
    assert ask(near, "IMG_0001.jpg") == [REFS[0]]
    assert near.get("/console/photographs/6").status_code == 404


def test_the_name_follows_the_file(services: Services, editor: FlaskClient) -> None:
    """Renamed, it is found by its new name and not by the old one."""
    with services.store.write() as tx:
        resources.move(tx, REFS[1], "shoot/New Name.jpg")
    assert ask(editor, "new name.jpg") == [REFS[1]]
    assert ask(editor, "IMG_0002") == []


def test_on_a_server_by_number_address_and_name(
    tmp_path: Path, double: Double, clock: ManualClock, examiner: Examiner
) -> None:
    """What the DAM closes to the account is not found; its addresses are read, those of other places are not."""
    with served(tmp_path, double, clock, examiner) as house:
        double.library.add_user("Jo", GENERAL)
        refs = [double.photo(jpeg(shade=shade), name) for shade, name in ((1, "Été 1.jpg"), (2, "Été 2.jpg"))]
        double.library.photos[refs[1]].access = 2
        with house.store.write() as tx:
            for ref in refs:
                tx.execute(insert(t.resource).values(ref=str(ref), file_version="v", kind="photo", seen_at=tx.now))
            ids = {row.ref: row.id for row in tx.execute(select(t.resource.c.ref, t.resource.c.id))}
        jo = come_in(house, clock, "Jo", GENERAL)
        mine, url = f"/console/photographs/{ids[str(refs[0])]}", house.config.resourcespace.url
        for text in (
            str(refs[0]),
            "ete 1",
            "ÉTÉ",
            f"{url}/?r={refs[0]}",
            f"{url}/pages/view.php?search=%21last1&ref={refs[0]}&k=",
        ):
            answer = jo.get(f"/console/may-i?q={quote(text)}")
            assert (answer.status_code, answer.headers.get("Location")) == (303, mine), text
        for text in (
            str(refs[1]),
            "ete 2",
            f"{url}/?r={refs[1]}",
            f"http://evil.example/?r={refs[0]}",
            f"{url}@evil.example/?r={refs[0]}",
            f"{url}/?r=1%20OR%201",
        ):
            answer = jo.get(f"/console/may-i?q={quote(text)}")
            assert answer.status_code == 200, text
            assert "/console/photographs/" not in answer.text, text
