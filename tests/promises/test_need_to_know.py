"""S1: an editor who is limited to collections reads nothing of what lies elsewhere, whatever the way to it."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from plugin.clock import ManualClock
from plugin.flows.access import sight
from plugin.flows.access.staff_sessions import Role, Staff
from plugin.flows.common.services import Services
from plugin.flows.review import face_decisions
from plugin.flows.schedule import calendar
from plugin.flows.views import dashboard
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.scope import Mode
from plugin.recognizer.process.examiner import Examiner
from tests import staff, support
from tests.crowd import A, B, Crowd
from tests.url_map import Routes

Promise = Callable[[str, str], None]

_SECRET, _NAME = "vault/merger.jpg", "Boris Buiten"
_LIMITED = 5


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """A house whose fifth group are editors of one collection."""
    access = staff.ACCESS | {"editors": [3, _LIMITED], "limited": {str(_LIMITED): [support.SHOOT]}}
    with support.opened(staff.configuration(tmp_path, access=access), clock, examiner) as open_:
        yield open_


@dataclass
class Outside:
    """What lies where the editor has no business: a person, a face, a reference set."""

    person_id: str
    face_id: int
    set_id: str
    resource_id: int
    mine: frozenset[int]

    def shown_in(self, page: str) -> list[str]:
        """What of it stands in a page."""
        return [one for one in (_NAME, "Buiten", _SECRET, "merger", self.person_id, self.set_id) if one in page]


@pytest.fixture
def outside(services: Services, cast: support.Cast, photos: Path, examiner: Examiner) -> Outside:
    """One person in the editor's collection, another in two photographs of one that is not theirs."""
    asa, boris = cast.add("Åsa"), cast.add(_NAME)
    cast.sign(asa)
    cast.sign(boris, channels=("internal", "website"))
    cast.enrol(asa)
    cast.enrol(boris, B)
    crowd = Crowd(examiner)
    for ref, heads in ((f"{support.SHOOT}/one.jpg", [A[0]]), (_SECRET, [B]), ("vault/again.jpg", [B, A[1]])):
        crowd.put(photos, ref, crowd.row(heads))
        cast.open_collection(ref.split("/")[0], Mode.SUGGEST)
    calendar.poll_dam(services)
    cast.work()
    calendar.start_process(services)
    face = support.find_face(services, _SECRET)
    face_decisions.confirm(services, face, "test", boris)
    cast.work()
    r = t.resource.c
    with services.store.read() as conn:
        number = conn.scalar(select(r.id).where(r.ref == _SECRET))
        pictures = conn.scalar(select(t.reference_set.c.id).where(t.reference_set.c.person_id == boris))
        mine = select(t.face.c.id).join(t.resource, r.id == t.face.c.resource_id).where(r.ref.startswith(support.SHOOT))
        faces = frozenset(conn.scalars(mine))
    assert face
    assert faces
    return Outside(boris, face, str(pictures), int(number or 0), faces)


def _editor(app: Flask, clock: ManualClock, group: int) -> FlaskClient:
    client = app.test_client()
    answer = staff.Dam(clock).sign_in(client, user=f"g{group}", groups=[group], address=staff.address())
    assert answer.status_code == 303
    return client


def _calls(app: Flask, outside: Outside) -> list[tuple[str, str, str]]:
    """(endpoint, method, path) of each route of the staff, with what lies outside in each place that takes something.

    Words that no route of this house takes stand for themselves.
    """
    known = {"person_id": outside.person_id, "face_id": str(outside.face_id), "set_id": outside.set_id, "number": "0"}
    known |= {"photo_id": str(outside.resource_id), "resource_id": str(outside.resource_id), "photo": "1"}
    arguments = _Known(known)
    found = [(str(rule.endpoint), method, path) for rule, method, path in Routes(app, arguments).calls()]
    return [one for one in found if one[0].startswith("console.") and one[0] != "console.sign_out"]


class _Known(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "1"


def _fields(outside: Outside) -> dict[str, Any]:
    """What a page may be asked for besides: each list, search and choice, of what lies outside."""
    return {
        "q": "Buiten",
        "ref": "vault",
        "person": _NAME,
        "set": outside.set_id,
        "photo": _SECRET,
        "file": _SECRET,
        "name": _NAME,
        "how": "met",
        "sure": "yes",
        "look": outside.set_id,
        "face": str(outside.face_id),
        "channel": "website",
        "tag": "1",
        "act": "confirm",
    }


def _state(services: Services) -> list[Any]:
    with services.store.read() as conn:
        tables = (t.face, t.tag, t.reference_set, t.person, t.address, t.invitation, t.grant)
        return [sorted(map(tuple, conn.execute(select(one)).all()), key=str) for one in tables]


@pytest.mark.promise
def test_a_limited_editor_reads_nothing_of_other_collections(
    app: Flask, services: Services, clock: ManualClock, outside: Outside, promise: Promise
) -> None:
    """Every route of the console, with the person, the face, the photograph and the collection that are not the
    editor's wherever something can be asked for: nothing of them is shown, nothing changes, and an editor without
    limits is shown them."""
    app.config["WTF_CSRF_ENABLED"] = False
    limited, all_, fields = _editor(app, clock, _LIMITED), _editor(app, clock, 3), _fields(outside)
    before, calls = _state(services), _calls(app, outside)
    read, opened, pictures, shown = [], [], [], 0
    for endpoint, method, path in calls:
        for query in ({}, fields, fields | {"list": "unmatched"}, fields | {"list": "machine"}):
            data = {} if method == "GET" else fields
            where = {"REMOTE_ADDR": staff.address()}
            answer = limited.open(path, method=method, query_string=query, data=data, environ_base=where)
            read += [(endpoint, one) for one in outside.shown_in(_without_question(answer.text))]
            opened += [(endpoint, path)] if answer.status_code >= 500 else []
            pictures += [path] if (answer.mimetype or "").startswith("image/") else []
            if method == "GET":
                free = all_.open(path, query_string=query, environ_base={"REMOTE_ADDR": staff.address()})
                shown += (free.mimetype or "").startswith("image/") or bool(
                    outside.shown_in(_without_question(free.text))
                )
    changed = before != _state(services)
    promise(
        "S1",
        f"a limited editor: {len(calls)} routes x 4 questions; read {len(read)}, pictures {len(pictures)}, "
        f"changed {int(changed)}; without the limit {shown} pages show it",
    )
    assert (read, opened, pictures, changed) == ([], [], [], False)
    assert shown >= 8


def _without_question(page: str) -> str:
    """The page without what it repeats of the question: the words of a search, and who it says is not there."""
    return re.sub(r'value="Buiten"|q=Buiten|no person \w+:|no person called [^:]*:', "", page)


@pytest.mark.promise
def test_numbers_tell_nothing(
    app: Flask, services: Services, clock: ManualClock, outside: Outside, promise: Promise
) -> None:
    """Of the faces whose numbers are guessed those of the editor's photographs alone are shown; the others are
    answered word for word as numbers that do not exist."""
    client, shown, told = _editor(app, clock, _LIMITED), set(), set()
    with services.store.read() as conn:
        last = max(conn.scalars(select(t.face.c.id)))
    for number in range(1, last + 20):
        for look in ("photo", "close"):
            answer = client.get(f"/console/review/{number}/{look}.jpg", environ_base={"REMOTE_ADDR": staff.address()})
            if answer.status_code == 200:
                shown.add(number)
            else:
                assert answer.status_code == 404
                told.add(answer.text.replace(f"no face {number}:", "no face N:"))
    promise(
        "S1", f"numbers guessed {2 * (last + 19)}: pictures of others {len(shown - outside.mine)}, answers {len(told)}"
    )
    assert shown == outside.mine
    assert len(told) == 1


def test_counts_are_of_the_own_collections(services: Services, outside: Outside) -> None:
    """What the start page counts, and which people end soon, is counted in the editor's collections alone."""
    me = Staff("1", "jan", Role.EDITOR, "en", frozenset({support.SHOOT}))
    mine, everything = dashboard.load_dashboard(services, me), dashboard.load_dashboard(services)
    assert mine.suggestions + mine.unnamed == len(outside.mine)
    assert everything.suggestions + everything.unnamed > len(outside.mine)
    nowhere = dashboard.load_dashboard(services, Staff("1", "jan", Role.EDITOR, "en", frozenset()))
    assert (nowhere.suggestions, nowhere.unnamed, nowhere.ending_people) == (0, 0, 0)


def test_who_may_see_whom(services: Services, outside: Outside) -> None:
    """A photograph is seen by whoever may see one of its collections; a person by whoever may see a photograph of
    theirs."""
    inside, elsewhere = (Staff("1", "jan", Role.EDITOR, "en", frozenset({ref})) for ref in (support.SHOOT, "vault"))
    everybody = Staff("1", "jan", Role.EDITOR, "en")
    with services.store.read() as conn:
        for who, sees in ((inside, False), (elsewhere, True), (everybody, True)):
            assert sight.may_see(services, conn, who, outside.resource_id) is sees
            assert sight.may_see_person(services, conn, who, outside.person_id) is sees
            listed = set(conn.scalars(select(t.person.c.id).where(sight.people(conn, who))))
            assert (outside.person_id in listed) is sees
        assert not sight.may_see(services, conn, everybody, 10**9)


def test_an_editor_of_two_groups_sees_what_either_sees(app: Flask, clock: ManualClock, outside: Outside) -> None:
    """One group without a limit is enough to see all; the role of an officer has no limit."""
    for groups in ([3, _LIMITED], [2, _LIMITED]):
        client = app.test_client()
        user = "-".join(map(str, groups))
        staff.Dam(clock).sign_in(client, user=user, groups=groups, address=staff.address())
        assert _NAME in client.get("/console/people").text
