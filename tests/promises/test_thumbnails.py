"""P4: a picture is shown to nobody who may not see it, whatever asks for it and however."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import select
from werkzeug.test import TestResponse

from plugin.clock import ManualClock
from plugin.flows.common.services import Services
from plugin.flows.schedule import calendar
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.scope import Mode
from plugin.recognizer.process.examiner import Examiner
from sidecar.app import create_app
from sidecar.commands.demo import samples
from tests import on_double, sender, staff, support
from tests.doubles.resourcespace import Double
from tests.doubles.resourcespace_state import GENERAL, RESTRICTED
from tests.staff import Dam

Promise = Callable[[str, str], None]

SIZES = ("thumb", "large")
# however it is asked: the whole, its head, a part of it, what another had in a cache, another size of the same
WAYS: tuple[tuple[str, dict[str, str]], ...] = (
    ("get", {}),
    ("head", {}),
    ("get", {"Range": "bytes=0-99"}),
    ("get", {"If-None-Match": "*"}),
    ("get", {"If-Modified-Since": "Tue, 01 Jan 2030 00:00:00 GMT"}),
)
OTHER_WAYS = ("?size=large", "?v=1", "/..%2flarge.jpg")


def _ask(browser: FlaskClient, photo_id: int, size: str, way: tuple[str, dict[str, str]], more: str = "") -> Any:
    path = f"/console/photographs/{photo_id}/{size}.jpg{more}"
    return getattr(browser, way[0])(path, headers=way[1])


def _is_picture(answer: TestResponse) -> bool:
    return answer.status_code in {200, 206, 304} or answer.data.startswith(b"\xff\xd8")


def _count_shown(browser: FlaskClient, photo_id: int) -> tuple[int, int]:
    """How often a picture came, and how often it was asked for."""
    asked = list(product(SIZES, WAYS)) + [(size, WAYS[0], more) for size in SIZES for more in OTHER_WAYS]
    return sum(_is_picture(_ask(browser, photo_id, *one)) for one in asked), len(asked)


def _longest(answer: TestResponse) -> int:
    with Image.open(io.BytesIO(answer.data)) as picture:
        assert picture.format == "JPEG"
        assert not picture.getexif()
        return max(picture.size)


def _numbers(services: Services) -> dict[str, int]:
    with services.store.read() as conn:
        return {row.ref: row.id for row in conn.execute(select(t.resource.c.ref, t.resource.c.id))}


# ---- a folder: the role, and the collections that an account is limited to -------------------


@pytest.fixture
def folder(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """Two collections; editors of group 9 are limited to the first."""
    access = {**staff.ACCESS, "editors": [3, 9], "limited": {"9": ["shoot"]}}
    with support.opened(staff.configuration(tmp_path, access=access), clock, examiner) as services:
        photos = services.config.path(services.config.folder.path)
        cast = support.Cast(services)
        for place in ("shoot", "board"):
            support.put(photos, f"{place}/one.jpg", samples.A_SPEECH, (1600, 1200))
            cast.open_collection(place, Mode.DETECT)
        calendar.poll_dam(services)
        cast.work()
        yield services


def _limited(app: Flask, clock: ManualClock) -> FlaskClient:
    client = app.test_client()
    answer = Dam(clock).sign_in(client, user="near", groups=[9], address=staff.address())
    assert answer.status_code == 303, answer.text
    return client


@pytest.mark.promise
def test_nobody_sees_more_than_their_role_and_collections(
    folder: Services, clock: ManualClock, promise: Promise
) -> None:
    """Without a session, as an auditor, as an editor of another collection: no picture, by any way of asking."""
    app, ids = staff.app(folder), _numbers(folder)
    editor, near = staff.signed_in(app, clock, "editor"), _limited(app, clock)
    left = staff.signed_in(app, clock, "editor")
    gone = staff.cookie_of(left)
    staff.post(left, "/console/sign-out")
    left.set_cookie("facelease_staff", gone, path="/console")
    shut = {"nobody": app.test_client(), "auditor": staff.signed_in(app, clock, "auditor"), "signed out": left}
    shown = asked = 0
    for browser in shut.values():
        for photo_id in ids.values():
            shown, asked = (a + b for a, b in zip((shown, asked), _count_shown(browser, photo_id), strict=True))
    # somebody else looked at it a moment ago
    assert _ask(editor, ids["board/one.jpg"], "large", WAYS[0]).status_code == 200
    shown, asked = (a + b for a, b in zip((shown, asked), _count_shown(near, ids["board/one.jpg"]), strict=True))
    assert near.get(f"/console/photographs/{ids['board/one.jpg']}").status_code == 404
    promise("P4", f"folder: pictures shown to whom may not see them {shown} of {asked}")
    assert shown == 0
    for browser in (editor, near):  # and who may, sees it, kept nowhere, small as it was asked for
        for size, longest in (("thumb", 240), ("large", 1400)):
            answer = _ask(browser, ids["shoot/one.jpg"], size, WAYS[0])
            assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
            assert _longest(answer) == longest
            assert "ETag" not in answer.headers
            assert _ask(browser, ids["shoot/one.jpg"], size, WAYS[2]).status_code == 200  # no part of it alone


# ---- ResourceSpace: what the DAM opens to the account ----------------------------------------


@contextmanager
def served(root: Path, double: Double, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """A house beside a ResourceSpace, with a console."""
    files = {"webhooks": {"signin_secret_file": sender.secret_file(root / "signin.secret", staff.SECRET)}}
    access = {"access": {**staff.ACCESS, "administrators": [1], "editors": [GENERAL, RESTRICTED], "officers": []}}
    config = on_double.configuration(root, double, server={"public_url": staff.AUDIENCE}, **files, **access)
    with support.opened(config, clock, examiner) as services:
        calendar.poll_dam(services)
        yield services


def come_in(services: Services, clock: ManualClock, user: str, group: int) -> FlaskClient:
    """A browser in which this account of the DAM is signed in."""
    app = create_app(services.config, services)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    client = app.test_client()
    assert Dam(clock).sign_in(client, user=user, groups=[group], address=staff.address()).status_code == 303
    return client


@pytest.mark.promise
def test_nobody_sees_what_the_dam_closes_to_them(
    tmp_path: Path, double: Double, clock: ManualClock, examiner: Examiner, promise: Promise
) -> None:
    """What is confidential there is not shown here; what is restricted is small; what changes there counts at once."""
    with served(tmp_path, double, clock, examiner) as services:
        library = double.library
        for name, group in (("Jo", GENERAL), ("Kim", RESTRICTED)):
            library.add_user(name, group)
        picture = io.BytesIO()
        Image.new("RGB", (2400, 1800), (90, 120, 60)).save(picture, "JPEG")
        refs = {name: double.photo(picture.getvalue()) for name in ("open", "closed")}
        library.photos[refs["closed"]].access = 2
        calendar.poll_dam(services)
        support.Cast(services).work()
        ids = {name: _numbers(services)[str(ref)] for name, ref in refs.items()}
        jo, kim = come_in(services, clock, "Jo", GENERAL), come_in(services, clock, "Kim", RESTRICTED)
        assert _longest(_ask(jo, ids["open"], "large", WAYS[0])) == 1067  # the server's own preview, not made larger
        assert _longest(_ask(kim, ids["open"], "large", WAYS[0])) == 540
        shown = asked = 0
        for browser in (jo, kim):
            shown, asked = (a + b for a, b in zip((shown, asked), _count_shown(browser, ids["closed"]), strict=True))
            page = browser.get(f"/console/photographs/{ids['closed']}")
            assert page.status_code == 404
        library.photos[refs["open"]].access = 2  # it was open a moment ago
        for browser in (jo, kim):
            shown, asked = (a + b for a, b in zip((shown, asked), _count_shown(browser, ids["open"]), strict=True))
        library.photos[refs["open"]].access = 0
        double.faults = lambda function: "500" if function == "facelease_seen" else None  # nobody knows
        for browser in (jo, kim):
            shown, asked = (a + b for a, b in zip((shown, asked), _count_shown(browser, ids["open"]), strict=True))
        promise("P4", f"ResourceSpace double: pictures shown to whom may not see them {shown} of {asked}")
        assert shown == 0
