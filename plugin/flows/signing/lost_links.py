"""A letter with a new link for a person who lost theirs, always to the address on file.

A visitor gets the same answer in the same time whether or not the person is known: the request only queues a job,
which looks up the person. What was typed is stored as a keyed hash, as long as the job exists.
"""

from collections.abc import Iterator
from uuid import uuid4

from sqlalchemy import Connection, insert, select

from plugin.errors import ConsentError
from plugin.flows.access import links, rate_limits, token_digest
from plugin.flows.access.rate_limits import MailCause, Requester
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.flows.mail import page_links
from plugin.flows.people import addresses, contacts, outbox
from plugin.flows.signing import key_links, pending_signatures
from plugin.ledger import tables as t
from plugin.ledger.queue.jobs import ClaimedJob
from plugin.ledger.store.actions import Action
from plugin.ledger.store.store import Tx
from plugin.quitclaim.consent.model import name_key

JOB = "lost"
NO_ADDRESS = "no address is on file: enter one, or end by hand what is asked for"
_OUTSIDE = "system"


def can_write(services: Services) -> bool:
    """Whether letters with links can be sent."""
    return bool(services.config.mail.host and services.config.server.public_url)


def request_letter(services: Services, *, name: str = "", token: str = "", network: str = "") -> None:
    """A visitor requests a new letter, by name or by a link that has expired."""
    what = token_digest.digest(token) if token else name_key(name)
    key = _hash(services, "link" if token else "name", what)
    with services.store.write() as tx:
        asker = Requester(link_id=key, network=network)
        allowed = rate_limits.spend(services, tx, MailCause.LETTER, asker)
        if allowed:
            services.queue.put(tx, JOB, key, {"by": "link" if token else "name"}, priority=4)
        tx.audit(Action.LETTER_ASK, _OUTSIDE)


def handle_request(services: Services, job: ClaimedJob) -> None:
    """Queue the letters for the people who were meant, if any; the job's key is a keyed hash of the request."""
    with services.store.read() as conn:
        by_link = job.payload.get("by") == "link"
        meant = list(_find_by_link(services, conn, job.key) if by_link else _find_by_name(services, conn, job.key))
    with services.store.write() as tx:
        for person_id, guardian_id in meant:
            holder = Requester(person_id=f"{person_id}{guardian_id or ''}")
            if rate_limits.spend(services, tx, MailCause.LETTER, holder):
                queue_letter(services, tx, person_id, guardian_id, _OUTSIDE)
        services.queue.finish(tx, job)


def _find_by_link(services: Services, conn: Connection, key: str) -> Iterator[tuple[str, str | None]]:
    for row in conn.execute(select(t.invitation).where(t.invitation.c.person_id.is_not(None))):
        if _hash(services, "link", row.token_sha256) == key:
            if row.guardian_id is not None:
                yield row.person_id, row.guardian_id
            else:
                yield from _find_sides(services, conn, row.person_id)


def _find_by_name(services: Services, conn: Connection, key: str) -> Iterator[tuple[str, str | None]]:
    for row in conn.execute(select(t.person.c.id, t.person.c.name_key, t.person.c.given_name)):
        spelled = {row.name_key, name_key(row.given_name or "")}
        if any(one and _hash(services, "name", one) == key for one in spelled):
            yield from _find_sides(services, conn, row.id)


def _find_sides(services: Services, conn: Connection, person_id: str) -> Iterator[tuple[str, str | None]]:
    """The person; for a minor the guardians with an address, and the child if it has one."""
    if not services.vault.has_key(conn, person_id, "record"):
        return
    standing = roster.load(services, conn, person_id)
    guardians = standing.person.guardians if standing.is_minor(services.clock.now()) else ()
    sides: list[str | None] = [None, *guardians]
    known = [side for side in sides if contacts.address_of(services, conn, person_id, side)]
    for side in known or [None]:
        yield person_id, side


def queue_letter(services: Services, tx: Tx, person_id: str, guardian_id: str | None, asked_by: str) -> bool:
    """Queue the letter with the link that its address may have; without an address False, and the staff sees it listed.

    `asked_by`: an account, or the system.
    """
    person = roster.load(services, tx.connection, person_id).person
    if not contacts.address_of(services, tx.connection, person_id, guardian_id):
        _list_failed(tx, person_id, guardian_id, person.language)
        return False
    page = page_links.make(services, tx, person_id, asked_by, guardian_id)
    key = None if page else _make_key(services, tx, person_id, guardian_id)
    kind = "page" if page else "key" if key else "lost"
    made = page or key
    secret = {"link": links.url(services, made.token)} if made and services.config.server.public_url else {}
    to = guardian_id or "person"
    letter = outbox.Letter(f"lost:{uuid4().hex}", kind, person.language, person_id, to, secret=secret)
    return outbox.put(services, tx, letter)


def _make_key(services: Services, tx: Tx, person_id: str, guardian_id: str | None) -> links.MadeLink | None:
    """A key to what was signed in the visit in which the address was typed."""
    row = addresses.find_on_file(tx.connection, person_id, guardian_id)
    if row is None or row.quitclaim_id is None or not services.config.server.public_url:
        return None
    standing = roster.load(services, tx.connection, person_id)
    claim = next((one for one in standing.quitclaims if one.id == row.quitclaim_id), None)
    waiting = any(
        half.number == row.quitclaim_id
        for _, half in pending_signatures.list_pending(services, tx.connection, person_id)
    )
    if claim is None and not waiting:
        return None
    end = key_links.find_end(claim) if claim else tx.now
    language = standing.person.language
    key = key_links.NewKey(person_id, row.quitclaim_id, language, guardian_id, end, row.id)
    return key_links.make_key(services, tx, key, _OUTSIDE)


def _list_failed(tx: Tx, person_id: str, guardian_id: str | None, language: str) -> None:
    """List a letter without an address for the staff, once."""
    cause = f"lost:{person_id}:{guardian_id or ''}"
    if tx.execute(select(t.mail.c.id).where(t.mail.c.cause == cause)).first() is None:
        what = {"id": uuid4().hex, "cause": cause, "kind": "lost", "person_id": person_id, "language": language}
        failed = {"state": "failed", "error": NO_ADDRESS, "created_at": tx.now, "finished_at": tx.now}
        tx.execute(insert(t.mail).values(data={}, **what, **failed))


def send_letter(services: Services, person_id: str, guardian_id: str | None, account: str) -> None:
    """Queue a new letter for the staff, who see neither it nor its link.

    Raises ConsentError if no mail can be sent or there is no address; NotFound.
    """
    if not services.config.mail.host:
        raise ConsentError(
            "this house sends no mail (mail.host). Until it does, end what is asked for by hand, and record it"
        )
    with services.store.write() as tx:
        sent = queue_letter(services, tx, person_id, guardian_id, account)
        tx.audit(Action.LETTER_ASK, account, subject=roster.subject(services, tx, person_id))
    if not sent:
        raise ConsentError(NO_ADDRESS)


def _hash(services: Services, what: str, text: str) -> str:
    return services.name_hasher.hash(f"lost {what}\0{text}")  # not by the master key: an erasure changes that
