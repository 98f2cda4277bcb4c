"""Erasures by the number of their certificate, which the person gets; and the facts needed until each is finished.

That is: how the name was spelled, and where the last letter goes. They are sealed under the house's key, since the
person's own is destroyed at once, and deleted as soon as possible.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace

from sqlalchemy import Connection, delete, insert, select, update

from plugin.errors import NotFound
from plugin.flows.common.services import Services
from plugin.flows.rights import certificate
from plugin.flows.rights.certificate import Certificate
from plugin.hooks.mention import CertificateLine
from plugin.ledger import tables as t
from plugin.ledger.keys import free_text
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx
from plugin.ledger.tables.rows import ErasureRow

COLUMN = "erasure.held"
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # none that is heard, or read, as another


@dataclass(frozen=True)
class ErasureFacts:
    """How the name is spelled, and who gets the last letter, in which language; `to` is deleted when it is sent.

    Once rows are deleted: on which resources the person was named, and how many rows there were of each kind.
    """

    spellings: tuple[str, ...] = ()
    language: str = "en"
    to: str = ""
    name: str = ""
    guardian: str = ""
    refs: tuple[str, ...] = ()
    rows: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Filed:
    """The certificates on file: all numbers, and the certificate of the person."""

    numbers: frozenset[str]
    own: Certificate | None


NOTHING_FILED = Filed(frozenset(), None)


def read_filed(services: Services, person_id: str) -> Filed:
    """Read them outside a write: there may be thousands of files.

    They are valid in a later write: whatever is filed meanwhile has a row by then.
    """
    return Filed(frozenset(certificate.list_numbers(services)), certificate.find_of_person(services, person_id))


def enter(services: Services, tx: Tx, person_id: str, actor: str, filed: Filed) -> str:
    """The number of the person's erasure, assigned now unless there is one."""
    known = find_of_person(tx.connection, person_id)
    if known is not None:
        return known.number
    before = filed.own  # a store that was put back does not know it any more
    number = before.number if before else _make_number(services, tx, filed)
    asked = before.asked_at if before else tx.now
    tx.execute(insert(t.erasure).values(number=number, person_id=person_id, asked_at=asked, asked_by=actor))
    return number


def find_of_person(conn: Connection, person_id: str) -> ErasureRow | None:
    """The row of the person's erasure; None where nobody asked for one."""
    return conn.execute(select(t.erasure).where(t.erasure.c.person_id == person_id)).first()


def find_by_number(conn: Connection, number: str) -> ErasureRow:
    """The row of this number, however it is typed. Raises NotFound."""
    row = conn.execute(select(t.erasure).where(t.erasure.c.number == spell_number(number))).first()
    if row is None:
        raise NotFound(f"no erasure has the number {number!r}: it looks like 2026-0042-7Q")
    return row


def spell_number(number: str) -> str:
    """A typed number in our spelling."""
    return number.strip().upper().replace(" ", "-").replace("–", "-")


def read_certificate(services: Services, number: str, actor: str) -> Certificate:
    """The certificate of this number, as far as it is; the look is audited. Raises NotFound if there is none any more.

    For somebody who came back with an old store and is erased again, the old certificate is not shown.
    """
    with services.store.write() as tx:
        row = find_by_number(tx.connection, number)
        undecided = (t.request.c.person_id == row.person_id) & t.request.c.decided_at.is_(None)
        waits = tx.execute(select(t.request.c.id).where(undecided)).first() is not None
        tx.audit(Action.CERTIFICATE_LOOK, actor, number=row.number)
    if row.finished_at is not None:
        return certificate.load(services, row.number)
    language = services.config.site.language
    open_ = [CertificateLine("open_request" if waits else "open_rows")]
    return Certificate(row.number, row.person_id, row.asked_at, language, services.config.site.zone, left=open_)


def drop(tx: Tx, person_id: str) -> None:
    """Delete the erasure of a refused request."""
    tx.execute(delete(t.erasure).where(t.erasure.c.person_id == person_id, t.erasure.c.held.is_(None)))


def hold(services: Services, tx: Tx, number: str, held: ErasureFacts) -> None:
    """Store the facts; empty ones are deleted."""
    empty = held == ErasureFacts(language=held.language)
    body = None if empty else free_text.seal_text(tx, services.vault, json.dumps(asdict(held)), COLUMN)
    tx.execute(update(t.erasure).where(t.erasure.c.number == number).values(held=body))


def read_held(services: Services, conn: Connection, row: ErasureRow) -> ErasureFacts | None:
    """The facts of an erasure; None if they are deleted. Raises VaultError."""
    if row.held is None:
        return None
    tree = json.loads(free_text.open_text(conn, services.vault, row.held, COLUMN))
    return ErasureFacts(**tree | {name: tuple(tree.get(name, ())) for name in ("spellings", "refs")})


def finish(services: Services, tx: Tx, row: ErasureRow, known: ErasureFacts) -> None:
    """Mark the erasure finished, and delete the facts except what the last letter needs."""
    left = replace(known, spellings=(), refs=(), rows={}) if known.to else ErasureFacts(language=known.language)
    hold(services, tx, row.number, left)
    tx.execute(update(t.erasure).where(t.erasure.c.number == row.number).values(finished_at=tx.now))


def forget_address(services: Services, tx: Tx, number: str) -> None:
    """Delete the address of the last letter: it was sent, or never will be."""
    row = find_by_number(tx.connection, number)
    known = read_held(services, tx.connection, row)
    if known is not None:
        hold(services, tx, number, replace(known, to="", name="", guardian=""))


def reopen(tx: Tx, number: str) -> None:
    """Somebody who was erased came back with an old store: erase them again under the same number."""
    tx.execute(update(t.erasure).where(t.erasure.c.number == number).values(finished_at=None))


def _make_number(services: Services, tx: Tx, filed: Filed) -> str:
    """Year, count and two letters that catch typing errors; unique among rows and certificates.

    Write transactions are serial, so no other gets the same.
    """
    year = tx.now.astimezone(services.config.site.zone).year
    known = {*tx.execute(select(t.erasure.c.number)).scalars(), *filed.numbers}
    counts = [int(one.split("-")[1]) for one in known if one.startswith(f"{year}-")]
    return f"{year}-{max(counts, default=0) + 1:04d}-{secrets.choice(_LETTERS)}{secrets.choice(_LETTERS)}"
