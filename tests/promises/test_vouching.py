"""V1, faces: who sends somebody else's pictures finds nobody, clears nothing, and is shown nothing.

Played with real portraits: whoever is invited by an ordinary link sends three pictures of another person.
"""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from plugin.clock import ManualClock
from plugin.errors import ConsentError, NotFound
from plugin.flows.clearance import photo_answers
from plugin.flows.common import reference_sets
from plugin.flows.common.reference_sets import PictureSource
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.matching import declared_sets, gallery, vouching
from plugin.flows.review import dismissals, face_decisions
from plugin.flows.schedule import calendar
from plugin.flows.self_service import own_page
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.answers import ClearanceStatus, ReasonCode
from plugin.quitclaim.clearance.dismissal import Dismissal
from plugin.quitclaim.clearance.scope import Mode
from plugin.recognizer.examination.messages import Enrolment
from plugin.recognizer.process.examiner import Examiner
from sidecar.commands.demo import samples
from tests import support
from tests.crowd import A, B, Crowd
from tests.signers import Desk

EDITOR = "dam:editor"
PICTURES = [samples.portrait(prefix).read_bytes() for prefix in A]
MANY = 7


@pytest.fixture
def desk(services: Services) -> Desk:
    """A house that asks people to sign."""
    return Desk(services)


@dataclass
class Attack:
    """Mallory was invited by an ordinary link and sent three pictures of somebody else, who is on seven photographs."""

    services: Services
    cast: support.Cast
    mallory: str
    refs: list[str]
    photos: Path
    crowd: Crowd

    def set_id(self) -> str:
        with self.services.store.read() as conn:
            return str(reference_sets.list_of(conn, self.mallory)[0].id)

    def face(self, ref: str) -> int:
        with self.services.store.read() as conn:
            query = select(t.face.c.id).join(t.resource, t.resource.c.id == t.face.c.resource_id)
            return int(conn.scalar(query.where(t.resource.c.ref == ref)) or 0)

    def status(self, ref: str) -> tuple[ClearanceStatus, set[ReasonCode]]:
        answer = photo_answers.answer_photo(self.services, ref, "communication", "website")
        return answer.status, {reason.code for reason in answer.reasons}

    def stored(self) -> int:
        """How many photographs the library says are cleared."""
        with self.services.store.read() as conn:
            now = self.services.clock.now()
            return len(conn.execute(select(t.clearance).where(t.clearance.c.valid_until > now)).all())

    def told(self) -> dict[str, Any]:
        """All that reaches the person: page, export, letters."""
        who = own_page.Visitor("link", self.mallory, None, "en", (self.mallory,))
        view = own_page.load_page(self.services, who)
        held = own_page.export_own_data(self.services, who)
        return {
            "total": view.album.total,
            "shown": len(view.album.photos),
            **{key: len(held[key]) for key in ("photographs", "faces", "not_this_person")},
            "paths": sum(json.dumps(held, default=str).count(ref) for ref in self.refs),
        }

    def withdraw_recognition(self) -> None:
        with self.services.store.read() as conn:
            mine = (t.grant.c.person_id == self.mallory) & (t.grant.c.kind == "recognition")
            ids = list(conn.scalars(select(t.grant.c.id).where(mine, t.grant.c.ended_at.is_(None))))
        withdrawal.withdraw(self.services, self.mallory, ids, "person")
        self.cast.work()


NOTHING = {"total": 0, "shown": 0, "photographs": 0, "faces": 0, "not_this_person": 0, "paths": 0}


def photographs(photos: Path, crowd: Crowd, number: int = MANY) -> list[str]:
    """So many photographs of sample person A alone."""
    return [
        crowd.put(photos, f"shoot/victim-{n}.jpg", crowd.row([A[n % 3]], cell=200 + 10 * n, chance=random.Random(n)))
        for n in range(number)
    ]


@pytest.fixture
def attack(desk: Desk, services: Services, cast: support.Cast, photos: Path, examiner: Examiner) -> Attack:
    cast.open_collection(mode=Mode.AUTO)
    crowd = Crowd(examiner)
    refs = photographs(photos, crowd)
    mallory = cast.add("Mallory Sample")
    answer = desk.visit(mallory).sign("recognition", "website", photographs=PICTURES)
    assert answer.status_code == 303, answer.text
    calendar.poll_dam(services)
    cast.work()
    return Attack(services, cast, mallory, refs, photos, crowd)


def states(services: Services) -> list[str]:
    with services.store.read() as conn:
        return sorted(conn.scalars(select(t.face.c.state)))


def test_nobody_is_searched_for_in_the_archive_by_a_link(attack: Attack, services: Services) -> None:
    """Suggestions for editors; no name is written, nothing is cleared, and the sender reads nothing of it."""
    assert attack.cast.tags(attack.mallory) == {}
    assert states(services) == ["suggested"] * MANY, "the engine sees them: that is the attack"
    assert attack.told() == NOTHING
    assert attack.stored() == 0
    for ref in attack.refs[:3]:
        face_decisions.reject(services, attack.face(ref), EDITOR)
    assert attack.told() == NOTHING, "that an editor said no tells where somebody is, too"


def test_a_confirmed_match_clears_nothing_and_shows_nothing(attack: Attack) -> None:
    """The editor sees a true match, and the name is the wrong person's."""
    for ref in attack.refs:
        face_decisions.confirm(attack.services, attack.face(ref), EDITOR)
    assert set(attack.cast.tags(attack.mallory).values()) == {"confirmed"}
    for ref in attack.refs:
        status, codes = attack.status(ref)
        assert (status, ReasonCode.FACE_NOT_VOUCHED in codes) == (ClearanceStatus.UNKNOWN, True)
    assert (attack.stored(), attack.told()) == (0, NOTHING)
    released = "SELECT count(*) FROM resource WHERE released"
    with attack.services.store.read() as conn:
        assert conn.exec_driver_sql(released).scalar() == 0, "nor does a file say that it is released"


def test_not_when_the_set_is_destroyed_and_the_tag_becomes_by_hand(attack: Attack, clock: ManualClock) -> None:
    """Recognition is withdrawn and publication kept: what the name rested on is known after the pictures are gone."""
    for ref in attack.refs:
        face_decisions.confirm(attack.services, attack.face(ref), EDITOR)
    attack.withdraw_recognition()
    assert set(attack.cast.tags(attack.mallory).values()) == {"hand"}
    assert {attack.status(ref)[0] for ref in attack.refs} == {ClearanceStatus.UNKNOWN}
    face_decisions.undo_decision(attack.services, attack.face(attack.refs[0]), EDITOR)
    face_decisions.confirm(attack.services, attack.face(attack.refs[0]), EDITOR, attack.mallory)
    assert attack.status(attack.refs[0])[0] is ClearanceStatus.UNKNOWN, "undone and typed again"
    attack.crowd.put(attack.photos, attack.refs[1], attack.crowd.row([A[2]], cell=300, chance=random.Random(99)))
    calendar.poll_dam(attack.services)
    attack.cast.work()
    face_decisions.confirm(attack.services, attack.face(attack.refs[1]), EDITOR, attack.mallory)
    assert attack.status(attack.refs[1])[0] is ClearanceStatus.UNKNOWN, "the file was replaced, and the name typed"
    dismissals.dismiss(attack.services, attack.face(attack.refs[2]), Dismissal.NO_PERSON, EDITOR)
    assert attack.status(attack.refs[2])[0] is ClearanceStatus.UNKNOWN, (
        "its name rests on the pictures, whatever the face"
    )
    assert (attack.stored(), attack.told()) == (0, NOTHING)


def test_typing_the_name_rests_on_the_pictures_too(attack: Attack) -> None:
    """On a face whose suggestion was rejected, of somebody else's before, and where it was corrected."""
    first, second, third = (attack.face(ref) for ref in attack.refs[:3])
    face_decisions.reject(attack.services, first, EDITOR)
    face_decisions.confirm(attack.services, first, EDITOR, attack.mallory)
    other = attack.cast.add("Other Sample")
    attack.cast.sign(other, recognition=False)
    face_decisions.confirm(attack.services, second, EDITOR, other)
    assert attack.status(attack.refs[1])[0] is ClearanceStatus.CLEARED, "somebody of whom there are no pictures"
    face_decisions.confirm(attack.services, second, EDITOR, attack.mallory)
    face_decisions.confirm(attack.services, third, "api:7", attack.mallory)
    assert {attack.status(ref)[0] for ref in attack.refs[:3]} == {ClearanceStatus.UNKNOWN}
    assert attack.told() == NOTHING


def test_a_copy_and_a_name_that_came_back_rest_on_what_ours_rested_on(attack: Attack) -> None:
    """A copied file carries our name; one that stands there again after it was gone is no new knowledge."""
    face_decisions.confirm(attack.services, attack.face(attack.refs[0]), EDITOR)
    source = attack.photos / attack.refs[0]
    copy = attack.photos / "shoot/copy.jpg"
    copy.write_bytes(source.read_bytes())
    support.settle(copy)
    held = source.read_bytes()
    face_decisions.reject(attack.services, attack.face(attack.refs[0]), EDITOR)
    source.write_bytes(held)
    support.settle(source)
    calendar.poll_dam(attack.services)
    attack.cast.work()
    assert attack.cast.tags(attack.mallory) == {}, "no face bears it in the copy, and what was put back goes again"
    assert all(not attack.cast.names_on(ref) for ref in ("shoot/copy.jpg", attack.refs[0]))
    for ref in ("shoot/copy.jpg", attack.refs[0]):
        dismissals.dismiss(attack.services, attack.face(ref), Dismissal.NO_PERSON, EDITOR)
        assert attack.status(ref)[0] is not ClearanceStatus.CLEARED, "by its name alone"
        face_decisions.confirm(attack.services, attack.face(ref), EDITOR, attack.mallory)
        assert attack.status(ref)[0] is ClearanceStatus.UNKNOWN
    assert (attack.stored(), attack.told()) == (0, NOTHING)


def test_when_it_is_vouched_for_it_clears_and_is_shown(attack: Attack) -> None:
    """The honest case: the account knows the face; the photographs are computed anew, and auto names the rest."""
    face_decisions.confirm(attack.services, attack.face(attack.refs[0]), EDITOR)
    vouching.vouch(attack.services, attack.set_id(), "met", EDITOR)
    attack.cast.work()
    assert attack.status(attack.refs[0])[0] is ClearanceStatus.CLEARED
    tags = attack.cast.tags(attack.mallory)
    assert tags[attack.refs[0]] == "confirmed"
    assert "machine" in tags.values(), "suggestions turned into names by themselves"
    assert attack.told()["total"] == len(tags)
    with attack.services.store.read() as conn:
        assert declared_sets.list_own_vouchings(conn) == []


def test_refused_it_is_destroyed_and_its_names_go(attack: Attack) -> None:
    """Also when it was vouched for by mistake first."""
    for ref in attack.refs[:2]:
        face_decisions.confirm(attack.services, attack.face(ref), EDITOR)
    vouching.vouch(attack.services, attack.set_id(), "badge", EDITOR)
    attack.cast.work()
    assert attack.status(attack.refs[0])[0] is ClearanceStatus.CLEARED
    vouching.refuse(attack.services, attack.set_id(), EDITOR)
    attack.cast.work()
    assert attack.cast.tags(attack.mallory) == {}
    assert not attack.cast.names_on(attack.refs[0])
    with attack.services.store.read() as conn:
        assert attack.services.vault.find(conn, attack.mallory, "template") == []
        assert attack.services.vault.find(conn, attack.mallory, "reference") == []
    assert set(states(attack.services)) == {"unmatched"}
    assert (attack.stored(), attack.told()) == (0, NOTHING)
    with pytest.raises(NotFound):
        vouching.vouch(attack.services, attack.set_id(), "met", EDITOR)


@pytest.mark.parametrize("how", ["", "photographs", "chosen", "review", "no"])
def test_a_photograph_under_review_is_no_knowledge(attack: Attack, how: str) -> None:
    """Of itself an account can say three things; a list says none of them."""
    with pytest.raises(ConsentError):
        vouching.vouch(attack.services, attack.set_id(), how, EDITOR)


@pytest.mark.parametrize("actor", ["api:3", "person", "guardian", "system", "calendar"])
def test_only_an_account_vouches_or_refuses(attack: Attack, actor: str) -> None:
    """A program has met nobody; and nobody vouches for themselves."""
    with pytest.raises(ConsentError):
        vouching.vouch(attack.services, attack.set_id(), "met", actor)
    with pytest.raises(ConsentError):
        vouching.refuse(attack.services, attack.set_id(), actor)
    with pytest.raises(ConsentError):
        face_decisions.confirm(attack.services, attack.face(attack.refs[0]), actor, how="met")
    assert attack.stored() == 0


def test_a_later_set_waits_beside_the_one_that_is_vouched_for(attack: Attack, cast: support.Cast) -> None:
    """It is not compared before it is seen; then it takes the place of the other."""
    services = attack.services
    eva = cast.add("Eva Sample")
    cast.sign(eva)
    cast.enrol(eva, B)
    with services.store.read() as conn:
        first = reference_sets.find_current(conn, eva)
    enrolment = services.faces.enrol([samples.portrait(A[0]).read_bytes()])
    later = declare(services, eva, enrolment)
    with services.store.read() as conn:
        assert reference_sets.find_compared(conn, [eva])[eva].id == first.id if first else False
        assert len(services.vault.find(conn, eva, "template")) == 2
    gallery.refresh(services)
    assert eva in services.faces.enrolled
    assert eva not in services.faces.declared
    vouching.vouch(services, later, "met", EDITOR)
    with services.store.read() as conn:
        rows = {row.id: row for row in reference_sets.list_of(conn, eva)}
        assert len(services.vault.find(conn, eva, "template")) == 1
    assert rows[later].ended_at is None
    assert rows[first.id if first else ""].ended_at is not None
    with pytest.raises(NotFound):
        vouching.vouch(services, later, "met", EDITOR)


def declare(services: Services, person_id: str, enrolment: Enrolment, body: bytes = b"picture") -> str:
    """Pictures come by a link of the staff."""
    with services.store.write() as tx:
        return gallery.enrol_in(
            services, tx, person_id, enrolment, [body], "person", PictureSource("link", "link", "dam:inviter")
        )


# ---- a machine against a naive rule -------------------------------------------------------

ACTS = (
    "declare",
    "choose",
    "vouch",
    "refuse",
    "confirm",
    "type",
    "known",
    "undo",
    "reject",
    "stop",
    "agree",
    "replace",
)


@dataclass
class Machine:
    """Somebody who sends pictures, an editor who names faces, and what a naive rule makes of it.

    By the naive rule a name clears only if the set that was there when it was given is one that an account
    vouched for and none refused; or if there never was one, or the account said itself how it knows the face.
    """

    services: Services
    cast: support.Cast
    who: str
    refs: list[str]
    photos: Path
    crowd: Crowd
    enrolments: list[Enrolment]
    chance: random.Random
    clock: ManualClock
    live: list[str] = field(default_factory=list)  # the set that counts, and one that waits beside it
    vouched: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    last: str | None = None  # what counted before recognition ended
    rests: dict[str, str | None] = field(default_factory=dict)
    done: dict[str, int] = field(default_factory=dict)
    wrong: int = 0
    cleared: int = 0
    shown: int = 0  # photographs, counts and paths that reached the person against the naive rule
    looks: int = 0
    sound: set[str] = field(default_factory=set)  # photographs that somebody who knows the face has named so far
    recognised: bool = True

    def step(self) -> None:
        self.clock.advance(timedelta(seconds=1))
        act = "agree" if not self.recognised and self.chance.random() < 0.5 else self.chance.choice(ACTS)
        try:
            getattr(self, act)(self.chance.choice(self.refs))
        except (ConsentError, NotFound):
            return
        self.done[act] = self.done.get(act, 0) + 1

    def counts(self) -> str | None:
        """The set that a name given now rests on."""
        if not self.live:
            return self.last if self.last not in self.refused else None
        return next((one for one in self.live if one in self.vouched), self.live[-1])

    def declare(self, _: str) -> None:
        made = declare(self.services, self.who, self.chance.choice(self.enrolments))
        self.live = [one for one in self.live if one in self.vouched] + [made]

    def choose(self, _: str) -> None:
        with self.services.store.write() as tx:
            made = gallery.enrol_in(
                self.services, tx, self.who, self.chance.choice(self.enrolments), [b"x"], "cli:editor", PictureSource()
            )
        self.live = [made]
        self.vouched.add(made)

    def vouch(self, _: str) -> None:
        if not self.live:
            raise NotFound("nothing waits")
        vouching.vouch(self.services, self.live[-1], "met", EDITOR)
        self.vouched.add(self.live[-1])
        self.live = self.live[-1:]

    def refuse(self, _: str) -> None:
        if not self.live:
            raise NotFound("nothing waits")
        gone = self.chance.choice(self.live)
        vouching.refuse(self.services, gone, EDITOR)
        self.refused.add(gone)
        self.live.remove(gone)
        self.rests = {ref: one for ref, one in self.rests.items() if one != gone}
        if not self.live:
            self.last = None
        self.cast.work()

    def confirm(self, ref: str) -> None:
        with self.services.store.read() as conn:
            row = conn.execute(select(t.face).where(t.face.c.id == self._face(ref))).first()
        if row is None or row.person_id is None:
            raise NotFound("nobody is suggested")
        face_decisions.confirm(self.services, row.id, EDITOR)
        by_hand = self.counts() in self.vouched and self.counts() not in self.refused
        self.rests[ref] = self.counts() if by_hand or row.set_id is None else row.set_id

    def type(self, ref: str) -> None:
        face_decisions.confirm(self.services, self._face(ref), EDITOR, self.who)
        if self.rests.get(ref) is None or self.counts() in self.vouched or ref not in self.rests:
            self.rests[ref] = self.counts()

    def known(self, ref: str) -> None:
        face_decisions.confirm(self.services, self._face(ref), EDITOR, self.who, "met")
        with self.services.store.read() as conn:
            rests = conn.scalar(select(t.face.c.set_id).where(t.face.c.id == self._face(ref)))
        if rests in self.live and rests not in self.vouched:
            self.live = [rests]
        said = rests or "own knowledge"
        self.rests[ref] = said
        self.vouched.add(said)  # the account said so, of this set or of itself

    def undo(self, ref: str) -> None:
        face_decisions.undo_decision(self.services, self._face(ref), EDITOR)
        self.rests.pop(ref, None)
        self.cast.work()

    def reject(self, ref: str) -> None:
        face_decisions.reject(self.services, self._face(ref), EDITOR)
        self.rests.pop(ref, None)

    def stop(self, _: str) -> None:
        if not self.recognised:
            raise NotFound("it is stopped")
        self.last = self.counts()
        Attack(self.services, self.cast, self.who, self.refs, self.photos, self.crowd).withdraw_recognition()
        self.live, self.recognised = [], False

    def agree(self, _: str) -> None:
        self.cast.sign(self.who)
        self.recognised = True
        self.cast.work()

    def replace(self, ref: str) -> None:
        cell = self.chance.randrange(200, 320)
        self.crowd.put(self.photos, ref, self.crowd.row([A[self.chance.randrange(3)]], cell, self.chance))
        calendar.poll_dam(self.services)
        self.cast.work()
        if self.counts() in self.vouched:
            self.rests.pop(ref, None)  # the machine may have named the new face, by a set that is vouched for

    def look(self) -> None:
        """Each photograph, asked and stored, against the naive rule."""
        with self.services.store.read() as conn:
            rows = conn.execute(select(t.clearance.c.resource_id)).all()
            stored = {conn.scalar(select(t.resource.c.ref).where(t.resource.c.id == row.resource_id)) for row in rows}
        for ref in self.refs:
            asked = (
                photo_answers.answer_photo(self.services, ref, "communication", "website").status
                is ClearanceStatus.CLEARED
            )
            self.cleared += asked
            self.wrong += (asked or ref in stored) and not self._may(ref)
        self._look_as_the_person()

    def _look_as_the_person(self) -> None:
        """What is on the page and in the export, of photographs whose name rests on pictures of a stranger."""
        who = own_page.Visitor("link", self.who, None, "en", (self.who,))
        total = own_page.load_page(self.services, who).album.total
        held = json.dumps(own_page.export_own_data(self.services, who), default=str)
        self.sound |= {ref for ref in self.refs if self._may(ref)}
        self.looks += 1
        self.shown += sum(held.count(ref) for ref in self.refs if ref not in self.sound)
        self.shown += max(0, total - len(self.sound))

    def _may(self, ref: str) -> bool:
        if ref not in self.rests:
            return self._by_machine()
        rests = self.rests[ref]
        return rests is None or (rests in self.vouched and rests not in self.refused)

    def _by_machine(self) -> bool:
        """A machine tag, which this house lets clear, may only stand by a set that is vouched for."""
        return bool(self.vouched - self.refused - {"own knowledge"})

    def _face(self, ref: str) -> int:
        return Attack(self.services, self.cast, self.who, self.refs, self.photos, self.crowd).face(ref)


@pytest.mark.parametrize("seed", range(3))
def test_cleared_on_a_face_that_nobody_vouched_for(
    seed: int,
    services: Services,
    cast: support.Cast,
    photos: Path,
    examiner: Examiner,
    clock: ManualClock,
    promise: Callable[[str, str], None],
    full: bool,
) -> None:
    """Whatever is done in whatever order: cleared against the naive rule 0; and what should clear does."""
    cast.open_collection(mode=Mode.AUTO)
    crowd = Crowd(examiner)
    refs = photographs(photos, crowd, 2)
    who = cast.add("Mallory Sample")
    cast.sign(who)
    enrolments = [services.faces.enrol(PICTURES), services.faces.enrol([samples.portrait(B).read_bytes()])]
    calendar.poll_dam(services)
    cast.work()
    machine = Machine(services, cast, who, refs, photos, crowd, enrolments, random.Random(seed), clock)
    for _ in range(400 if full else 60):
        machine.step()
        machine.look()
    assert (machine.wrong, machine.shown) == (0, 0), machine.done
    assert machine.cleared > 0, "a machine that clears nothing proves nothing"
    assert {"declare", "vouch", "stop"} <= set(machine.done)
    promise(
        "V1",
        f"faces: cleared on a face that nobody vouched for {machine.wrong} of {sum(machine.done.values())} acts; "
        f"photographs, counts, paths of others shown {machine.shown} in {machine.looks} looks at page and export",
    )
