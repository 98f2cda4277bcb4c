"""V1, majority: a guardian who reads what he should not has no page and no signature of the young adult.

The guardian tells the staff his own address as the child's, in whatever spelling, before or after his own is entered;
he changes his, keeps every link that reached him, signs by letters that were meant for the child, and asks for lost
letters. The staff are honest: two accounts enter and send what they are told.
"""

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from plugin.clock import ManualClock
from plugin.errors import FaceLeaseError
from plugin.flows.access import links
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.flows.mail.form_store import StoredForm, add
from plugin.flows.people import contacts, register
from plugin.flows.schedule import calendar
from plugin.flows.self_service import own_page
from plugin.flows.signing import invitations, lost_links, sign_form
from plugin.flows.signing.form_validation import FilledForm
from plugin.flows.signing.invitations import InvitationRequest
from plugin.ledger import tables as t
from plugin.recognizer.process.examiner import Examiner
from sidecar.running.runner import Runner
from tests import mailbox, support
from tests.signers import tree

ZONE = ZoneInfo("Europe/Amsterdam")
EVE, OLGA = "dam:eve", "dam:olga"
START = datetime(2026, 5, 25, 9, tzinfo=ZONE)
SPELLINGS = ("{}@example.org", "{}@EXAMPLE.org", "{}+kid@example.org", "{}@example.org.", "{}+a@Example.org.")
HERS = "clara@example.org"
ACTS = ("his", "childs", "hers", "writes", "writes", "signs", "signs", "lost", "letter", "opens", "days", "days")


@dataclass
class Family:
    """Clara comes of age on `day`; Gus is her guardian, and reads every address that begins with "gus"."""

    services: Services
    clock: ManualClock
    box: mailbox.Mailbox
    form: StoredForm
    chance: random.Random
    day: datetime
    clara: str = ""
    gus: str = ""
    name: str = "gus"
    tokens: list[str] = field(default_factory=list)
    read: int = 0
    honest: bool = False  # what she told the staff herself stays
    hers_since: datetime | None = None
    tried: int = 0
    wrong: list[str] = field(default_factory=list)
    needed: int = 0
    refused: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    nonce: int = 0

    def step(self) -> None:
        act = self.chance.choice(ACTS)
        with suppress(FaceLeaseError):
            getattr(self, f"act_{act}")()
        self.post()
        self.look()

    @property
    def grown(self) -> bool:
        return self.clock.now() >= self.day

    def enter(self) -> None:
        born = date(2010, self.day.month, self.day.day)
        self.clara = register.add(self.services, register.Newcomer("Clara Sample", birth_date=born), EVE)
        self.gus = register.add_guardian(self.services, self.clara, "Gus", EVE)

    def act_his(self) -> None:
        self.name = f"gus{self.chance.randrange(3)}"
        register.change_address(self.services, self.clara, f"{self.name}@example.org", EVE, self.gus)

    def act_childs(self) -> None:
        """He says that this is the child's; of an address that is not his on file nobody could know."""
        with self.services.store.read() as conn:
            his = contacts.address_of(self.services, conn, self.clara, self.gus)
        if his and not (self.honest and self.hers_since):
            told = self.chance.choice(SPELLINGS).format(his.partition("@")[0])
            register.change_address(self.services, self.clara, told, self.chance.choice((EVE, OLGA)))
            self.hers_since = None

    def act_hers(self) -> None:
        register.change_address(self.services, self.clara, HERS, EVE)
        self.hers_since = self.hers_since or self.clock.now()

    def act_writes(self) -> None:
        to = self.chance.choice((None, self.gus))
        asked = InvitationRequest(self.clara, form=self.form.form.name, by_mail=True, guardian_id=to, may_replace=True)
        invitations.invite(self.services, asked, self.chance.choice((EVE, OLGA)))

    def act_signs(self) -> None:
        """By any link that he ever got: as the guardian while he is, and in her name after that."""
        if self.tokens:
            self.sign(self.chance.choice(self.tokens), "Clara Sample" if self.grown else "Gus")

    def sign(self, token: str, signer: str) -> None:
        self.nonce += 1
        row = links.find_open(self.services, token)
        filled = FilledForm(
            nonce=f"{self.nonce:032x}",
            language="en",
            choices=frozenset({"communication:website"}),
            name="",
            birth_date="",
            email="gus@example.org",
            signer=signer,
            other_signer="",
            other_email="",
            typed=signer,
            drawn=b"",
            code="",
            photographs=(),
        )
        sign_form.sign(self.services, row.id, filled)

    def act_lost(self) -> None:
        if self.tokens and self.chance.random() < 0.5:
            lost_links.request_letter(self.services, token=self.chance.choice(self.tokens))
        else:
            lost_links.request_letter(self.services, name="Clara Sample")

    def act_letter(self) -> None:
        to = self.chance.choice((None, self.gus))
        lost_links.send_letter(self.services, self.clara, to, self.chance.choice((EVE, OLGA)))

    def act_opens(self) -> None:
        """What is on the page he may do: a link to sign anew, made before the birthday, is kept for after it."""
        for token in self.tokens:
            row = links.find_open(self.services, token)
            who = own_page.find_visitor(self.services, row.id)
            self.tokens.append(own_page.make_renewal_link(self.services, who).token)
            return

    def act_days(self) -> None:
        before = self.clock.now()
        self.clock.advance(timedelta(days=self.chance.choice((1, 3, 8))))
        calendar.send_reminders(self.services)
        own = self.hers_since is not None and self.hers_since < before < self.day <= self.clock.now()
        count = len(self.told)
        self.post()
        if own and self.has_been_signed_for():
            self.needed += 1
            if not any("decide now" in text and "/s/" in text for text in self.told[count:]):
                self.refused.append("no letter with a link on the birthday, to an address of her own")

    def has_been_signed_for(self) -> bool:
        with self.services.store.read() as conn:
            claims = roster.load(self.services, conn, self.clara).quitclaims
        return any(grant.valid_until is None or grant.valid_until > self.day for one in claims for grant in one.grants)

    def post(self) -> None:
        Runner(self.services).drain((lost_links.JOB, "mail"))
        for letter in self.box.letters[self.read :]:
            text = mailbox.text_of(letter)
            if str(letter["To"]).casefold().startswith("gus"):
                self.tokens += [word.rsplit("/", 1)[1] for word in text.split() if "/s/" in word]
            elif str(letter["To"]) == HERS:
                self.told.append(f"{letter['Subject']} {text}")
        self.read = len(self.box.letters)

    def look(self) -> None:
        if not self.grown:
            return
        for token in dict.fromkeys(self.tokens):
            self.tried += 1
            try:
                own_page.find_visitor(self.services, links.find_open(self.services, token).id)
            except FaceLeaseError:
                continue
            self.wrong.append("a page of the young adult")
        with self.services.store.read() as conn:
            rows: Any = conn.execute(select(t.quitclaim).where(t.quitclaim.c.recorded_at >= self.day)).all()
        self.wrong += ["a signature of the young adult" for _ in rows]


@pytest.mark.promise
def test_a_guardian_has_no_page_and_no_signature_of_the_young_adult(
    tmp_path: Path, examiner: Examiner, full: bool, promise: Callable[[str, str], None]
) -> None:
    """V1, majority: see above. On the birthday she gets her own letter, where there is an address of hers."""
    tried, needed, wrong, refused = 0, 0, [], []
    with mailbox.running(tmp_path / "mail") as box:
        for seed in range(150 if full else 6):
            here = tmp_path / str(seed)
            (here / "photos").mkdir(parents=True)
            clock = ManualClock(START)
            config = support.configuration(here, mail=box.section(), server={"public_url": mailbox.PUBLIC})
            with support.opened(config, clock, examiner) as services:
                form = add(services, tree(), "cli:root")
                day = datetime(2026, 6, 1 + seed % 12, tzinfo=ZONE)
                family = Family(
                    services, clock, box, form, random.Random(seed), day, read=len(box.letters), honest=seed % 2 == 0
                )
                family.enter()
                family.act_his()
                support.Cast(services).sign(family.clara, recognition=False, guardians=(family.gus,))
                for _ in range(40):
                    family.step()
            tried, needed = tried + family.tried, needed + family.needed
            wrong += [f"{seed}: {one}" for one in family.wrong]
            refused += [f"{seed}: {one}" for one in family.refused]
    promise(
        "V1",
        f"majority: pages and signatures of young adults by a guardian {len(wrong)} of {tried} tries; needed cases "
        f"refused {len(refused)} of {needed}",
    )
    assert (wrong, refused) == ([], [])
    assert tried > 50
    assert needed > 0
