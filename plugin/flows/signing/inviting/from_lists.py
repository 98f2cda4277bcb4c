"""Many people invited at once, from a list: a CSV or XLSX file with a name and an address in each row.

The list is judged first and shown; what is sent afterwards is judged again. Nobody is entered or written to twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, select

from plugin.errors import ConsentError, FaceLeaseError, ImportRefused
from plugin.flows.common.services import Services
from plugin.flows.importing.csv_reports import mark_formulas
from plugin.flows.importing.tables import spreadsheets
from plugin.flows.people import contacts, register
from plugin.flows.people.register import Newcomer
from plugin.flows.signing import invitations
from plugin.flows.signing.invitations import InvitationRequest
from plugin.ledger import tables as t
from plugin.quitclaim.consent.model import clean_name, name_key
from plugin.words.catalogues import LANGUAGES

COLUMNS = ("name", "email", "language")
MOST = 500
"""Rows of a list."""


class Verdict(StrEnum):
    """What becomes of a row."""

    NEW = "new"
    KNOWN = "known"
    WAITING = "waiting"
    TWICE = "twice"
    NO_NAME = "no name"
    NO_ADDRESS = "no address"
    UNREADABLE = "unreadable"
    REFUSED = "refused"

    @property
    def sends(self) -> bool:
        """Whether the row is invited."""
        return self in (Verdict.NEW, Verdict.KNOWN)


@dataclass(frozen=True)
class ListedRow:
    """A row, and what becomes of it; `why`: a sentence where the store or the DAM refused it."""

    name: str
    email: str
    language: str
    verdict: Verdict
    person_id: str = ""
    why: str = ""


def read_list(services: Services, body: bytes) -> list[Mapping[str, str]]:
    """The rows of a file. Raises ImportRefused for what is no such list, and for a cell that cannot be trusted."""
    most = services.config.importing.megabytes << 20
    if len(body) > most:
        raise ImportRefused(f"the file is larger than {most >> 20} MB, which importing.megabytes allows")
    table = spreadsheets.parse_table(body, COLUMNS, MOST, most)
    for row in table.rows:
        if row.fault:
            raise ImportRefused(f"row {row.number}: {row.fault}")
    return [row.cells for row in table.rows]


def judge(services: Services, rows: Sequence[Mapping[str, str]]) -> list[ListedRow]:
    """What would become of each row."""
    seen: set[str] = set()
    with services.store.read() as conn:
        return [_judge_row(services, conn, row, seen) for row in rows[:MOST]]


def _judge_row(services: Services, conn: Connection, row: Mapping[str, str], seen: set[str]) -> ListedRow:
    name, email = row.get("name", "").strip(), row.get("email", "").strip()
    language = row.get("language", "").strip().lower()
    language = language if language in LANGUAGES else services.config.site.language
    verdict, person_id = _find_verdict(services, conn, name, email)
    key = name_key(name)
    if verdict.sends and key in seen:
        verdict = Verdict.TWICE
    seen.add(key)
    return ListedRow(name, email, language, verdict, person_id)


def _find_verdict(services: Services, conn: Connection, name: str, email: str) -> tuple[Verdict, str]:
    if not name:
        return Verdict.NO_NAME, ""
    if mark_formulas(name) != name:
        return Verdict.UNREADABLE, ""  # a spreadsheet would run it, now or when the list is exported
    try:
        clean_name(name)
        address = contacts.clean_email(email)
    except ConsentError:
        return Verdict.UNREADABLE, ""
    person_id = conn.scalar(select(t.person.c.id).where(t.person.c.name_key == name_key(name)))
    if person_id is None:
        return (Verdict.NEW if address else Verdict.NO_ADDRESS), ""
    if invitations.list_unanswered(conn, person_id):
        return Verdict.WAITING, person_id
    known = contacts.address_of(services, conn, person_id, None)
    return (Verdict.KNOWN if known else Verdict.NO_ADDRESS), person_id


def send(
    services: Services, rows: Sequence[Mapping[str, str]], form: str | None, actor: str, may_replace: bool
) -> list[ListedRow]:
    """Enter who is new, and mail everybody an invitation; each row for itself. Somebody known is written to at the
    address that is known, not at the list's."""
    return [_send_row(services, row, form, actor, may_replace) for row in judge(services, rows)]


def _send_row(services: Services, row: ListedRow, form: str | None, actor: str, may_replace: bool) -> ListedRow:
    if not row.verdict.sends:
        return row
    try:
        person_id = row.person_id or register.add(services, Newcomer(row.name, row.language, email=row.email), actor)
        asked = InvitationRequest(person_id, form=form, by_mail=True, may_replace=may_replace)
        invitations.invite(services, asked, actor)
    except FaceLeaseError as error:
        return ListedRow(row.name, row.email, row.language, Verdict.REFUSED, row.person_id, str(error))
    return ListedRow(row.name, row.email, row.language, row.verdict, person_id)
