"""V1, pages: whatever somebody does who is not the person, no full page opens to them and no grant of hers ends.

The adversary is an editor with an address of his own, holds every link that is handed over to him, makes links, types
addresses, asks for letters, keeps every key and every page link that ever reached him, and signs up at shoots. The
others are honest: another editor who enters what the person tells her, and writes to no address that is not the
person's; an officer who recognises nobody but the person; the person, and a guardian.
"""

from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from plugin.clock import ManualClock
from plugin.errors import ConsentError, FaceLeaseError, LinkRefused
from plugin.flows.access import links
from plugin.flows.collections import modes
from plugin.flows.common import roster
from plugin.flows.mail import form_store, page_links
from plugin.flows.mail.form_store import StoredForm
from plugin.flows.people import addresses, contacts, recognitions, register
from plugin.flows.self_service import own_page
from plugin.flows.signing import invitations, key_links, lost_links, sign_form
from plugin.flows.signing.form_validation import FilledForm
from plugin.flows.signing.invitations import InvitationRequest
from plugin.flows.signing.submission import SigningResult
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.scope import Basis, BasisEvidence, Mode
from plugin.quitclaim.consent.lifecycle import StopMode
from plugin.recognizer.process.examiner import Examiner
from sidecar.running.runner import Runner
from tests import mailbox, support
from tests.signers import tree

EVIL, EVE, OLGA = "dam:ed", "dam:eve", "dam:olga"
TOKEN = "api:7"  # of a program of his, with invitations:write
HIS = "ed@example.org"
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
Promise = Callable[[str, str], None]


@dataclass
class Tally:
    """What was tried over all runs."""

    tried: int = 0
    opened: int = 0
    ended: int = 0
    needed: int = 0
    refused: list[str] = field(default_factory=list)
    steps: int = 0


@dataclass
class Somebody:
    """A real person (or child), and where they really read their mail; `side`: the guardian, for a child."""

    id: str
    mail: str
    side: str | None = None
    child: bool = False
    own: list[str] = field(default_factory=list)  # the ids of the quitclaims that they signed themselves
    keys: list[str] = field(default_factory=list)


class Passing(RuleBasedStateMachine):
    """See above. One house a run; the tally is of all of them."""

    root: Path
    examiner: Examiner
    box: mailbox.Mailbox
    tally: Tally

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.clock = ManualClock(START)
        here = Path(mkdtemp(dir=self.root))
        (here / "photos" / support.SHOOT).mkdir(parents=True)
        config = support.configuration(here, mail=self.box.section(), server={"public_url": mailbox.PUBLIC})
        self.services = self.stack.enter_context(support.opened(config, self.clock, self.examiner))
        self.form: StoredForm = form_store.add(self.services, tree(), "cli:root")
        self.cast = support.Cast(self.services)
        self.his: set[str] = set()  # ids of links that he holds: handed over, mailed to him, or shown to him
        self.signs: dict[str, str] = {}  # links to sign that he holds: id, person
        self.shoot = ""
        self.seen = len(self.box.got)
        self.nonce = 0
        self.people: list[Somebody] = []

    def teardown(self) -> None:
        self.stack.close()

    @initialize()
    def enter(self) -> None:
        rita = self.cast.add("Rita Real")
        petra = register.add(self.services, register.Newcomer("Petra Paper", email="petra@example.org"), EVE)
        clara = self.cast.add("Clara Sample", birth_date=date(2014, 5, 1))
        greta = register.add_guardian(self.services, clara, "Greta", EVE, "greta@example.org")
        self.people = [
            Somebody(rita, "rita@example.org"),
            Somebody(petra, "petra@example.org"),
            Somebody(clara, "greta@example.org", greta, True),
        ]
        self.cast.sign(rita, recognition=False)  # there is something of hers to be after from the first step on
        with self.services.store.read() as conn:
            self.people[0].own.append(roster.load(self.services, conn, rita).quitclaims[0].id)
        ruling = modes.Ruling(Mode.SUGGEST, Basis.SHOOT, BasisEvidence("shoot", "photographer"))
        modes.decide(self.services, support.SHOOT, ruling, EVE)
        self.shoot = invitations.invite(
            self.services, InvitationRequest(collection_ref=support.SHOOT, form=self.form.form.name), EVE
        ).id

    # ---- what goes where ----------------------------------------------------

    def post(self) -> None:
        """Letters go; what reaches his mailbox he holds."""
        Runner(self.services).drain((lost_links.JOB,))
        Runner(self.services).drain(("mail",))
        letters = self.box.letters
        for letter in letters[self.seen :]:
            if str(letter["To"]) == HIS:
                text = mailbox.text_of(letter)
                for word in text.split():
                    if "/s/" in word:
                        self.hold(word.rsplit("/", 1)[1])
        self.seen = len(letters)

    def hold(self, token: str) -> None:
        try:
            row = links.find_open(self.services, token)
        except LinkRefused:
            return
        self.his.add(str(row.id))
        if row.form_id is not None and row.person_id is not None:
            self.signs[str(row.id)] = str(row.person_id)

    def sign(self, link_id: str, name: str, mail: str, child: bool) -> SigningResult:
        self.nonce += 1
        signer = "" if link_id == self.shoot else "Greta" if child else name
        filled = FilledForm(
            nonce=f"{self.nonce:032x}",
            language="en",
            choices=frozenset({"communication:website"}),
            name=name,
            birth_date="",
            of_age=not child,
            email=mail,
            signer=signer,
            other_signer="",
            other_email="",
            typed=name,
            drawn=b"",
            code="",
            photographs=(),
        )
        return sign_form.sign(self.services, link_id, filled)

    def ask(self, one: Somebody, actor: str, by_mail: bool, may_replace: bool = False) -> links.MadeLink:
        asked = InvitationRequest(
            one.id, form=self.form.form.name, by_mail=by_mail, may_replace=may_replace, guardian_id=one.side
        )
        return invitations.invite(self.services, asked, actor)

    def on_file(self, one: Somebody) -> str:
        with self.services.store.read() as conn:
            return contacts.address_of(self.services, conn, one.id, one.side)

    def signed(self, one: Somebody) -> bool:
        with self.services.store.read() as conn:
            return bool(roster.load(self.services, conn, one.id).quitclaims)

    # ---- the adversary --------------------------------------------------------

    @rule(who=st.integers(0, 2), by_mail=st.booleans())
    def he_asks(self, who: int, by_mail: bool) -> None:
        """As an editor; what is mailed also by the token of a program of his, which gets no link to hand over."""
        self.he_asks_as(who, by_mail, EVIL)
        if by_mail:
            self.he_asks_as(who, by_mail, TOKEN)

    def he_asks_as(self, who: int, by_mail: bool, actor: str) -> None:
        try:
            made = self.ask(self.people[who], actor, by_mail)
        except ConsentError:
            return
        if not by_mail:
            self.hold(made.token)
        self.post()

    @rule(who=st.integers(0, 2))
    def he_enters_his_address(self, who: int) -> None:
        one = self.people[who]
        register.change_address(self.services, one.id, HIS, EVIL, one.side)
        self.post()

    @rule(who=st.integers(0, 2))
    def he_says_that_he_recognised_them(self, who: int) -> None:
        one = self.people[who]
        if self.on_file(one) != HIS:
            return  # somebody else's address he may confirm: that is what two accounts are for
        with pytest.raises(ConsentError):
            recognitions.recognise(self.services, one.id, one.side, "met", EVIL, reason="I say so")

    @rule(who=st.integers(0, 2), outside=st.booleans())
    def he_asks_for_a_letter(self, who: int, outside: bool) -> None:
        one = self.people[who]
        try:
            if outside:
                lost_links.request_letter(self.services, name=("Rita Real", "Petra Paper", "Clara Sample")[who])
            else:
                lost_links.send_letter(self.services, one.id, one.side, EVIL)
        except ConsentError:
            return
        self.post()

    @precondition(lambda self: self.signs)
    @rule(data=st.data(), typed=st.booleans())
    def he_signs(self, data: st.DataObject, typed: bool) -> None:
        self.use(data.draw(st.sampled_from(sorted(self.signs))), typed)

    def he_signs_all(self) -> None:
        """By every link that he holds."""
        for link_id in sorted(self.signs):
            self.use(link_id, True)

    def use(self, link_id: str, typed: bool) -> None:
        person_id = self.signs.pop(link_id)
        child = person_id == self.people[2].id
        before = self.hers()
        try:
            done = self.sign(link_id, "Rita Real", HIS if typed else "", child)
        except FaceLeaseError:
            return
        for made in filter(None, (done.key, done.page)):
            self.his.add(made.id)
        self.post()
        self.count_ended(before)

    @rule(typed=st.booleans())
    def he_signs_up_at_a_shoot_as_her(self, typed: bool) -> None:
        try:
            done = self.sign(self.shoot, "Rita Real", HIS if typed else "", False)
        except LinkRefused:
            return  # the shoot is over
        self.his |= {made.id for made in (done.key, done.page) if made}
        self.post()

    @precondition(lambda self: self.his)
    @rule()
    def he_uses_every_key_and_page(self) -> None:
        before = self.hers()
        for link_id in sorted(self.his):
            self.tally.tried += 1
            with suppress(FaceLeaseError):
                key_links.end_uses(
                    self.services, key_links.find_holder(self.services, link_id), StopMode.WITHDRAW, None
                )
        self.count_ended(before)

    # ---- the others ------------------------------------------------------------

    @rule(who=st.integers(0, 2))
    def eve_enters_what_she_was_told(self, who: int) -> None:
        one = self.people[who]
        register.change_address(self.services, one.id, one.mail, EVE, one.side)
        self.post()

    @rule(who=st.integers(0, 2))
    def the_officer_recognises_them(self, who: int) -> None:
        one = self.people[who]
        if self.on_file(one) == one.mail:
            recognitions.recognise(self.services, one.id, one.side, "met", OLGA, officer=True)

    @rule(who=st.integers(0, 2), way=st.sampled_from(["tablet", "letter"]))
    def they_sign(self, who: int, way: str) -> None:
        """By a device of the officer's; or by a letter, where their address is on file."""
        one = self.people[who]
        if way == "letter" and self.on_file(one) != one.mail:
            return
        made = self.ask(one, OLGA, way == "letter", may_replace=True)
        self.tally.needed += 1
        done = self.sign(made.id, "Rita Real", one.mail, one.child)
        if done.key is None or done.quitclaim_id is None:
            self.tally.refused.append(f"no key after signing ({way})")
            return
        one.own.append(done.quitclaim_id)
        one.keys.append(done.key.id)
        self.post()

    @rule(who=st.integers(0, 2))
    def they_sign_on_paper_and_get_a_slip(self, who: int) -> None:
        one = self.people[who]
        self.cast.sign(one.id, recognition=False, guardians=(one.side,) if one.side else ())
        with self.services.store.write() as tx:
            claim = roster.load(self.services, tx.connection, one.id).quitclaims[-1]
            one.own.append(claim.id)
            one.keys.append(key_links.make_key_for_staff(self.services, tx, one.id, claim.id, OLGA).id)
        self.tally.needed += 1

    @precondition(lambda self: any(one.keys for one in self.people))
    @rule(who=st.integers(0, 2))
    def they_end_what_they_signed(self, who: int) -> None:
        one = self.people[who]
        if not one.keys:
            return
        self.tally.needed += 1
        try:
            key_links.end_uses(
                self.services, key_links.find_holder(self.services, one.keys[-1]), StopMode.WITHDRAW, None
            )
        except FaceLeaseError as error:
            self.tally.refused.append(f"a key of their own: {error}")
        with self.services.store.read() as conn:
            alive = roster.load(self.services, conn, one.id).unended(self.clock.now())
        if one.own[-1] in alive:
            self.tally.refused.append("ended by key, and still in force")

    @rule(who=st.integers(0, 2))
    def they_lost_their_link(self, who: int) -> None:
        """A confirmed address that opens now gets the page by a letter that anybody asked for."""
        one = self.people[who]
        with self.services.store.write() as tx:
            row = addresses.find_on_file(tx.connection, one.id, one.side)
            if (
                row is None
                or self.on_file(one) != one.mail
                or not addresses.opens_page(self.services, tx.connection, row.id)
            ):
                return
            self.tally.needed += 1
            if not lost_links.queue_letter(self.services, tx, one.id, one.side, "system"):
                self.tally.refused.append("a lost link")
        self.post()

    @rule(days=st.sampled_from([1, 7, 8, 40]))
    def time_goes_by(self, days: int) -> None:
        self.clock.advance(timedelta(days=days))

    # ---- what has to hold --------------------------------------------------------

    def hers(self) -> set[tuple[str, str]]:
        """The grants in force that a person herself signed."""
        found = set()
        with self.services.store.read() as conn:
            for one in self.people:
                standing = roster.load(self.services, conn, one.id)
                alive = standing.unended(self.clock.now()) & set(one.own)
                found |= {(one.id, claim) for claim in alive}
        return found

    def count_ended(self, before: set[tuple[str, str]]) -> None:
        self.tally.ended += len(before - self.hers())

    @invariant()
    def no_page_of_hers_is_his(self) -> None:
        """A page that shows something which she signed opens by no link of his."""
        self.tally.steps += 1
        with self.services.store.read() as conn:
            rows = conn.execute(select(t.invitation).where(t.invitation.c.id.in_(self.his))).all()
        for row in rows:
            self.tally.tried += 1
            try:
                who = own_page.find_visitor(self.services, row.id)
            except FaceLeaseError:
                continue
            one = next(one for one in self.people if one.id == who.person_id)
            self.tally.opened += bool(one.own)
        assert (self.tally.opened, self.tally.ended, self.tally.refused) == (0, 0, [])


PLANS: tuple[tuple[tuple[str, dict[str, object]], ...], ...] = (
    (("he_enters_his_address", {}), ("he_asks_for_a_letter", {"outside": False})),
    (("he_enters_his_address", {}), ("he_asks", {"by_mail": True}), ("he_signs_all", {})),
    (
        ("eve_enters_what_she_was_told", {}),
        ("the_officer_recognises_them", {}),
        ("they_sign", {"way": "letter"}),
        ("he_enters_his_address", {}),
        ("time_goes_by", {"days": 8}),
        ("he_asks_for_a_letter", {"outside": True}),
        ("they_lost_their_link", {}),
    ),
    (
        ("he_enters_his_address", {}),
        ("he_asks", {"by_mail": True}),
        ("he_signs_all", {}),
        ("they_sign", {"way": "tablet"}),
        ("he_asks_for_a_letter", {"outside": True}),
        ("he_uses_every_key_and_page", {}),
    ),
    (
        ("he_asks", {"by_mail": False}),
        ("they_sign", {"way": "tablet"}),
        ("he_signs_all", {}),
        ("he_uses_every_key_and_page", {}),
    ),
)
"""What somebody who knows the rules would try, step by step, with each person; chance goes on from there."""


def _carry_out(run: type[Passing]) -> None:
    for plan in PLANS:
        for who in range(3):
            one = run()
            try:
                one.enter()
                for name, more in plan:
                    step = getattr(one, name)
                    step(
                        **({"who": who} if name.startswith(("he_enters", "he_asks", "eve", "the_", "they")) else {}),
                        **more,
                    )
                    one.no_page_of_hers_is_his()
            finally:
                one.teardown()


def _with_one_account(run: type[Passing], tally: Tally) -> None:
    """One account enters, records paper, recognises with a reason, and has a letter sent: the full page opens."""
    one = run()
    try:
        services, alone = one.services, "cli:root"
        who = register.add(services, register.Newcomer("Sole Sample", email="sole@example.org"), alone)
        one.cast.sign(who, recognition=False)
        tally.needed += 2
        with pytest.raises(ConsentError):
            recognitions.recognise(services, who, None, "met", alone)
        recognitions.recognise(services, who, None, "met", alone, reason="I am the only one here")
        with services.store.write() as tx:
            made = page_links.make(services, tx, who, alone)
        if made is None or own_page.find_visitor(services, made.id).person_id != who:
            tally.refused.append("a house with one account")
        with services.store.read() as conn:
            if not any(row.person_id == who for row in recognitions.list_self_confirmed(services, conn)):
                tally.refused.append("listed for the officer")
    finally:
        one.teardown()


@pytest.mark.promise
def test_nobody_passes_for_somebody_else(tmp_path: Path, examiner: Examiner, full: bool, promise: Promise) -> None:
    """V1, pages: see above. What people need is refused to nobody."""
    tally = Tally()
    with mailbox.running(tmp_path / "mail") as box:
        many = settings(
            max_examples=100 if full else 10,
            stateful_step_count=50 if full else 30,
            deadline=None,
            database=None,
            derandomize=not full,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
        )
        about = {"root": tmp_path, "examiner": examiner, "box": box, "tally": tally}
        run = type("Run", (Passing,), about)
        _with_one_account(run, tally)
        _carry_out(run)
        run_state_machine_as_test(run, settings=many)
    promise(
        "V1",
        f"pages: in {tally.steps} steps full pages of others opened {tally.opened} of {tally.tried} tries, grants of "
        f"others ended {tally.ended}; needed cases refused {len(tally.refused)} of {tally.needed}",
    )
    assert tally.refused == []
    assert tally.tried > 50
    assert tally.needed > 10
