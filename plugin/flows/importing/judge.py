"""What would become of each entry: whose it is, and whether the rules take it. Nothing is written here."""

import json
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import count

from sqlalchemy import Connection, select

from plugin.errors import ConsentError, FaceLeaseError, StoreAway
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.flows.importing.entries import Decision, Line
from plugin.flows.importing.name_conflicts import Standing
from plugin.flows.names import dam_names, name_doubts
from plugin.flows.people import ages, register
from plugin.flows.people.ages import Age
from plugin.ledger import tables as t
from plugin.quitclaim.consent import lifecycle, mapping
from plugin.quitclaim.consent.mapping import Entry, Keep
from plugin.quitclaim.consent.model import Person, Quitclaim, clean_name, name_key
from plugin.quitclaim.consent.rules import is_minor

COMING = "row:"  # begins the id of somebody whom a row before this one will enter
KIND = "import"  # of the sealed item that says whence a quitclaim came


class Status(StrEnum):
    """What becomes of a row."""

    NEW = "new person"
    EXISTING = "existing person"
    DECIDE = "needs a decision"
    REFUSED = "refused"
    EXPIRED = "expired"
    SAME = "imported before"
    UNCONFIRMED = "not confirmed"
    GONE = "no longer there"
    IMPORTED = "imported"


GOOD = (Status.NEW, Status.EXISTING)


@dataclass(frozen=True)
class Verdict:
    """What becomes of a line, and why, in a sentence. `person_id` of an existing person."""

    line: Line
    status: Status
    reason: str = ""
    person_id: str | None = None
    adopt: bool = False
    unsure: bool = False
    """The name may stand on photographs that were not read."""
    keep: Keep = Keep.ADD


@dataclass
class Known:
    """A person as they stand, or will after the rows before: guardians by the key of their names."""

    person: Person
    claims: tuple[Quitclaim, ...]
    email: str = ""
    guardians: dict[str, str] = field(default_factory=dict)
    row: int | None = None  # the row that will enter them


@dataclass(frozen=True)
class Origin:
    """Whose a quitclaim became that came from a source, and what it said."""

    person_id: str
    fingerprint: str


class Book:
    """What is known while rows are judged one after the other.

    `standing`: on how many resources a name stands in the DAM. `origins`: what was imported before, by
    source. With `rehearse` what the good rows would do is taken into account.
    """

    def __init__(
        self, services: Services, conn: Connection, standing: Standing, origins: dict[str, Origin]
    ) -> None:
        self.services = services
        self.standing = standing
        self.origins = origins
        self._conn = conn
        self._known: dict[str, Known] = {}
        self._coming: dict[str, str] = {}
        self._ids = count()

    def judge(self, line: Line) -> Verdict:
        """What would become of the line."""
        entry = line.entry
        if entry is None:
            return Verdict(line, Status.REFUSED, line.fault)
        try:
            return self._judged(line, replace(entry, name=clean_name(entry.name)))
        except StoreAway:
            raise
        except FaceLeaseError as error:
            return Verdict(line, Status.REFUSED, str(error))

    def _judged(self, line: Line, entry: Entry) -> Verdict:
        before = self.origins.get(entry.source)
        person_id, question = self._whose(entry, line.decision, before)
        before = self._imported(entry, person_id, before)
        if before is not None and before.fingerprint == entry.fingerprint:
            return Verdict(line, Status.SAME, person_id=before.person_id)
        if mapping.expired(entry, self.services.today()):
            return Verdict(line, Status.EXPIRED, f"its last day was {entry.until}")
        adopt = line.decision.link == "adopt"
        unsure = self.standing.gaps.any and not adopt
        if person_id is None:
            if why := self.services.dam.refusal(entry.name):
                raise ConsentError(why)
            self._signed(entry, _newcomer(entry, self.services), Keep.ADD)
            if question:
                return Verdict(line, Status.DECIDE, question, adopt=adopt)
            told = name_doubts.said(self.standing.gaps) if unsure else ""
            return Verdict(line, Status.NEW, told, adopt=adopt, unsure=unsure)
        known = self.known(person_id)
        question = question or self._differs(entry, known, line.decision)
        question = question or self._beside(known, line.decision, before is not None)
        keep = line.decision.keep or Keep.ADD
        if question:
            return Verdict(line, Status.DECIDE, question, person_id)
        self._signed(entry, known, keep)
        said = f"the person of row {known.row}" if known.row is not None else ""
        return Verdict(line, Status.EXISTING, said, person_id, keep=keep)

    def _imported(self, entry: Entry, person_id: str | None, before: Origin | None) -> Origin | None:
        """What was imported from this source for this person; looked up anew, another process may have done it."""
        if before is not None and before.person_id == person_id:
            return before
        if person_id is None or person_id.startswith(COMING):
            return None
        return origins_of(self.services, self._conn, person_id).get(entry.source)

    def _whose(self, entry: Entry, decision: Decision, before: Origin | None) -> tuple[str | None, str]:
        """The person whose consent this is, None for somebody new; and what has to be decided."""
        if decision.link == "existing":
            coming = self._coming.get(name_key(decision.person))
            return coming or roster.find(self._conn, decision.person), ""
        if before is not None:
            return before.person_id, ""
        key = name_key(entry.name)
        owner = dam_names.bearer(self._conn, key)
        person_id = str(owner.id) if owner else self._coming.get(key)
        if decision.link in {"new", "adopt"} and person_id is not None:
            raise ConsentError(
                "the name is somebody's display name already: link existing if it is them, else add to the name "
                "what tells them apart, such as a place or a year"
            )
        if owner is not None and owner.self_entered:
            return None, (
                "somebody who entered themselves has this name, and nobody of the staff knows them yet: link "
                "existing if it is them, else another display name"
            )
        photographs = self.standing.counts.get(key, 0)
        if person_id is None and photographs and decision.link != "adopt":
            return None, (
                f"the name stands on {photographs} photographs already: link adopt if that is this person, else "
                "another display name"
            )
        return person_id, ""

    def _differs(self, entry: Entry, known: Known, decision: Decision) -> str:
        """What speaks against it that this is the person. Raises ConsentError where it is certain."""
        ages.refuse(self.services, Age(entry.of_age, entry.birth_date or known.person.birth_date))
        kept = known.person.birth_date
        if entry.birth_date and kept and entry.birth_date != kept:
            raise ConsentError(
                "the birth date is not the one that is known of this person: correct one of the two"
            )
        born = replace(known.person, birth_date=entry.birth_date)
        if kept is None and is_minor(born, self.services.ages, self.services.clock.now()):
            raise ConsentError(
                "this person is entered as an adult, but the birth date is a child's: correct one"
            )
        other = entry.email and known.email and entry.email.casefold() != known.email.casefold()
        if other and decision.link != "existing":
            return "the name is known with another address: link existing if it is them, else another display name"
        return ""

    def _beside(self, known: Known, decision: Decision, changed: bool) -> str:
        """What has to be decided of earlier forms."""
        if decision.keep is Keep.ADD and self._on_contract(known.person.id):
            raise ConsentError("what was agreed before rests on a contract, which an import cannot carry on")
        if decision.keep is not None:
            return ""
        now = self.services.clock.now()
        question = mapping.open_question(known.person, known.claims, self.services.ages, now, changed)
        return question and f"{question}: keep add if both stand, keep replace if this one alone does"

    def _on_contract(self, person_id: str) -> bool:
        """Whether a grant that has not ended rests on something else than consent."""
        mine = (t.grant.c.person_id == person_id) & t.grant.c.ended_at.is_(None)
        other = select(t.grant.c.id).where(mine, t.grant.c.basis.is_not(None), t.grant.c.basis != "consent")
        return self._conn.execute(other).first() is not None

    def known(self, person_id: str) -> Known:
        """A person, read once and then as the rows leave them. Raises NotFound."""
        if person_id not in self._known:
            services, conn = self.services, self._conn
            standing = roster.load(services, conn, person_id)
            sealed = services.vault.has_key(conn, person_id, "record")
            guardians = register.guardians_of(services, conn, person_id) if sealed else ()
            self._known[person_id] = Known(
                standing.person, standing.quitclaims, register.email_of(services, conn, person_id) if sealed else "",
                {name_key(str(one["name"])): str(one["id"]) for one in guardians},
            )  # fmt: skip
        return self._known[person_id]

    def _signed(self, entry: Entry, known: Known, keep: Keep) -> Quitclaim:
        """The quitclaim that the entry would make. Raises ConsentError with the rule that it breaks."""
        guardians = tuple(
            known.guardians.get(name_key(clean_name(name)), f"new:{name_key(name)}")
            for name in entry.guardians
        )
        person = replace(known.person, guardians=tuple(dict.fromkeys((*known.person.guardians, *guardians))))
        services, now = self.services, self.services.clock.now()
        signing = mapping.signing(
            entry,
            person,
            known.claims,
            guardians,
            services.ages,
            now,
            keep,
            lambda: f"coming:{next(self._ids)}",
        )
        return lifecycle.record(
            person,
            known.claims,
            signing,
            services.ages,
            quitclaim_id=f"coming:{next(self._ids)}",
            now=now,
            by="",
        )

    def rehearse(self, verdict: Verdict) -> None:
        """Take the effect of a good row into account for the rows after it."""
        entry = verdict.line.entry
        if entry is None or verdict.status not in GOOD:
            return
        entry = replace(entry, name=clean_name(entry.name))
        known = self.known(verdict.person_id) if verdict.person_id else _newcomer(entry, self.services)
        claim = self._signed(entry, known, verdict.keep)
        known.claims = (*lifecycle.supersede(known.claims, claim), claim)
        known.guardians |= {
            name_key(name): guardian
            for name, guardian in zip(entry.guardians, claim.signed_by_guardians, strict=True)
        }
        known.person = replace(known.person, guardians=tuple(known.guardians.values()))
        self._known[known.person.id] = known
        self._coming.setdefault(name_key(entry.name), known.person.id)
        self.origins[entry.source] = Origin(known.person.id, entry.fingerprint)


def _newcomer(entry: Entry, services: Services) -> Known:
    language = entry.language or services.config.site.language
    person = Person(f"{COMING}{entry.number}", entry.name, language, entry.birth_date, of_age=entry.of_age)
    return Known(person, (), entry.email, row=entry.number)


def origins(services: Services, conn: Connection) -> dict[str, Origin]:
    """What was imported before, by source: kept sealed under each person's record key, and gone with it."""
    found = {}
    for person_id, body in services.vault.open_all(conn, KIND, ""):
        said = json.loads(body)
        found[str(said["source"])] = Origin(person_id, str(said["fingerprint"]))
    return found


def origins_of(services: Services, conn: Connection, person_id: str) -> dict[str, Origin]:
    """The same of one person."""
    found = {}
    for item in services.vault.find(conn, person_id, KIND):
        said = json.loads(services.vault.open(conn, item))
        found[str(said["source"])] = Origin(person_id, str(said["fingerprint"]))
    return found
