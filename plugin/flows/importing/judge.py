"""Judge each entry: find its person, and check it against the rules. Nothing is written here."""

import json
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import count

from sqlalchemy import Connection, select

from plugin.errors import ConsentError, FaceLeaseError, StoreAway
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.flows.importing.entries import ImportDecision, ImportLine
from plugin.flows.importing.name_conflicts import NameCounts
from plugin.flows.names import dam_names, name_doubts
from plugin.flows.people import ages, register
from plugin.flows.people.ages import Age
from plugin.ledger import tables as t
from plugin.quitclaim.consent import lifecycle, mapping
from plugin.quitclaim.consent.mapping import EarlierUses, ForeignConsent
from plugin.quitclaim.consent.model import Person, Quitclaim, clean_name, name_key
from plugin.quitclaim.consent.rules import is_minor
from plugin.words.plurals import pluralize

COMING_PREFIX = "row:"  # of the id of a person whom an earlier row will enter
SEALED_KIND = "import"  # of the sealed item with the source of a quitclaim


class RowStatus(StrEnum):
    """The status of a row."""

    NEW = "new person"
    EXISTING = "existing person"
    DECIDE = "needs a decision"
    REFUSED = "refused"
    EXPIRED = "expired"
    SAME = "imported before"
    UNCONFIRMED = "not confirmed"
    GONE = "no longer there"
    IMPORTED = "imported"


GOOD_STATUSES = (RowStatus.NEW, RowStatus.EXISTING)


@dataclass(frozen=True)
class RowVerdict:
    """The status of a line and the reason, as a sentence. `person_id` of an existing person."""

    line: ImportLine
    status: RowStatus
    reason: str = ""
    person_id: str | None = None
    adopt: bool = False
    unsure: bool = False
    """The name may be on photographs that were not read."""
    keep: EarlierUses = EarlierUses.ADD


@dataclass
class KnownPerson:
    """A person as they are, or will be after the earlier rows. `guardians`: ids by name key."""

    person: Person
    claims: tuple[Quitclaim, ...]
    email: str = ""
    guardians: dict[str, str] = field(default_factory=dict)
    row: int | None = None  # the row that will enter them


@dataclass(frozen=True)
class ImportedForm:
    """An imported quitclaim: its person, and the fingerprint of its entry."""

    person_id: str
    fingerprint: str


class RowJudge:
    """Judges rows one after the other.

    `standing`: on how many resources each name is in the DAM. `origins`: what was imported before, by source. With
    `rehearse` the effect of good rows counts for later ones.
    """

    def __init__(
        self, services: Services, conn: Connection, standing: NameCounts, origins: dict[str, ImportedForm]
    ) -> None:
        self.services = services
        self.standing = standing
        self.origins = origins
        self._conn = conn
        self._known: dict[str, KnownPerson] = {}
        self._coming: dict[str, str] = {}
        self._ids = count()

    def judge(self, line: ImportLine) -> RowVerdict:
        """The verdict on the line."""
        entry = line.entry
        if entry is None:
            return RowVerdict(line, RowStatus.REFUSED, line.fault)
        try:
            return self._judged(line, replace(entry, name=clean_name(entry.name)))
        except StoreAway:
            raise
        except FaceLeaseError as error:
            return RowVerdict(line, RowStatus.REFUSED, str(error))

    def _judged(self, line: ImportLine, entry: ForeignConsent) -> RowVerdict:
        before = self.origins.get(entry.source)
        person_id, question = self._whose(entry, line.decision, before)
        before = self._imported(entry, person_id, before)
        if before is not None and before.fingerprint == entry.fingerprint:
            return RowVerdict(line, RowStatus.SAME, person_id=before.person_id)
        if mapping.is_expired(entry, self.services.today()):
            return RowVerdict(line, RowStatus.EXPIRED, f"its last day was {entry.until}")
        adopt = line.decision.link == "adopt"
        unsure = self.standing.gaps.any and not adopt
        if person_id is None:
            if why := self.services.dam.refusal(entry.name):
                raise ConsentError(why)
            self._signed(entry, _make_newcomer(entry, self.services), EarlierUses.ADD)
            if question:
                return RowVerdict(line, RowStatus.DECIDE, question, adopt=adopt)
            told = name_doubts.explain(self.standing.gaps) if unsure else ""
            return RowVerdict(line, RowStatus.NEW, told, adopt=adopt, unsure=unsure)
        known = self.known(person_id)
        question = question or self._differs(entry, known, line.decision)
        question = question or self._beside(known, line.decision, before is not None)
        keep = line.decision.keep or EarlierUses.ADD
        if question:
            return RowVerdict(line, RowStatus.DECIDE, question, person_id)
        self._signed(entry, known, keep)
        said = f"the person of row {known.row}" if known.row is not None else ""
        return RowVerdict(line, RowStatus.EXISTING, said, person_id, keep=keep)

    def _imported(self, entry: ForeignConsent, person_id: str | None, last: ImportedForm | None) -> ImportedForm | None:
        """What was imported from this source for this person; read again, because of races with other processes."""
        if last is not None and last.person_id == person_id:
            return last
        if person_id is None or person_id.startswith(COMING_PREFIX):
            return None
        return list_imported_of(self.services, self._conn, person_id).get(entry.source)

    def _whose(self, entry: ForeignConsent, said: ImportDecision, last: ImportedForm | None) -> tuple[str | None, str]:
        """The person who signed, None for somebody new; and a question if a decision is needed."""
        if said.link == "existing":
            coming = self._coming.get(name_key(said.person))
            return coming or roster.find(self._conn, said.person), ""
        if last is not None:
            return last.person_id, ""
        key = name_key(entry.name)
        owner = dam_names.find_bearer(self._conn, key)
        person_id = str(owner.id) if owner else self._coming.get(key)
        if said.link in {"new", "adopt"} and person_id is not None:
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
        if person_id is None and photographs and said.link != "adopt":
            return None, (
                f"the name stands on {pluralize(photographs, 'photograph')} already: link adopt if that is this "
                "person, else another display name"
            )
        return person_id, ""

    def _differs(self, entry: ForeignConsent, known: KnownPerson, decision: ImportDecision) -> str:
        """A question if it may be another person. Raises ConsentError if it is certain."""
        ages.refuse_invalid(self.services, Age(entry.of_age, entry.birth_date or known.person.birth_date))
        kept = known.person.birth_date
        if entry.birth_date and kept and entry.birth_date != kept:
            raise ConsentError("the birth date is not the one that is known of this person: correct one of the two")
        born = replace(known.person, birth_date=entry.birth_date)
        if kept is None and is_minor(born, self.services.ages, self.services.clock.now()):
            raise ConsentError("this person is entered as an adult, but the birth date is a child's: correct one")
        other = entry.email and known.email and entry.email.casefold() != known.email.casefold()
        if other and decision.link != "existing":
            return "the name is known with another address: link existing if it is them, else another display name"
        return ""

    def _beside(self, known: KnownPerson, decision: ImportDecision, changed: bool) -> str:
        """A question if a decision on earlier forms is needed."""
        if decision.keep is EarlierUses.ADD and self._on_contract(known.person.id):
            raise ConsentError("what was agreed before rests on a contract, which an import cannot carry on")
        if decision.keep is not None:
            return ""
        now = self.services.clock.now()
        question = mapping.find_open_question(known.person, known.claims, self.services.ages, now, changed)
        return question and f"{question}: keep add if both stand, keep replace if this one alone does"

    def _on_contract(self, person_id: str) -> bool:
        """Whether a grant that has not ended has another basis than consent."""
        mine = (t.grant.c.person_id == person_id) & t.grant.c.ended_at.is_(None)
        other = select(t.grant.c.id).where(mine, t.grant.c.basis.is_not(None), t.grant.c.basis != "consent")
        return self._conn.execute(other).first() is not None

    def known(self, person_id: str) -> KnownPerson:
        """A person, read once, and updated by rehearsed rows. Raises NotFound."""
        if person_id not in self._known:
            services, conn = self.services, self._conn
            standing = roster.load(services, conn, person_id)
            sealed = services.vault.has_key(conn, person_id, "record")
            guardians = register.guardians_of(services, conn, person_id) if sealed else ()
            email = register.email_of(services, conn, person_id) if sealed else ""
            by_name = {name_key(str(one["name"])): str(one["id"]) for one in guardians}
            known = KnownPerson(standing.person, standing.quitclaims, email, by_name)
            self._known[person_id] = known
        return self._known[person_id]

    def _signed(self, entry: ForeignConsent, known: KnownPerson, keep: EarlierUses) -> Quitclaim:
        """The quitclaim that the entry would make. Raises ConsentError with the rule that it breaks."""
        guardians = tuple(
            known.guardians.get(name_key(clean_name(name)), f"new:{name_key(name)}") for name in entry.guardians
        )
        person = replace(known.person, guardians=tuple(dict.fromkeys((*known.person.guardians, *guardians))))
        services, now = self.services, self.services.clock.now()
        signing = mapping.make_signing(
            entry, person, known.claims, guardians, services.ages, now, keep, lambda: f"coming:{next(self._ids)}"
        )
        return lifecycle.record(
            person, known.claims, signing, services.ages, quitclaim_id=f"coming:{next(self._ids)}", now=now, by=""
        )

    def rehearse(self, verdict: RowVerdict) -> None:
        """Apply the effect of a good row for the rows after it."""
        entry = verdict.line.entry
        if entry is None or verdict.status not in GOOD_STATUSES:
            return
        entry = replace(entry, name=clean_name(entry.name))
        known = self.known(verdict.person_id) if verdict.person_id else _make_newcomer(entry, self.services)
        claim = self._signed(entry, known, verdict.keep)
        known.claims = (*lifecycle.supersede(known.claims, claim), claim)
        known.guardians |= {
            name_key(name): guardian for name, guardian in zip(entry.guardians, claim.signed_by_guardians, strict=True)
        }
        known.person = replace(known.person, guardians=tuple(known.guardians.values()))
        self._known[known.person.id] = known
        self._coming.setdefault(name_key(entry.name), known.person.id)
        self.origins[entry.source] = ImportedForm(known.person.id, entry.fingerprint)


def _make_newcomer(entry: ForeignConsent, services: Services) -> KnownPerson:
    language = entry.language or services.config.site.language
    person = Person(f"{COMING_PREFIX}{entry.number}", entry.name, language, entry.birth_date, of_age=entry.of_age)
    return KnownPerson(person, (), entry.email, row=entry.number)


def list_imported(services: Services, conn: Connection) -> dict[str, ImportedForm]:
    """What was imported before, by source; sealed under each person's record key, and erased with it."""
    found = {}
    for person_id, body in services.vault.open_all(conn, SEALED_KIND, ""):
        said = json.loads(body)
        found[str(said["source"])] = ImportedForm(person_id, str(said["fingerprint"]))
    return found


def list_imported_of(services: Services, conn: Connection, person_id: str) -> dict[str, ImportedForm]:
    """The same of one person."""
    found = {}
    for item in services.vault.find(conn, person_id, SEALED_KIND):
        said = json.loads(services.vault.open(conn, item))
        found[str(said["source"])] = ImportedForm(person_id, str(said["fingerprint"]))
    return found
