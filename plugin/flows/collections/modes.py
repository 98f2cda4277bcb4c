"""The mode of each collection, resolved at the moment it is needed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from sqlalchemy import Connection, insert, select, update

from plugin.errors import ConsentError, NotFound
from plugin.flows.collections import photo_places, ruling_history, shoots
from plugin.flows.collections.ruling_history import RulingCause
from plugin.flows.common import roster
from plugin.flows.common.batches import in_short_writes
from plugin.flows.common.services import Services
from plugin.hooks.dam import CollectionRuling, KeepsModes, NamedCollections
from plugin.ledger import tables as t
from plugin.ledger.keys import free_text
from plugin.ledger.keys.free_text import TextSealer
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx
from plugin.ledger.tables.rows import CollectionRow
from plugin.quitclaim.clearance.scope import (
    Basis,
    BasisEvidence,
    CollectionRule,
    Mode,
    Scope,
    combine,
    narrow,
    refuse_mode,
)

_AT_ONCE = 5  # rulings of one step: each has a history


@dataclass(frozen=True)
class Ruling:
    """What an administrator decides about a collection: its mode, and what makes it lawful."""

    mode: Mode
    basis: Basis | None = None
    evidence: BasisEvidence = field(default_factory=BasisEvidence)
    members: tuple[str, ...] = ()


def list_rules(conn: Connection, refs: Sequence[str] | None) -> list[CollectionRule]:
    """The rulings on the collections among `refs` that have one; None: all."""
    ruled = select(t.collection)
    rows = conn.execute(ruled if refs is None else ruled.where(t.collection.c.ref.in_(refs))).all()
    members = shoots.list_people(conn, refs)
    return [
        CollectionRule(
            ref=row.ref,
            mode=Mode(row.mode) if is_readable(row) else Mode.NEVER,
            basis=Basis(row.basis) if row.basis and is_readable(row) else None,
            review_date=row.review_date,
            members=frozenset(members.get(row.ref, ())),
        )
        for row in rows
    ]


def is_readable(row: CollectionRow) -> bool:
    """Whether a ruling's mode and basis can be read; one that cannot counts as *never*."""
    return row.mode in set(Mode) and (not row.basis or row.basis in set(Basis))


def scope_for(services: Services, conn: Connection, refs: Sequence[str]) -> Scope:
    """What may be done with a resource that lies in the collections `refs`, today."""
    return combine(list_rules(conn, refs), services.today())


def scope_of(services: Services, conn: Connection, resource_id: int) -> Scope:
    """What may be done with a resource that the ledger knows, today.

    A collection hidden from us may forbid what the others allow: then no face is compared.
    """
    refs = _list_refs(conn, resource_id)
    scope = scope_for(services, conn, refs)
    if not scope.compares:
        return scope
    hidden = select(t.resource_hidden).where(t.resource_hidden.c.resource_id == resource_id)
    if conn.execute(hidden).first() or _lies_beside_lost(conn, refs):
        return Scope(Mode.DETECT)
    return _narrow_to_past(services, conn, resource_id, refs, scope)


def _list_refs(conn: Connection, resource_id: int) -> list[str]:
    mine = t.resource_collection.c
    return list(conn.scalars(select(mine.collection_ref).where(mine.resource_id == resource_id)))


def _lies_beside_lost(conn: Connection, refs: Sequence[str]) -> bool:
    c = t.collection.c
    lost = select(c.ref).where(c.lost_at.is_not(None), c.ref.in_(refs) | c.lost_below.in_(refs))
    return conn.execute(lost).first() is not None


def _narrow_to_past(services: Services, conn: Connection, resource_id: int, refs: Sequence[str], scope: Scope) -> Scope:
    """No more than where the same picture lay before, until somebody rules on where it lies now."""
    if not isinstance(services.dam, NamedCollections):
        return scope
    others = photo_places.list_elsewhere(conn, resource_id)
    if not others:
        return scope
    ref = conn.scalar(select(t.resource.c.ref).where(t.resource.c.id == resource_id))
    folder = next(iter(services.dam.lies_in(ref or "")), "")
    for place in others:
        if not photo_places.is_decided_since(conn, resource_id, refs, folder, place):
            other = scope_for(services, conn, sorted(place.refs))
            scope = narrow(scope, other) if scope.compares else scope
    return scope


def allows(scope: Scope, person_id: str, level: str) -> bool:
    """Whether `person_id` may be named at `level` (auto or suggest) in this scope."""
    if level == "auto":
        return scope.mode is Mode.AUTO and scope.may_auto(person_id)
    return scope.compares and scope.may_suggest(person_id)


def refuse_unknown(services: Services, conn: Connection, refs: Sequence[str]) -> None:
    """Raises NotFound for a collection that the DAM does not have and that has no ruling."""
    there = {one.ref for one in services.dam.collections()}
    there |= set(conn.scalars(select(t.collection.c.ref).where(t.collection.c.ref.in_(refs))))
    for ref in refs:
        if ref not in there:
            raise NotFound(f"the DAM has no collection {ref!r}: facelease collection list shows them")


def decide(services: Services, ref: str, ruling: Ruling, actor: str) -> None:
    """Set a collection's mode. Raises ConsentError if the basis is missing, NotFound if there is no such collection.

    `mode_change` carries out a narrower mode; a scan finds what a wider one allows.
    """
    collection = next((c for c in services.dam.collections() if c.ref == ref), None)
    if collection is None:
        raise NotFound(f"the DAM has no collection {ref!r}: facelease collection list shows them")
    refuse_mode(ruling.mode, ruling.basis, ruling.evidence, services.today())
    evidence = ruling.evidence
    dam = services.dam
    identity = dam.identities([ref]).get(ref) if isinstance(dam, NamedCollections) else None
    count, listed = _list_members(services, ref, ruling)
    basis = ruling.basis.value if ruling.basis else None
    values: dict[str, object] = {"mode": ruling.mode.value, "basis": basis, "set_by": actor}
    values |= {"basis_date": evidence.decided, "review_date": evidence.review_date}
    values |= {"title": collection.title, "identity": identity, "lost_at": None, "lost_below": None}
    with services.store.write() as tx:
        values |= listed | _seal_evidence(services, tx, evidence)
        values["set_at"] = tx.now
        if tx.execute(update(t.collection).where(t.collection.c.ref == ref).values(**values)).rowcount == 0:
            tx.execute(insert(t.collection).values(ref=ref, **values))
        ruling_history.append(services, tx, ref, RulingCause.SET, actor)
        tx.move_generation()
        tx.audit(
            Action.MODE_SET, actor, mode=ruling.mode.value, collection=pseudonym(ref), basis=basis or "", members=count
        )
        services.queue.put(tx, "remode", ref, {})


def _list_members(services: Services, ref: str, ruling: Ruling) -> tuple[int, dict[str, str | None]]:
    """How many the ruling names, and the list of those who take part where it is another one (rule 45)."""
    with services.store.read() as conn:
        people = {roster.find(conn, name) for name in ruling.members}
        there = conn.scalar(select(t.collection.c.shoot_id).where(t.collection.c.ref == ref))
        same = people and people == shoots.list_people(conn, [ref]).get(ref)
    if not people and ruling.basis is Basis.SHOOT:  # who signed up by themselves stays
        return 0, {}
    return len(people), {"shoot_id": there if same else shoots.create_list(services, people)}


def join_shoot(tx: Tx, ref: str, person_id: str) -> None:
    """Add somebody who signed up at a shoot to those looked for there, if the collection has a ruling."""
    this = t.collection.c.ref == ref
    row = tx.execute(select(t.collection.c.shoot_id).where(this)).first()
    if row is None:
        return
    number = shoots.add_person(tx, row.shoot_id, person_id)
    if row.shoot_id is None:
        tx.execute(update(t.collection).where(this).values(shoot_id=number))
    tx.move_generation()


def import_in(services: Services, tx: Tx, rulings: Iterable[CollectionRuling]) -> None:
    """Store the rulings that the DAM itself keeps; they are made there and only read here.

    One whose basis is missing or past is stored as *detect*: faces are found, not compared.
    """
    texts = services.texts(tx.connection)
    for ruling in rulings:
        mode, basis = Mode(ruling.mode), Basis(ruling.basis) if ruling.basis else None
        evidence = BasisEvidence(ruling.reference, ruling.by, ruling.decided, ruling.review)
        said = tuple(text if text.strip() else "" for text in (ruling.reference, ruling.by))
        try:
            refuse_mode(mode, basis, evidence, services.today())
        except ConsentError:
            mode = Mode.DETECT
        values: dict[str, object] = {"mode": mode.value, "basis": basis.value if basis else None}
        values |= {"basis_date": ruling.decided, "review_date": ruling.review}
        this = t.collection.c.ref == ruling.ref
        row = tx.execute(select(t.collection).where(this)).first()
        same = row is not None and all(getattr(row, name) == value for name, value in values.items())
        if same and row is not None and row.lost_at is None and evidence_of(texts, row) == said:
            continue
        by = ruling.set_by or "dam"
        values |= _seal_evidence(services, tx, evidence) | {"title": ruling.title, "set_by": by, "set_at": tx.now}
        values |= {"lost_at": None, "lost_below": None}
        if not isinstance(services.dam, NamedCollections):
            values["identity"] = None
        if row is None:
            tx.execute(insert(t.collection).values(ref=ruling.ref, **values))
        else:
            tx.execute(update(t.collection).where(this).values(**values))
        ruling_history.append(services, tx, ruling.ref, RulingCause.HEARD, by)
        tx.move_generation()
        on, ref = basis.value if basis else "", pseudonym(ruling.ref)
        tx.audit(Action.MODE_SET, "dam", mode=mode.value, collection=ref, basis=on)
        services.queue.put(tx, "remode", ruling.ref, {})


def import_from_dam(services: Services) -> None:
    """Import every ruling that the DAM keeps. Raises DamError."""
    if isinstance(services.dam, KeepsModes):
        import_rulings(services, services.dam.rulings())


def import_rulings(services: Services, rulings: Sequence[CollectionRuling]) -> None:
    """As `import_in`, in short writes: there may be thousands."""
    in_short_writes(services.store, rulings, lambda tx, some: import_in(services, tx, some), _AT_ONCE)


def evidence_of(texts: TextSealer, row: CollectionRow) -> tuple[str, str]:
    """The reference and who decided, of a row of `collection`, as they were typed."""
    return texts.read(row.basis_reference, ruling_history.REFERENCE), texts.read(row.basis_by, ruling_history.BY)


def _seal_evidence(services: Services, tx: Tx, evidence: BasisEvidence) -> dict[str, str | None]:
    return {
        "basis_reference": free_text.seal_text(tx, services.vault, evidence.reference, ruling_history.REFERENCE)
        or None,
        "basis_by": free_text.seal_text(tx, services.vault, evidence.by, ruling_history.BY) or None,
    }


def pseudonym(name: str) -> str:
    """What the audit log calls a collection, or a signed text: its own name may contain a person's."""
    return sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:16]
