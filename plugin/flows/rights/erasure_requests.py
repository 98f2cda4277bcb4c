"""Requests to be forgotten, on which the officer decides within the term (GDPR Art. 12(3), 17)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import uuid4

from sqlalchemy import Connection, insert, select, update

from plugin.errors import ConsentError, NotFound
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.flows.consent import quitclaim_rows
from plugin.flows.people import outbox, register
from plugin.flows.rights import erasure, erasure_register
from plugin.flows.rights.erasure_register import Filed
from plugin.flows.rights.erasure_register import read_filed as read_filed
from plugin.ledger import tables as t
from plugin.ledger.keys import free_text
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx
from plugin.ledger.tables.rows import RequestRow

ERASURE = "erasure"
REASON = "request.reason"
"""To what the reason of a refusal is sealed."""
DONE, REFUSED = "done", "refused"
GUARDIAN = "guardian"
_LONGEST = 500  # characters of a reason


@dataclass(frozen=True)
class ErasureRequest:
    """A request to be forgotten: on the officer's list until `due_on`, or begun `at_once`. `number` is its
    certificate's."""

    id: str
    due_on: date
    at_once: bool
    number: str


@dataclass(frozen=True)
class WaitingRequest:
    """A line of the officer's list."""

    id: str
    person_id: str
    name: str
    kind: str
    asked_at: datetime
    asked_by: str
    due_on: date
    overdue: bool
    number: str


def request_in(services: Services, tx: Tx, person_id: str, asked_by: str, filed: Filed) -> ErasureRequest:
    """Store the request, or begin the erasure if `requests.erasure` says so. Idempotent.

    `asked_by`: person or guardian. Raises NotFound.
    """
    rule = services.config.requests
    number = erasure_register.enter(services, tx, person_id, asked_by, filed)
    at_once = rule.erasure == "at once"
    standing = find_waiting(tx.connection, person_id)
    subject = roster.subject(services, tx, person_id)
    key, until = uuid4().hex, due_day(services)
    if standing is not None:
        key, until = standing.id, standing.due_on
    else:
        tx.execute(
            insert(t.request).values(
                id=key, person_id=person_id, kind=ERASURE, asked_at=tx.now, asked_by=asked_by, due_on=until
            )
        )
        tx.audit(Action.ERASURE_ASK, asked_by, subject=subject, request=key)
    if at_once:
        _store_decision(tx, key, DONE, asked_by)
        erasure.begin_in(services, tx, person_id, asked_by, filed, asked_by=asked_by)
    return ErasureRequest(key, until, at_once, number)


def due_day(services: Services) -> date:
    """The day by which a request of today is to be decided."""
    return services.today() + timedelta(days=services.config.requests.days)


def find_waiting(conn: Connection, person_id: str) -> RequestRow | None:
    """The person's undecided request; None if there is none."""
    mine = (t.request.c.person_id == person_id) & t.request.c.decided_at.is_(None)
    return conn.execute(select(t.request).where(mine)).first()


def find_number(conn: Connection, person_id: str) -> str:
    """The number of the certificate of the person's erasure; "" if nobody asked for one."""
    row = erasure_register.find_of_person(conn, person_id)
    return "" if row is None else row.number


def list_waiting(services: Services) -> Sequence[WaitingRequest]:
    """The officer's list: what waits for a decision, the most urgent first."""
    query = (
        select(t.request, t.person.c.display_name, t.erasure.c.number)
        .join(t.person, t.person.c.id == t.request.c.person_id)
        .outerjoin(t.erasure, t.erasure.c.person_id == t.request.c.person_id)
        .where(t.request.c.decided_at.is_(None))
        .order_by(t.request.c.due_on, t.request.c.asked_at)
    )
    today = services.today()
    with services.store.read() as conn:
        return [
            WaitingRequest(
                row.id,
                row.person_id,
                row.display_name,
                row.kind,
                row.asked_at,
                row.asked_by,
                row.due_on,
                row.due_on < today,
                row.number or "",
            )
            for row in conn.execute(query)
        ]


def decide(services: Services, request_id: str, grant: bool, actor: str, reason: str = "") -> str | None:
    """Forget the person from this commit on, or refuse with a reason, which the person gets by mail. Returns the
    number of the certificate, None for a refusal.

    Raises NotFound for no such open request, ConsentError for a refusal without a reason.
    """
    words = " ".join(reason.split())
    if not grant and not words:
        raise ConsentError("a refusal needs its reason, such as a contract that still runs: the person reads it")
    if len(words) > _LONGEST:
        raise ConsentError(f"a reason has at most {_LONGEST} characters: say it shorter")
    with services.store.read() as conn:
        asked = select(t.request.c.person_id).where(t.request.c.id == request_id)
        about = conn.scalar(asked) or ""
    read = read_filed(services, about)
    with services.store.write() as tx:
        this = (t.request.c.id == request_id) & t.request.c.decided_at.is_(None)
        row = tx.execute(select(t.request).where(this)).first()
        if row is None:
            raise NotFound("no such request waits for a decision: facelease person requests list shows those that do")
        if not grant:
            quitclaim_rows.ensure_record_key(services, tx, row.person_id)
        kept = None if grant else free_text.seal_text(tx, services.vault, words, REASON, row.person_id)
        _store_decision(tx, request_id, DONE if grant else REFUSED, actor, kept)
        if grant:
            return erasure.begin_in(services, tx, row.person_id, actor, read, asked_by=row.asked_by)
        erasure_register.drop(tx, row.person_id)
        _refuse(services, tx, row, actor)
        return None


def _refuse(services: Services, tx: Tx, row: RequestRow, actor: str) -> None:
    subject = roster.subject(services, tx, row.person_id)
    tx.audit(Action.ERASURE_REFUSE, actor, subject=subject, request=row.id)
    person = roster.load(services, tx.connection, row.person_id).person
    to = _find_asker(services, tx, row.person_id, row.asked_by)
    letter = outbox.Letter(f"kept:{row.id}", "kept", person.language, row.person_id, to, {"request": row.id})
    outbox.put(services, tx, letter)


def _find_asker(services: Services, tx: Tx, person_id: str, asked_by: str) -> str:
    """Who gets the answer: the person or, if a guardian asked, the first guardian that can be written to."""
    if asked_by != GUARDIAN:
        return "person"
    known = register.guardians_of(services, tx.connection, person_id)
    return next((str(one["id"]) for one in known if one.get("email")), "person")


def _store_decision(tx: Tx, request_id: str, outcome: str, actor: str, reason: str | None = None) -> None:
    values = {"decided_at": tx.now, "decided_by": actor, "outcome": outcome, "reason": reason}
    tx.execute(update(t.request).where(t.request.c.id == request_id).values(**values))
