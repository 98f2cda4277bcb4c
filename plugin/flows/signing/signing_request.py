"""What a link asks of its holder: the sheet they see, who must sign, and what else is needed.

Opening a link changes nothing, because mail programs open links before people do.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import Connection, select

from plugin.errors import LinkRefused
from plugin.flows.access.links import LinkKind
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.flows.mail import form_store
from plugin.flows.mail.form_store import StoredForm
from plugin.flows.people import register
from plugin.flows.signing import pending_signatures
from plugin.ledger import tables as t
from plugin.ledger.tables.rows import InvitationRow
from plugin.quitclaim.consent import rules
from plugin.quitclaim.consent.model import Person
from plugin.quitclaim.forms.sheets import Sheet, Whom, make_sheet
from plugin.quitclaim.forms.templates import RECOGNITION


@dataclass(frozen=True)
class SigningRequest:
    """What a link asks of its holder.

    `person`: None at a shoot, where people enter themselves. `minor`: guardians sign. `signer`: the guardian to whom
    the link is addressed, by id and name. `guardians`: how many sign for a minor. `first_guardian`: who has signed
    already; then only what they chose is offered. `from_day`: a young person may sign from this day on. `enrolled`:
    photographs are stored already. `known_email`: the known address, to which we may write. `delivered`: the link was
    mailed to one address; otherwise the page discloses as little as possible. `called`: how the page addresses the
    person, "" at a shoot.
    """

    link_id: str
    kind: LinkKind
    language: str
    languages: tuple[str, ...]
    stored: StoredForm
    sheet: Sheet
    collection_ref: str | None
    person: Person | None
    minor: bool
    guardians: int
    signer: tuple[str, str] | None
    first_guardian: str
    from_day: date | None
    enrolled: bool
    known_email: str
    delivered: bool
    called: str

    @property
    def second(self) -> bool:
        """Whether another guardian has signed already."""
        return bool(self.first_guardian)

    @property
    def shoot(self) -> bool:
        """Whether the signer enters themselves."""
        return self.person is None

    @property
    def asks_age(self) -> bool:
        """Whether the age of the person in the photographs is unknown."""
        return self.person is None or (self.person.birth_date is None and not self.person.of_age)

    @property
    def offered(self) -> frozenset[str]:
        """The keys of the lines that may be ticked."""
        keys = {choice.key for choice in self.sheet.choices}
        return frozenset(keys | ({RECOGNITION} if self.sheet.recognition else set()))


def load_request(services: Services, link: InvitationRow, language: str) -> SigningRequest:
    """What the link asks, in `language` if the form has a text in it.

    Raises LinkRefused for a guardian's link once they have no say any more: it signs for nobody then, least of
    all in the name of somebody who has come of age.
    """
    if link.form_id is None:
        raise LinkRefused("unknown")
    stored = form_store.load(services, link.form_id)
    languages = tuple(sorted(stored.form.texts))
    spoken = language if language in languages else link.language
    now, today = services.clock.now(), services.today()
    with services.store.read() as conn:
        person = roster.load(services, conn, link.person_id).person if link.person_id else None
        half = pending_signatures.find_pending(services, conn, link)
        minor = person is not None and rules.is_minor(person, services.ages, now)
        offered = set(half.choices) if half else _find_offered(services, stored, person, minor, today)
        signer = _find_signer(services, conn, link)
        if link.guardian_id and not (minor and signer):
            raise LinkRefused("expired")
        shown = make_sheet(stored.form, spoken, today, offered, _whom(person, minor))
        return SigningRequest(
            link_id=link.id,
            kind=LinkKind(link.kind),
            language=spoken,
            languages=languages,
            stored=stored,
            sheet=_fit_photographs(shown, services, person, minor, now),
            collection_ref=half.collection_ref if half else link.collection_ref,
            person=person,
            minor=minor,
            guardians=max(services.ages.guardians, stored.form.guardians),
            signer=signer,
            first_guardian=half.guardian if half else "",
            from_day=_find_first_day(services, link, person, now),
            enrolled=person is not None and _is_enrolled(conn, person.id),
            known_email=_find_known_email(services, conn, person, minor, signer),
            delivered=link.address_id is not None,
            called=register.own_name_of(conn, person.id) if person else "",
        )


def _whom(person: Person | None, minor: bool) -> Whom:
    if person is None or (person.birth_date is None and not person.of_age):
        return Whom.EITHER
    return Whom.CHILD if minor else Whom.SELF


def _find_offered(
    services: Services, stored: StoredForm, person: Person | None, minor: bool, today: date
) -> set[str] | None:
    """The keys offered, None for all; without recognition if it could not begin or the child objected to it."""
    if person is None or not minor:
        return None
    lines = {f"{purpose}:{channel}" for purpose, channel, _ in stored.form.lines()}
    return lines if person.objected_at is not None or is_too_young(services, stored, person, today) else None


def is_too_young(services: Services, stored: StoredForm, person: Person, today: date) -> bool:
    """Whether recognition would have ended before the lowest age for it is reached."""
    if person.birth_date is None:
        return False
    floor = rules.birthday(person.birth_date, services.ages.recognition_from, services.ages.zone)
    return floor.astimezone(services.ages.zone).date() > stored.form.last_day(today)


def _fit_photographs(shown: Sheet, services: Services, person: Person | None, minor: bool, now: datetime) -> Sheet:
    """Ask for photographs only if a template may be stored today: not of a child below the lowest age."""
    if person is None or person.birth_date is None or not minor:
        return shown
    floor = rules.birthday(person.birth_date, services.ages.recognition_from, services.ages.zone)
    return replace(shown, photographs="") if floor > now else shown


def _find_signer(services: Services, conn: Connection, link: InvitationRow) -> tuple[str, str] | None:
    if not link.guardian_id or not link.person_id:
        return None
    known = register.guardians_of(services, conn, link.person_id)
    return next(((str(g["id"]), str(g["name"])) for g in known if g["id"] == link.guardian_id), None)


def _find_first_day(services: Services, link: InvitationRow, person: Person | None, now: datetime) -> date | None:
    if link.kind != LinkKind.MAJORITY.value or person is None:
        return None
    majority = rules.of_age(person, services.ages)
    return None if majority is None or majority <= now else majority.astimezone(services.ages.zone).date()


def _is_enrolled(conn: Connection, person_id: str) -> bool:
    kept = (t.sealed.c.person_id == person_id) & (t.sealed.c.kind == "template")
    return conn.execute(select(t.sealed.c.id).where(kept)).first() is not None


def _find_known_email(
    services: Services, conn: Connection, person: Person | None, minor: bool, signer: tuple[str, str] | None
) -> str:
    if person is None:
        return ""
    if not minor:
        return register.email_of(services, conn, person.id)
    known = register.guardians_of(services, conn, person.id)
    return next((str(g.get("email", "")) for g in known if signer and g["id"] == signer[0]), "")
