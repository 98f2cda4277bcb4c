"""Faces are dismissed by a list, one by one or all small ones in one act: on either store, and where SQL counts."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from plugin.clock import ManualClock
from plugin.errors import ConsentError, NotFound, NothingDone
from plugin.flows.clearance import photo_answers
from plugin.flows.common import face_rows
from plugin.flows.common.services import Services
from plugin.flows.names import resources
from plugin.flows.review import dismissals, download_gate, face_decisions
from plugin.flows.views import waiting_list
from plugin.flows.views.photos import photo_panel
from plugin.flows.views.review import unnamed_faces
from plugin.flows.views.waiting_list import WaitingKind
from plugin.ledger import tables as t
from plugin.ledger.keys import free_text
from plugin.ledger.store.store import inserted_id
from plugin.quitclaim.clearance.answers import ClearanceStatus, ReasonCode
from plugin.quitclaim.clearance.dismissal import Dismissal
from plugin.recognizer.examination.messages import FoundFace
from plugin.recognizer.process.examiner import Examiner
from sidecar.commands.demo import samples
from tests import staff, support
from tests.stores import KINDS, Stores

REF = "shoot/crowd.jpg"
BY = "dam:jo"
SETTLING = {"no_person", "too_small"}
AT_LEAST = 128  # twice `clearance.recognisable_px`


@pytest.fixture(params=KINDS)
def house(
    tmp_path: Path, clock: ManualClock, examiner: Examiner, stores: Stores, request: pytest.FixtureRequest
) -> Iterator[Services]:
    """A house with one photograph in its folder, on either store."""
    config = staff.configuration(tmp_path, store={"url": stores.migrated(request.param)})
    with support.opened(config, clock, examiner) as services:
        support.put(Path(services.config.folder.path), REF, samples.A_STANDING, (300, 400))
        yield services


class Crowd:
    """The faces of the photograph, examined whole."""

    def __init__(self, services: Services, longest: int = 2000) -> None:
        self.services = services
        arrival = resources.enter(services, REF)
        self.id, self.version = arrival.resource_id, arrival.resource.file_version
        with services.store.write() as tx:
            mine = t.resource.c.id == self.id
            tx.execute(update(t.resource).where(mine).values(examined="whole", longest_px=longest))

    def face(self, file_px: int | None, state: str = "unmatched", **values: Any) -> int:
        """One more face of the photograph."""
        with self.services.store.write() as tx:
            place = len(face_rows.list_of(tx.connection, self.id)) / 100
            row = {"left": place, "top": 0.1, "width": 0.009, "height": 0.01, "width_px": 60, "created_at": tx.now}
            row |= {"file_px": file_px, "state": state, "file_version": self.version}
            return inserted_id(tx.execute(insert(t.face).values(resource_id=self.id, **row | values)))

    def states(self) -> list[str]:
        with self.services.store.read() as conn:
            return list(conn.scalars(select(t.face.c.state).order_by(t.face.c.id)))

    def status(self) -> ClearanceStatus:
        """The answer, which SQL counts the same way."""
        status = photo_answers.answer_photo(self.services, REF, "communication", "website").status
        counted = download_gate.count_open(self.services, "website")
        assert counted == (status in download_gate.OPEN), (status, counted)
        return status

    def codes(self) -> set[ReasonCode]:
        return {one.code for one in photo_answers.answer_photo(self.services, REF, "communication", "website").reasons}


def rows(services: Services, action: str) -> list[Any]:
    with services.store.read() as conn:
        return list(conn.execute(select(t.audit).where(t.audit.c.action == action).order_by(t.audit.c.seq)))


@pytest.mark.parametrize("why", list(Dismissal))
def test_only_two_reasons_settle(house: Services, why: Dismissal) -> None:
    """By the others nobody is asked again, and the photograph stays unknown, also where the face is a small figure."""
    crowd = Crowd(house)
    large, tiny = crowd.face(100), crowd.face(9)
    dismissals.dismiss(house, large, why, BY, "x")
    assert crowd.status() is (ClearanceStatus.NO_PERSON_FOUND if why in SETTLING else ClearanceStatus.UNKNOWN)
    dismissals.dismiss(house, large, Dismissal.NO_PERSON, BY)
    dismissals.dismiss(house, tiny, why, BY)
    assert crowd.status() is (ClearanceStatus.NO_PERSON_FOUND if why in SETTLING else ClearanceStatus.UNKNOWN)
    assert (ReasonCode.FACE_SET_ASIDE in crowd.codes()) == (why not in SETTLING)
    with house.store.read() as conn:
        assert not list(face_decisions.list_waiting(conn, "unmatched")), "nobody is asked again"
        assert not list(dismissals.list_waiting(house, conn))


@pytest.mark.parametrize("file_px", [AT_LEAST, 300, None])
def test_too_small_is_not_said_of_a_large_face(house: Services, file_px: int | None) -> None:
    """Nor of one whose width in the file nobody knows: refused, and nothing has changed."""
    crowd = Crowd(house)
    face = crowd.face(file_px)
    with pytest.raises(ConsentError, match="too small"):
        dismissals.dismiss(house, face, Dismissal.TOO_SMALL, BY)
    with pytest.raises(NothingDone):
        dismissals.dismiss_small(house, REF, Dismissal.TOO_SMALL, BY)
    assert (crowd.states(), crowd.status(), rows(house, "photo:face:dismiss")) == (
        ["unmatched"],
        ClearanceStatus.UNKNOWN,
        [],
    )


@pytest.mark.parametrize("key", ["", " ", "TOO_SMALL", "Too_small", "too_small ", " objects", "crowd", "None"])
def test_a_reason_is_one_of_the_list(key: str) -> None:
    """Spelled exactly so; the error lists them."""
    with pytest.raises(ConsentError, match="no_person, too_small, bystander, objects, other"):
        dismissals.parse_dismissal(key)


def test_all_small_faces_in_one_act(house: Services) -> None:
    """Eleven in one act with one row of the log; who is named, suggested, decided or large stays, and is told."""
    crowd = Crowd(house)
    small = [crowd.face(px, state) for px, state in [(9, "unmatched"), (127, "rejected"), *[(30, "unmatched")] * 9]]
    kept = [crowd.face(9, "suggested"), crowd.face(9, "matched"), crowd.face(AT_LEAST), crowd.face(None)]
    before = crowd.face(9, "dismissed"), crowd.face(9, "dismissed", dismissal="objects")
    done = dismissals.dismiss_small(house, REF, Dismissal.TOO_SMALL, BY)
    assert (set(done.faces), done.left, done.before) == (set(small), 4, None)
    assert crowd.states() == ["dismissed"] * 11 + ["suggested", "matched", "unmatched", "unmatched"] + ["dismissed"] * 2
    (row,) = rows(house, "photo:face:dismiss")
    assert json.loads(row.details) == {"faces": ", ".join(map(str, sorted(small))), "dismissal": "too_small"}
    again = dismissals.dismiss_small(house, REF, Dismissal.TOO_SMALL, BY)
    assert (again.faces, again.left, again.before) == ((), 4, house.clock.now())
    assert len(rows(house, "photo:face:dismiss")) == 1
    with pytest.raises(NothingDone):
        dismissals.dismiss_small(house, REF, Dismissal.BYSTANDER, BY)
    assert dismissals.undo_dismissal(house, small[3], BY) == 11
    assert crowd.states()[:11] == ["unmatched"] * 11
    assert crowd.states()[-2:] == ["dismissed"] * 2
    assert {kept[0], before[0]}.isdisjoint(small)
    with pytest.raises(NotFound):
        dismissals.dismiss_small(house, "shoot/nosuch.jpg", Dismissal.TOO_SMALL, BY)


def test_a_stadium_is_dismissed_and_taken_back_in_one_act(house: Services) -> None:
    """A row of the log holds no more than some numbers: there are as many rows as it takes."""
    crowd = Crowd(house)
    small = [crowd.face(20) for _ in range(150)]
    done = dismissals.dismiss_small(house, REF, Dismissal.TOO_SMALL, BY)
    assert (len(done.faces), done.left, set(crowd.states())) == (150, 0, {"dismissed"})
    assert dismissals.undo_dismissal(house, small[7], BY) == 150
    for action in ("photo:face:dismiss", "photo:face:undo"):
        told = [json.loads(row.details)["faces"].split(", ") for row in rows(house, action)]
        assert sorted(int(one) for part in told for one in part) == small


def test_what_nobody_has_seen_is_left(house: Services) -> None:
    """A closer look finds more faces while somebody decides: those are left to decide, and told."""
    crowd = Crowd(house)
    seen = [crowd.face(20), crowd.face(30)]
    crowd.face(25)
    done = dismissals.dismiss_small(house, REF, Dismissal.TOO_SMALL, BY, newest=max(seen))
    assert (set(done.faces), done.left) == (set(seen), 1)
    assert crowd.states() == ["dismissed", "dismissed", "unmatched"]


def test_a_photograph_that_was_replaced_meanwhile(house: Services) -> None:
    """Its faces were seen on another file: none is dismissed."""
    crowd = Crowd(house)
    crowd.face(20)
    support.put(Path(house.config.folder.path), REF, samples.B_STANDING, (600, 800))
    with pytest.raises(NothingDone):
        dismissals.dismiss_small(house, REF, Dismissal.TOO_SMALL, BY)
    assert crowd.states() == ["unmatched"]
    with house.store.read() as conn:
        assert dismissals.count_small(house, conn, [crowd.id]) == {}


def test_another_editor_decides_at_the_same_time(house: Services) -> None:
    """What was decided by then stays; undoing the act leaves it."""
    crowd = Crowd(house)
    first, second = crowd.face(20), crowd.face(30)
    dismissals.dismiss(house, second, Dismissal.OBJECTS, "dam:kim")
    done = dismissals.dismiss_small(house, REF, Dismissal.TOO_SMALL, BY)
    assert done.faces == (first,)
    assert crowd.status() is ClearanceStatus.UNKNOWN
    assert dismissals.undo_dismissal(house, first, BY) == 1
    assert crowd.states() == ["unmatched", "dismissed"]
    with pytest.raises(ConsentError, match="nothing to undo"):
        dismissals.undo_dismissal(house, first, BY)


def test_a_face_that_turns_out_larger_comes_back(house: Services) -> None:
    """Examined again closely it is 200 px wide in the file: not settled, and on the editors' list."""
    crowd = Crowd(house)
    face = crowd.face(60)
    dismissals.dismiss(house, face, Dismissal.TOO_SMALL, BY)
    assert crowd.status() is ClearanceStatus.NO_PERSON_FOUND
    with house.store.write() as tx:
        (row,) = face_rows.list_of(tx.connection, crowd.id)
        face_rows.merge(tx, crowd.id, crowd.version, [FoundFace(face_rows.box_of(row), 60, 200, 0.9)], "engine")
    assert (crowd.states(), crowd.status()) == (["dismissed"], ClearanceStatus.UNKNOWN)
    assert ReasonCode.FACE_NOT_SMALL in crowd.codes()
    view = photo_panel.load_panel(house, REF)
    assert view is not None
    assert [(one.again, one.small) for one in view.faces] == [(True, False)]
    with house.store.read() as conn:
        assert [row.id for row in dismissals.list_waiting(house, conn)] == [face]
    assert WaitingKind.DISMISSED_BEFORE in {one.kind for one in waiting_list.list_counts(house)}
    dismissals.dismiss(house, face, Dismissal.BYSTANDER, BY)
    assert dismissals.count_waiting(house) == 0
    assert crowd.status() is ClearanceStatus.UNKNOWN


def test_what_was_dismissed_before_there_was_a_list(house: Services) -> None:
    """It keeps its words, waits to be decided again, and is unknown until then; no sweep settles it unread."""
    crowd = Crowd(house)
    with house.store.write() as tx:
        said = free_text.seal_text(tx, house.vault, "objects", face_rows.REASON)
    face = crowd.face(9, "dismissed", reason=said)
    crowd.face(20)
    assert crowd.status() is ClearanceStatus.UNKNOWN
    assert ReasonCode.FACE_DISMISSED_BEFORE in crowd.codes()
    assert dismissals.dismiss_small(house, REF, Dismissal.TOO_SMALL, BY).left == 1
    assert crowd.status() is ClearanceStatus.UNKNOWN
    entry = next(one for one in waiting_list.list_counts(house) if one.kind is WaitingKind.DISMISSED_BEFORE)
    assert (entry.count, entry.wrong) == (1, False)
    with house.store.read() as conn:
        (row,) = dismissals.list_waiting(house, conn)
        assert (row.id, face_rows.reason_of(house.texts(conn), row)) == (face, "objects")
    dismissals.dismiss(house, face, Dismissal.NO_PERSON, BY)
    assert crowd.status() is ClearanceStatus.NO_PERSON_FOUND
    assert dismissals.count_waiting(house) == 0


def test_small_figures_are_not_asked_about(house: Services) -> None:
    """What counts nowhere is left out of the list, and counted; what counts at the file's own size is listed."""
    crowd = Crowd(house, longest=6000)
    listed = [crowd.face(64), crowd.face(None), crowd.face(300)]
    for width in (9, 30, 63):
        crowd.face(width)
    with house.store.read() as conn:
        assert [row.id for row in unnamed_faces.list_unnamed(house, conn)] == listed
        assert unnamed_faces.count_small_figures(house, conn, [crowd.id]) == {crowd.id: 3}
        assert [row.id for row in unnamed_faces.list_unnamed(house, conn, listed[0], 1)] == listed[1:2]


def test_sql_and_the_answer_say_the_same(house: Services) -> None:
    """Photographs of up to three faces of any kind: what counts as nobody in it, by the answer and by SQL."""
    crowd, chance = Crowd(house), random.Random(4)
    kinds = [("unmatched", None), *(("dismissed", why) for why in (None, "", "nosuch", *Dismissal))]
    widths = [None, 5, 20, 60, AT_LEAST - 1, AT_LEAST, 300]
    for _ in range(60):
        with house.store.write() as tx:
            tx.execute(t.face.delete().where(t.face.c.resource_id == crowd.id))
        for state, why in chance.choices(kinds, k=chance.randint(0, 3)):
            crowd.face(chance.choice(widths), state, dismissal=why)
        crowd.status()
        with house.store.read() as conn:
            found = face_rows.list_of(conn, crowd.id)
            waiting = [row.id for row in dismissals.list_waiting(house, conn)]
            small = dismissals.count_small(house, conn, [crowd.id]).get(crowd.id, dismissals.SmallFaces())
        again = [row.id for row in found if row.state == "dismissed" and dismissals.is_waiting(house, row)]
        assert waiting == sorted(again)
        assert small.count == len([r for r in found if r.state == "unmatched" and (r.file_px or AT_LEAST) < AT_LEAST])
