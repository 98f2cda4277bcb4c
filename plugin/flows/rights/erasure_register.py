"""Erasures by the number of their certificate, which the person gets; and what has to be known until each is finished.

That is: how the name was spelled, and where the last letter goes. It is sealed under the house's key, since the
person's own is destroyed at once, and goes as soon as it has served.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from plugin.errors import NotFound
from plugin.flows.common.services import Services
from plugin.flows.rights import certificate
from plugin.flows.rights.certificate import Certificate
from plugin.hooks.mention import CertificateLine
from plugin.ledger import tables as t
from plugin.ledger.keys import free_text
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx

COLUMN = "erasure.held"
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # none that is heard, or read, as another


@dataclass(frozen=True)
class ErasureFacts:
    """How the name is spelled, and whom the last letter greets, in which language; `to` goes when it is sent.

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
    """What is among the certificates that are kept: all numbers, and the certificate that speaks of the person."""

    numbers: frozenset[str]
    own: Certificate | None


NOTHING_FILED = Filed(frozenset(), None)


def read_filed(services: Services, person_id: str) -> Filed:
    """Read that, in no write: there may be thousands of files.

    It holds in a write after it: whatever is filed meanwhile has a row by then.
    """
    return Filed(frozenset(certificate.numbers(services)), certificate.of_person(services, person_id))


def enter(services: Services, tx: Tx, person_id: str, actor: str, filed: Filed) -> str:
    """The number of the person's erasure, given now unless they have one already."""
    known = find_of_person(tx.connection, person_id)
    if known is not None:
        return str(known.number)
    before = filed.own  # a store that was put back does not know it any more
    number = before.number if before else _next(services, tx, filed)
    asked = before.asked_at if before else tx.now
    tx.execute(insert(t.erasure).values(number=number, person_id=person_id, asked_at=asked, asked_by=actor))
    return number


def find_of_person(conn: Connection, person_id: str) -> Row[Any] | None:
    """The row of the person's erasure; None where nobody asked for one."""
    return conn.execute(select(t.erasure).where(t.erasure.c.person_id == person_id)).first()


def find_by_number(conn: Connection, number: str) -> Row[Any]:
    """The row of this number, however it is typed. Raises NotFound."""
    row = conn.execute(select(t.erasure).where(t.erasure.c.number == spell_number(number))).first()
    if row is None:
        raise NotFound(f"no erasure has the number {number!r}: it looks like 2026-0042-7Q")
    return row


def spell_number(number: str) -> str:
    """A number as we write it, of one that somebody typed."""
    return number.strip().upper().replace(" ", "-").replace("–", "-")


def read_certificate(services: Services, number: str, actor: str) -> Certificate:
    """The certificate of this number, as far as it goes now; the look is audited. Raises NotFound: there is no such
    number, or its certificate was taken away.

    Of somebody who came back with an old store and is erased again, that of before says nothing of now.
    """
    with services.store.write() as tx:
        row = find_by_number(tx.connection, number)
        undecided = (t.request.c.person_id == row.person_id) & t.request.c.decided_at.is_(None)
        waits = tx.execute(select(t.request.c.id).where(undecided)).first() is not None
        tx.audit(Action.CERTIFICATE_LOOK, actor, number=row.number)
    if row.finished_at is not None:
        return certificate.kept(services, row.number)
    language = services.config.site.language
    open_ = [CertificateLine("open_request" if waits else "open_rows")]
    return Certificate(row.number, row.person_id, row.asked_at, language, services.config.site.zone, left=open_)


def drop(tx: Tx, person_id: str) -> None:
    """The request was refused: nothing is erased."""
    tx.execute(delete(t.erasure).where(t.erasure.c.person_id == person_id, t.erasure.c.held.is_(None)))


def hold(services: Services, tx: Tx, number: str, held: ErasureFacts) -> None:
    """Keep what has to be known; what is empty is kept no more."""
    empty = held == ErasureFacts(language=held.language)
    body = None if empty else free_text.seal_text(tx, services.vault, json.dumps(asdict(held)), COLUMN)
    tx.execute(update(t.erasure).where(t.erasure.c.number == number).values(held=body))


def read_held(services: Services, conn: Connection, row: Row[Any]) -> ErasureFacts | None:
    """What is held of an erasure; None where it has served. Raises VaultError."""
    if row.held is None:
        return None
    tree: dict[str, Any] = json.loads(free_text.open_text(conn, services.vault, row.held, COLUMN))
    return ErasureFacts(**tree | {name: tuple(tree.get(name, ())) for name in ("spellings", "refs")})


def finish(services: Services, tx: Tx, row: Row[Any], known: ErasureFacts) -> None:
    """The erasure is finished: of what is held only what the last letter needs stays."""
    left = replace(known, spellings=(), refs=(), rows={}) if known.to else ErasureFacts(language=known.language)
    hold(services, tx, row.number, left)
    tx.execute(update(t.erasure).where(t.erasure.c.number == row.number).values(finished_at=tx.now))


def forget_address(services: Services, tx: Tx, number: str) -> None:
    """The last letter went, or never will: its address goes."""
    row = find_by_number(tx.connection, number)
    known = read_held(services, tx.connection, row)
    if known is not None:
        hold(services, tx, number, replace(known, to="", name="", guardian=""))


def reopen(tx: Tx, number: str) -> None:
    """Somebody who was erased came back with an old store, and is erased again under the same number."""
    tx.execute(update(t.erasure).where(t.erasure.c.number == number).values(finished_at=None))


def _next(services: Services, tx: Tx, filed: Filed) -> str:
    """Year, count and two letters against slips of the tongue; never one that a row or a certificate has.

    A write transaction is alone, so that no other gives the same.
    """
    year = tx.now.astimezone(services.config.site.zone).year
    known = {*tx.execute(select(t.erasure.c.number)).scalars(), *filed.numbers}
    counts = [int(one.split("-")[1]) for one in known if one.startswith(f"{year}-")]
    return f"{year}-{max(counts, default=0) + 1:04d}-{secrets.choice(_LETTERS)}{secrets.choice(_LETTERS)}"
