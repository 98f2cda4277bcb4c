"""Sends queued letters: each once, as far as SMTP allows.

The text is made from the ledger when it is sent and is not stored. A letter without its cause any more (a link
revoked, a person erased) is dropped. A process that dies between the server's answer and our commit sends it again,
under the same Message-ID, which mail programs show once.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select, update

from plugin.errors import MailRefused, VaultError
from plugin.flows.common import roster
from plugin.flows.common.batches import in_short_writes
from plugin.flows.common.services import Services
from plugin.flows.mail import letter_values, letter_words
from plugin.flows.mail.letter_values import Gone, LetterRow
from plugin.flows.mail.letter_words import Value
from plugin.flows.mail.papers import receipt_pdf
from plugin.flows.mail.smtp import Attachment, MailServer, Outgoing, compose
from plugin.flows.people import register
from plugin.flows.rights import last_letter
from plugin.ledger import tables as t
from plugin.ledger.queue.jobs import ClaimedJob
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx

Attach = Callable[[Services, LetterRow], Sequence[Attachment]]

GIVE_UP = timedelta(days=30)
"""After how long a letter that no server would take is given up: it is owed, and its link may be over by then."""

GIVE_UP_LAST = timedelta(days=5)
"""The same of a last letter, whose address is somebody's who is forgotten (RFC 5321 4.5.4.1 asks for as long)."""

_STALE = "no mail server took it in {days} days: mend the section [mail], then ask for it anew"

SENT, DROPPED, FAILED = "sent", "dropped", "failed"

ATTACHMENTS: dict[str, Attach] = {"receipt": receipt_pdf.make_attachments}
"""What goes with a kind of letter."""


@dataclass(frozen=True)
class Draft:
    """A letter as it would be sent now."""

    to: str
    subject: str
    text: str
    attachments: Sequence[Attachment] = ()


@dataclass(frozen=True)
class Unsent:
    """A letter that waits, or will not be sent; `person` is an id, "" where it goes to the owner."""

    id: str
    kind: str
    person: str
    state: str
    since: datetime
    error: str


def handle_mail(services: Services, job: ClaimedJob) -> None:
    """Send a letter; the job's key is the letter's id.

    Raises MailError, which the queue retries, and LeaseLost before anything is sent.
    """
    state, error = SENT, None
    row = _find_row(services, job.key)
    if row is not None and row.state == "queued":
        try:
            draft = make_draft(services, row)
            services.queue.heartbeat(job)  # not sent by two
            _post(services, Outgoing(row.id, draft.to, draft.subject, draft.text, row.created_at, draft.attachments))
        except Gone as gone:
            state, error = DROPPED, str(gone)
        except MailRefused as refused:
            state, error = FAILED, str(refused)
    with services.store.write() as tx:
        if row is not None:
            record_outcome(services, tx, row, state, error)
        services.queue.finish(tx, job)


def _find_row(services: Services, mail_id: str) -> LetterRow | None:
    with services.store.read() as conn:
        return conn.execute(select(t.mail).where(t.mail.c.id == mail_id)).first()


def make_draft(services: Services, row: LetterRow) -> Draft:
    """The letter, written from the ledger as it is now. Raises Gone."""
    with services.store.read() as conn:
        secret = _open_secret(services, conn, row)
        values = {**_find_names(services, conn, row), **letter_values.find_values(services, conn, row, secret)}
    kind = str(values.pop("kind", row.kind))
    subject, text = letter_words.letter(kind, row.language, values)
    attach = ATTACHMENTS.get(row.kind)
    return Draft(secret["to"], subject, text, attach(services, row) if attach else ())


def _open_secret(services: Services, conn: Connection, row: LetterRow) -> Mapping[str, str]:
    """Address and link, from the vault; the owner's address is in the configuration."""
    if row.person_id is None:
        return (
            {"to": services.config.mail.owner} if "erasure" not in row.data else _read_last_secret(services, conn, row)
        )
    for item in services.vault.find(conn, row.person_id, "mail", subject=row.id):
        try:
            opened: Mapping[str, str] = json.loads(services.vault.open(conn, item))
        except VaultError:
            continue  # its key has been destroyed this moment
        return opened
    raise Gone("what was to be sent is destroyed")


def _read_last_secret(services: Services, conn: Connection, row: LetterRow) -> Mapping[str, str]:
    known = last_letter.read_secret(services, conn, row.data["erasure"])
    if known is None:
        raise Gone("where it was to go is destroyed")
    return known


def _find_names(services: Services, conn: Connection, row: LetterRow) -> dict[str, Value]:
    names: dict[str, Value] = {"site": services.config.site.name}
    if row.person_id is not None:
        names["name"] = register.own_name_of(conn, row.person_id)
        if guardian_id := row.data.get("guardian"):
            names["guardian"] = letter_values.find_guardian_name(services, conn, row.person_id, guardian_id)
    return names


def send_now(services: Services, mail_id: str, kind: str, address: str, language: str, **values: Value) -> None:
    """Send a letter now, past the outbox, to somebody who is not in the ledger. Nothing of it is stored.

    `values` are its $words beside `site`, such as `code`. Raises MailError, for whoever waits.
    """
    subject, text = letter_words.letter(kind, language, {"site": services.config.site.name, **values})
    _post(services, Outgoing(mail_id, address, subject, text, services.clock.now()))


def _post(services: Services, letter: Outgoing) -> None:
    config = services.config
    MailServer.from_config(config).send(compose(letter, config.mail.sender, config.site.name))


def record_outcome(services: Services, tx: Tx, row: LetterRow, state: str, error: str | None) -> None:
    """Record the outcome, once; delete address and link."""
    this = (t.mail.c.id == row.id) & (t.mail.c.state == "queued")
    done = update(t.mail).where(this).values(state=state, finished_at=tx.now, error=error)
    if tx.execute(done).rowcount == 0:
        return
    subject = None
    if row.person_id is not None:
        for item in services.vault.find(tx.connection, row.person_id, "mail", subject=row.id):
            services.vault.discard(tx, item)
        subject = roster.subject(services, tx, row.person_id)
    if "erasure" in row.data:
        last_letter.finish(services, tx, row.data["erasure"])
    said = {SENT: Action.MAIL_SEND, DROPPED: Action.MAIL_DROP, FAILED: Action.MAIL_FAIL}[state]
    tx.audit(said, "system", subject=subject, mail=row.id, kind=row.kind)


def list_unsent(services: Services, limit: int) -> tuple[int, list[Unsent]]:
    """How many letters were sent, and the newest `limit` of the others."""
    query = select(t.mail).where(t.mail.c.state != SENT).order_by(t.mail.c.created_at.desc()).limit(limit)
    with services.store.read() as conn:
        sent = conn.scalar(select(func.count()).where(t.mail.c.state == SENT)) or 0
        return sent, [
            Unsent(row.id, row.kind, row.person_id or "", row.state, row.created_at, row.error or "")
            for row in conn.execute(query)
        ]


def list_failures(services: Services, mail_ids: Sequence[str]) -> list[str]:
    """The errors of those of these letters that will never be sent."""
    never = t.mail.c.id.in_(mail_ids) & t.mail.c.state.in_((FAILED, DROPPED))
    with services.store.read() as conn:
        return [str(error or "") for error in conn.scalars(select(t.mail.c.error).where(never))]


def resume(services: Services) -> int:
    """Daily: retry letters with a dead job, and give up old ones; returns how many wait.

    A mail server may be down for longer than a job is retried.
    """
    open_ = select(t.job.c.key).where(t.job.c.kind == "mail", t.job.c.state.in_(("queued", "running")))
    stuck = select(t.mail).where(t.mail.c.state == "queued", t.mail.c.id.not_in(open_))
    with services.store.read() as conn:
        rows = conn.execute(stuck).all()

    def resume_some(tx: Tx, some: Sequence[LetterRow]) -> None:
        for row in some:
            patience = GIVE_UP_LAST if "erasure" in row.data else GIVE_UP
            if row.created_at <= tx.now - patience:
                record_outcome(services, tx, row, FAILED, _STALE.format(days=patience.days))
            else:
                services.queue.put(tx, "mail", row.id, priority=3)

    in_short_writes(services.store, rows, resume_some)
    return len(rows)
