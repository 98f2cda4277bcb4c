"""Every decision about a collection, in order: appended in the transaction that decides, never changed.

The table `collection` holds what applies now; this history holds what applied when, by whom and on what basis.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import Connection, func, insert, or_, select

from plugin.errors import NotFound
from plugin.flows.collections import shoots
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.ledger.keys import free_text
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx

REFERENCE, BY = "collection.basis_reference", "collection.basis_by"
"""To what the evidence of a ruling is sealed, in the table of what holds now."""

_REFERENCE, _BY = "ruling.basis_reference", "ruling.basis_by"
_COPIED = ("title", "mode", "basis", "basis_date", "review_date", "shoot_id")


class RulingCause(StrEnum):
    """What brought a row about."""

    SET = "set"  # somebody decided it here
    HEARD = "heard"  # it was decided in the DAM
    FOLLOWED = "followed"  # the collection has another ref, or was found again
    LOST = "lost"  # it is not where it was, and could not be followed


@dataclass(frozen=True)
class PastRuling:
    """One row of the history. `members` counts who had signed up for the shoot; `names` are those still known."""

    ref: str
    title: str
    mode: str
    basis: str
    reference: str
    by: str
    decided: date | None
    review_date: date | None
    set_by: str
    set_at: datetime
    why: RulingCause
    moved_from: str
    members: int
    names: tuple[str, ...]


def append(services: Services, tx: Tx, ref: str, why: RulingCause, actor: str, moved_from: str | None = None) -> None:
    """Append what the table `collection` says of `ref` at this point of the transaction, and who takes part.

    Call it after the change, whoever makes one. `moved_from`: the ref that the collection had until now, where
    that is what changed. Raises NotFound where the collection has no ruling.
    """
    row = tx.execute(select(t.collection).where(t.collection.c.ref == ref)).first()
    if row is None:
        raise NotFound(f"nothing was ever decided about the collection {ref!r}")
    texts = services.texts(tx.connection)
    reference, by = texts.read(row.basis_reference, REFERENCE), texts.read(row.basis_by, BY)
    values = {name: getattr(row, name) for name in _COPIED} | {
        "basis_reference": free_text.seal_text(tx, services.vault, reference, _REFERENCE) or None,
        "basis_by": free_text.seal_text(tx, services.vault, by, _BY) or None,
    }
    tx.execute(
        insert(t.ruling).values(
            collection_ref=ref,
            set_by=actor,
            set_at=tx.now,
            why=why.value,
            moved_from=moved_from,
            members=shoots.count_people(tx.connection, row.shoot_id),
            **values,
        )
    )


def list_rulings(services: Services, conn: Connection, ref: str) -> Sequence[PastRuling]:
    """What was decided about the collection, oldest first, also under the refs that it had before.

    A row that says that it moved away stands in the history of the ref that it had, too.
    """
    numbers = _numbers(conn, ref, None)
    names = shoots.list_names_at(conn, numbers)
    rows = conn.execute(select(t.ruling).where(t.ruling.c.id.in_(numbers)).order_by(t.ruling.c.id)).all()
    texts = services.texts(conn)
    return [
        PastRuling(
            row.collection_ref,
            row.title,
            row.mode,
            row.basis or "",
            texts.read(row.basis_reference, _REFERENCE),
            texts.read(row.basis_by, _BY),
            row.basis_date,
            row.review_date,
            row.set_by,
            row.set_at,
            RulingCause(row.why),
            row.moved_from or "",
            row.members,
            tuple(names.get(row.id, ())),
        )
        for row in rows
    ]


def list_decided_in_dam(conn: Connection) -> set[str]:
    """The collections whose ruling was last decided in the DAM."""
    decided = t.ruling.c.why.in_((RulingCause.SET.value, RulingCause.HEARD.value))
    last = select(func.max(t.ruling.c.id)).where(decided).group_by(t.ruling.c.collection_ref)
    query = select(t.ruling.c.collection_ref).where(t.ruling.c.id.in_(last), t.ruling.c.why == RulingCause.HEARD.value)
    return set(conn.scalars(query))


def read(services: Services, ref: str, actor: str) -> Sequence[PastRuling]:
    """The history, for the staff; audited if it names members of a shoot.

    Raises NotFound if nothing was ever decided about the collection.
    """
    with services.store.read() as conn:
        found = list_rulings(services, conn, ref)
    if not found:
        raise NotFound("nothing was ever decided about this collection: it is off")
    if any(one.names for one in found):
        with services.store.write() as tx:
            tx.audit(Action.MODE_LOOK, actor, rows=len(found))
    return found


def _numbers(conn: Connection, ref: str, before: int | None) -> set[int]:
    """The rows of a ref older than `before`, and those of the refs that it was moved from, older than that move."""
    r = t.ruling.c
    query = select(r.id, r.collection_ref, r.moved_from).where(or_(r.collection_ref == ref, r.moved_from == ref))
    rows = conn.execute(query if before is None else query.where(r.id < before)).all()
    found = {int(row.id) for row in rows}
    for row in rows:
        if row.collection_ref == ref and row.moved_from and row.moved_from != ref:
            found |= _numbers(conn, row.moved_from, row.id)
    return found
