"""Rows of the ledger as the values that the consent rules reason about."""

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from difflib import get_close_matches
from functools import partial
from typing import Protocol, TypeVar

from sqlalchemy import Connection, Executable, Table, select

from plugin.errors import ConsentError, NotFound, VaultError
from plugin.flows.common.batches import chunked
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.ledger.keys import house_key
from plugin.ledger.queue import set_aside
from plugin.ledger.store.store import Tx
from plugin.ledger.tables.columns import UnreadableCell
from plugin.ledger.tables.rows import GrantLineRow, GuardianRow, PersonRow, QuitclaimRow
from plugin.quitclaim.consent.model import AgeRules, EndKind, Grant, GrantKind, Person, Quitclaim, name_key
from plugin.quitclaim.consent.standing import Standing

UNREADABLE = "unreadable"
"""The purpose and channel of a grant that no value can be made of: never a consent, and it may be withdrawn."""

_NEVER = datetime(9000, 1, 1, tzinfo=UTC)

T = TypeVar("T")
_CHUNK = 500  # SQLite's limit on bound values is far above; PostgreSQL plans shorter lists better


def load(services: Services, conn: Connection, person_id: str) -> Standing:
    """One person's standing. Raises NotFound."""
    found = load_many(services, conn, [person_id])
    if person_id not in found:
        raise NotFound(f"no person {person_id}: facelease person list shows them")
    return found[person_id]


def load_many(services: Services, conn: Connection, person_ids: Iterable[str] | None = None) -> dict[str, Standing]:
    """The standing of each of `person_ids` that exists, or of everybody."""
    if person_ids is None:
        return _assemble(conn, services.ages, None)
    found: dict[str, Standing] = {}
    for some in chunked(sorted(set(person_ids)), _CHUNK):
        found |= _assemble(conn, services.ages, some)
    return found


def each(services: Services, what: str, people: Iterable[str], act: Callable[[str], T]) -> list[T]:
    """`act` for each of them; one for whom it fails is set aside, by the reference that the audit log has."""

    def key(person_id: str) -> str:
        with services.store.read() as conn:
            return _subject(services, conn, person_id) or ""

    return set_aside.act_on_each(services.store, what, people, act, key)


def find(conn: Connection, text: str) -> str:
    """The id of the person meant by an id or a display name. Raises NotFound."""
    meant = (t.person.c.id == text) | (t.person.c.name_key == name_key(text))
    row = conn.execute(select(t.person.c.id).where(meant)).first()
    if row is None:
        raise nobody_called(text)
    return str(row.id)


def nobody_called(text: str) -> NotFound:
    """What `find` raises."""
    return NotFound(f"no person called {text!r}: facelease person list shows them")


def find_near_names(conn: Connection, text: str, most: int = 3) -> list[str]:
    """Display names that are spelled nearly like `text`, accents apart, the nearest first. For who may see them all."""
    spelled = {name: _drop_accents(name) for name in conn.scalars(select(t.person.c.display_name)) if name}
    near = get_close_matches(_drop_accents(text), set(spelled.values()), n=most)
    return [name for one in near for name in sorted(spelled) if spelled[name] == one][:most]


def _drop_accents(text: str) -> str:
    """The key of a name without accents: Åsa is asa."""
    return "".join(c for c in unicodedata.normalize("NFKD", name_key(text)) if not unicodedata.combining(c))


def labels(conn: Connection, person_ids: Iterable[str]) -> dict[str, str]:
    """Display names by person id."""
    found: dict[str, str] = {}
    for some in chunked(sorted(set(person_ids)), _CHUNK):
        query = select(t.person.c.id, t.person.c.display_name).where(t.person.c.id.in_(some))
        found |= {row.id: row.display_name for row in conn.execute(query)}
    return found


def guardians(conn: Connection) -> Mapping[str, tuple[str, ...]]:
    """The ids of everybody's guardians."""
    groups = _group(conn.execute(select(t.guardian.c.id, t.guardian.c.person_id)), "person_id")
    return {person: tuple(row.id for row in rows) for person, rows in groups.items()}


class SignedVersion(QuitclaimRow, Protocol):
    """A row of `quitclaim` with the signer's birth date."""

    birth_date: date | None


def signer(row: SignedVersion, guardians: Sequence[str]) -> tuple[Person, Quitclaim]:
    """Who signed a version, as far as rules of signatures ask."""
    person = _try_make(Person, id=row.person_id, display_name="", birth_date=row.birth_date, guardians=tuple(guardians))
    return person or Person(row.person_id, ""), _quitclaim(row, (), person is not None)


def _assemble(conn: Connection, ages: AgeRules, ids: Sequence[str] | None) -> dict[str, Standing]:
    def theirs(table: Table, person_id: str = "person_id") -> Executable:
        query = select(table)
        return query if ids is None else query.where(table.c[person_id].in_(ids))

    guardians: dict[str, list[GuardianRow]] = _group(conn.execute(theirs(t.guardian)), "person_id")
    grants: dict[str, list[GrantLineRow]] = _group(conn.execute(theirs(t.grant)), "quitclaim_id")
    claims: dict[str, list[QuitclaimRow]] = _group(conn.execute(theirs(t.quitclaim)), "person_id")
    people: Iterable[PersonRow] = conn.execute(theirs(t.person, "id"))
    found: dict[str, Standing] = {}
    for row in people:
        versions = sorted(claims.get(row.id, ()), key=_version)
        person = _person(row, tuple(g.id for g in guardians.get(row.id, ())))
        signed = tuple(_quitclaim(claim, grants.get(claim.id, ()), person is not None) for claim in versions)
        found[row.id] = Standing(person or Person(row.id, row.display_name), signed, ages)
    return found


def _person(row: PersonRow, guardian_ids: tuple[str, ...]) -> Person | None:
    """None where what decides about their age or objection cannot be read."""
    return _try_make(
        Person,
        id=row.id,
        display_name=row.display_name,
        language=row.language,
        birth_date=row.birth_date,
        objected_at=row.objected_at,
        guardians=guardian_ids,
        of_age=row.of_age_at is not None and not isinstance(row.of_age_at, UnreadableCell),
    )


def _version(claim: QuitclaimRow) -> int:
    return claim.version if isinstance(claim.version, int) else 0


def _try_make(kind: Callable[..., T], /, **parts: object) -> T | None:
    """The value of these cells; None where one of them cannot be read, or they do not fit together."""
    if any(isinstance(cell, UnreadableCell) for cell in parts.values()):
        return None
    try:
        return kind(**parts)
    except (ConsentError, ValueError, TypeError):
        return None


def _group(rows: Iterable[T], column: str) -> dict[str, list[T]]:
    groups: dict[str, list[T]] = {}
    for row in rows:
        groups.setdefault(getattr(row, column), []).append(row)
    return groups


def _quitclaim(row: QuitclaimRow, grants: Iterable[GrantLineRow], sound: bool = True) -> Quitclaim:
    """`sound` is False where the person could not be read: then nothing of it can be."""
    bare = Quitclaim(
        id=row.id,
        person_id=row.person_id,
        version=1,
        text_version=row.text_version,
        text_sha256=None,
        language=row.language,
        method=row.method,
        signed_by_person=row.signed_by_person,
        signed_by_guardians=_ids(row.signed_by_guardians),
        signed_at=row.signed_at,
        recorded_at=row.recorded_at,
        recorded_by=row.recorded_by,
        grants=(),
    )
    claim = _try_make(
        partial(replace, bare),
        version=row.version,
        text_sha256=row.text_sha256,
        signed_at=row.signed_at,
        recorded_at=row.recorded_at,
        superseded_at=row.superseded_at,
    )
    whole = sound and claim is not None
    return replace(claim or bare, grants=tuple((whole and _grant(grant)) or _unreadable(grant) for grant in grants))


def _ids(cell: object) -> tuple[str, ...]:
    """Of a list that cannot be read nobody has signed."""
    return tuple(str(one) for one in cell) if isinstance(cell, list) else ()


def _grant(row: GrantLineRow) -> Grant | None:
    kind = _try_make(GrantKind, value=row.kind)
    ended_kind = _try_make(EndKind, value=row.ended_kind) if row.ended_kind else None
    if kind is None:
        return None
    return _try_make(
        Grant,
        id=row.id,
        kind=kind,
        purpose=row.purpose,
        channel=row.channel,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        ended_at=row.ended_at,
        ended_kind=ended_kind,
    )


def is_unreadable(grant: Grant) -> bool:
    """Whether it stands in the place of one that could not be read."""
    return grant.purpose == UNREADABLE and grant.valid_from == _NEVER


def _unreadable(row: GrantLineRow) -> Grant:
    """A line that agrees to nothing, and that the person can end: it begins when nobody lives any more."""
    kind = None if row.ended_at is None else EndKind.LAPSED
    return Grant(row.id, GrantKind.PUBLICATION, UNREADABLE, UNREADABLE, _NEVER, ended_at=row.ended_at, ended_kind=kind)


def subject(services: Services, tx: Tx, person_id: str) -> str | None:
    """How the audit log refers to the person; None once an erasure has destroyed the key of that reference.

    Also where that key alone is damaged: an end must not wait for it. Doctor says how many are.
    Unwrapped once a transaction, which forgets it when it ends.
    """
    known = tx.subjects.get(person_id)
    if known is None and (known := _subject(services, tx.connection, person_id)) is not None:
        tx.subjects[person_id] = known
    return known


def _subject(services: Services, conn: Connection, person_id: str) -> str | None:
    try:
        return services.vault.subject(conn, person_id)
    except VaultError:
        if services.vault.has_key(conn, person_id, "record"):
            house_key.unwrap(conn, services.master)  # else it is the master key that is not the right one
        return None
