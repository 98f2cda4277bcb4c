"""Whose answer would clear most photographs: what is counted is what is cleared once they have answered."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert

from plugin.clock import ManualClock
from plugin.flows.access import links
from plugin.flows.access.staff_sessions import Role, Staff
from plugin.flows.clearance import photo_answers
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.signing import sign_form
from plugin.flows.views.people import awaited_answers
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.answers import ClearanceStatus, IntendedUse
from plugin.recognizer.process.examiner import Examiner
from tests import signers, staff, support

CHANNELS = ("website", "press")


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """A house with a console."""
    with support.opened(staff.configuration(tmp_path), clock, examiner) as open_:
        yield open_


class Library:
    """Photographs without files: who is named on each, and in which state its faces are."""

    def __init__(self, services: Services) -> None:
        self.services, self.refs = services, list[str]()

    def put(self, *people: str | None, face: dict[str, object] | None = None, **about: object) -> str:
        """A photograph with these people confirmed on it; None is a name of nobody; `face`: one more face."""
        ref = f"shoot/{len(self.refs)}.jpg"
        self.refs.append(ref)
        values: dict[str, object] = {"file_version": "v", "kind": "photo", "examined": "whole", "longest_px": 4000}
        with self.services.store.write() as tx:
            new = insert(t.resource).values(**values | {"ref": ref, "seen_at": tx.now, "looked_px": 64} | about)
            (number,) = tx.execute(new.returning(t.resource.c.id)).one()
            box = {"left": 0.1, "top": 0.1, "width": 0.1, "height": 0.1, "width_px": 90, "file_px": 300}
            common = box | {"resource_id": number, "file_version": "v", "created_at": tx.now}
            for person in people:
                named = {"resource_id": number, "node": str(person), "node_key": str(person), "person_id": person}
                tx.execute(insert(t.tag).values(origin="confirmed", places=[], created_at=tx.now, **named))
                if person is not None:
                    tx.execute(insert(t.face).values(state="matched", person_id=person, decided_by="x", **common))
            if face is not None:
                tx.execute(insert(t.face).values(**common | face))
        return ref

    def cleared(self) -> set[str]:
        """Those that are cleared now, for any use."""
        uses = [IntendedUse("communication", channel) for channel in CHANNELS]
        found = photo_answers.answer_photos(self.services, self.refs, uses)
        yes = ClearanceStatus.CLEARED
        return {ref for ref, by_use in found.items() if any(one.status is yes for one in by_use.values())}


def test_what_is_counted_is_what_an_answer_clears(services: Services, cast: support.Cast) -> None:
    """A hundred photographs of six people in every state: each number is what that signature then clears."""
    dice, library = random.Random(11), Library(services)
    people = [cast.add(f"Person {number}") for number in range(6)]
    cast.sign(people[0], recognition=False, channels=("website",))
    cast.sign(people[1], recognition=False, channels=("press",))
    faces: list[dict[str, object] | None] = [None] * 6
    faces += [{"state": state} for state in ("unmatched", "suggested", "rejected", "matched")]
    faces += [{"state": "dismissed", "dismissal": why} for why in ("no_person", "bystander", None)]
    faces += [{"state": "unmatched", "file_px": 9, "width_px": 3}]
    about: list[dict[str, object]] = [{}] * 8
    about += [{"examined": "partly"}, {"examined": "no"}, {"unread": "why"}, {"looked_px": 500}]
    for _ in range(150):
        some = dice.sample(people, dice.randint(1, 3))
        library.put(*some, *([None] if dice.random() < 0.1 else []), face=dice.choice(faces), **dice.choice(about))
    counted = awaited_answers.count(services, 10)
    assert set(counted) == set(people[2:])
    for person in people[2:]:
        before = library.cleared()
        cast.sign(person, recognition=False, channels=CHANNELS)
        gained = library.cleared() - before
        assert counted[person] == len(gained) > 0
        withdrawal.withdraw(services, person, None, "test")
        counted = awaited_answers.count(services, 10)


def test_the_most_are_found_without_looking_at_all(
    services: Services, cast: support.Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the order of their numbers; who is on too few photographs is not counted."""
    library, people = Library(services), [cast.add(f"Person {number}") for number in range(8)]
    for number, person in enumerate(people):
        for _ in range(number + 1):
            library.put(person)
    looked: list[str] = []
    count = awaited_answers._count_cleared

    def noted(house: Services, conn: Connection, person: str, agreed: Any) -> Any:
        looked.append(person)
        return count(house, conn, person, agreed)

    monkeypatch.setattr(awaited_answers, "_count_cleared", noted)
    assert awaited_answers.count(services, 3) == {people[7]: 8, people[6]: 7, people[5]: 6}
    assert len(looked) == 3


def test_nobody_is_pressed(services: Services, cast: support.Cast, clock: ManualClock) -> None:
    """Who said no or withdrew is not in it; who answers leaves it at once, without a new count; nor is who is gone."""
    desk, library = signers.Desk(services), Library(services)
    people = {name: cast.add(name) for name in ("asked", "never", "refused", "withdrew", "gone")}
    for person in people.values():
        library.put(person)
    sign_form.decline(services, links.find_open(services, desk.invite(people["refused"])).id)
    desk.invite(people["asked"])
    cast.sign(people["withdrew"])
    withdrawal.withdraw(services, people["withdrew"], None, "test")
    awaited_answers.note(services)
    kept = awaited_answers.list_most(services, None, 10)
    assert [(one.name, one.photographs, one.asked) for one in kept] == [
        ("asked", 1, True),
        ("gone", 1, False),
        ("never", 1, False),
    ]
    assert {one.counted_at for one in kept} == {clock.now()}
    cast.sign(people["asked"])
    with services.store.write() as tx:
        for table in (t.face, t.tag, t.awaited_answer):
            tx.execute(delete(table).where(table.c.person_id == people["gone"]))
    assert [one.name for one in awaited_answers.list_most(services, None, 10)] == ["never"]
    awaited_answers.note(services)
    assert [one.name for one in awaited_answers.list_most(services, None, 10)] == ["never"]


def test_whoever_is_limited_sees_no_number_of_the_whole_library(services: Services, cast: support.Cast) -> None:
    """The counts are of all photographs."""
    Library(services).put(cast.add("Eva"))
    awaited_answers.note(services)
    limited = Staff("", "jan", Role.EDITOR, "en", frozenset({support.SHOOT}))
    assert awaited_answers.list_most(services, limited, 10) == ()
    assert len(awaited_answers.list_most(services, Staff("", "jan", Role.EDITOR, "en"), 10)) == 1
