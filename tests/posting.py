"""What the tests of letters do to a house, in one line each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Row, func, insert, select

from plugin.clock import ManualClock
from plugin.flows.access import links
from plugin.flows.access.links import Link, LinkKind, MadeLink
from plugin.flows.common.services import Services
from plugin.flows.people import addresses, outbox, register
from plugin.flows.people.outbox import Letter
from plugin.flows.schedule import calendar
from plugin.ledger import tables as t
from plugin.ledger.store.audit import Action
from sidecar.running.runner import Runner
from tests import support
from tests.mailbox import Mailbox

TEXT = {
    "title": "Photographs",
    "asks": "We ask.",
    "why": "To show.",
    "retention": "24 months.",
    "withdraw": "Any time.",
}
FORM: Mapping[str, Any] = {
    "name": "Photographs",
    "organisation": "Museum Åkerø",
    "officer": "officer@example.org",
    "policy_url": "https://example.org/privacy",
    "recognition": False,
    "uses": [{"purpose": "communication", "channels": ["website", "press"]}],
    "duration": {"days": 365},
    "texts": {"en": TEXT, "nl": TEXT},
}


@dataclass
class Post:
    """A house, the mail server that it writes to, and the clock."""

    services: Services
    box: Mailbox
    clock: ManualClock

    @property
    def cast(self) -> support.Cast:
        return support.Cast(self.services)

    def work(self) -> None:
        """Send what is queued and due."""
        Runner(self.services).drain(("mail",))

    def day(self, days: float = 1) -> list[tuple[str, str]]:
        """Some days later the calendar sweeps, reminds, and the letters go; returns to whom and under what subject."""
        self.clock.advance(timedelta(days=days))
        before = len(self.box.got)
        calendar.sweep_endings(self.services)
        calendar.send_reminders(self.services)
        self.work()
        return [(str(one["To"]), str(one["Subject"])) for one in self.box.letters[before:]]

    def until(self, moment: datetime) -> list[tuple[str, str]]:
        """The same at a moment."""
        return self.day((moment - self.clock.now()) / timedelta(days=1))

    def put(self, kind: str, person_id: str | None, to: str = "person", **more: Any) -> bool:
        """Queue a letter; `language`, `data`, `secret` and `cause` may be given."""
        with self.services.store.write() as tx:
            letter = Letter(more.pop("cause", uuid4().hex), kind, more.pop("language", "en"), person_id, to, **more)
            return outbox.put(self.services, tx, letter)

    def link(self, person_id: str, kind: LinkKind = LinkKind.SIGN, **about: Any) -> tuple[MadeLink, str]:
        """A link and its address."""
        with self.services.store.write() as tx:
            made = links.make(self.services, tx, Link(kind, "en", person_id, **about), "test")
        return made, links.url(self.services, made.token)

    def form(self, name: str = "Photographs", version: int = 1, **others: Any) -> str:
        """A form in use."""
        form_id = uuid4().hex
        with self.services.store.write() as tx:
            tx.execute(
                insert(t.form).values(
                    id=form_id,
                    name=name,
                    version=version,
                    body=dict(FORM) | {"name": name} | others,
                    sha256=form_id,
                    created_at=tx.now,
                    created_by="test",
                )
            )
        return form_id

    def invite(self, person_id: str, form_id: str, guardian_id: str | None = None) -> MadeLink:
        """Ask by mail."""
        made, address = self.link(
            person_id,
            form_id=form_id,
            guardian_id=guardian_id,
            by_mail=True,
            most_uses=1,
            address_id=self.asked_of(person_id, guardian_id),
        )
        self.put("invite", person_id, guardian_id or "person", data={"link": made.id}, secret={"link": address})
        return made

    def child(self, born: date, *guardians: str, email: str = "") -> tuple[str, list[str]]:
        """Clara, and the ids of guardians with an address each."""
        clara = self.cast.add("Clara", by="cli:one", birth_date=born, email=email)
        ids: list[str] = []
        for address in guardians:
            ids.append(register.add_guardian(self.services, clara, f"Guardian {len(ids) + 1}", "test"))
            self.reach(clara, ids[-1], address)
        return clara, ids

    def reach(self, person_id: str, guardian_id: str | None, address: str, by: str = "cli:one") -> None:
        """Give the person, or a guardian, another address, as an account of the staff does."""
        register.change_address(self.services, person_id, address, by, guardian_id)

    def asked_of(self, person_id: str, guardian_id: str | None = None, by: str = "test") -> str | None:
        """The id of the address on file; an account `by` other than the one that entered it confirms it so."""
        with self.services.store.write() as tx:
            return addresses.address_letter(self.services, tx, person_id, guardian_id, by)

    def confirm(self, person_id: str, *guardians: str) -> None:
        """A second account asks for letters to these addresses: that of the person, or of guardians of theirs."""
        for guardian_id in guardians or (None,):
            assert self.asked_of(person_id, guardian_id, by="cli:two")

    def mails(self, kind: str | None = None) -> Sequence[Row[Any]]:
        """The rows of the outbox, oldest first."""
        query = select(t.mail).order_by(t.mail.c.created_at, t.mail.c.cause)
        with self.services.store.read() as conn:
            return conn.execute(query if kind is None else query.where(t.mail.c.kind == kind)).all()

    def audited(self, action: Action) -> int:
        """How many audit rows say so."""
        with self.services.store.read() as conn:
            return conn.scalar(select(func.count()).where(t.audit.c.action == action.value)) or 0

    def sealed(self) -> int:
        """How many addresses are sealed for letters."""
        with self.services.store.read() as conn:
            return conn.scalar(select(func.count()).where(t.sealed.c.kind == "mail")) or 0
