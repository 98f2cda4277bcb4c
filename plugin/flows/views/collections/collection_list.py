"""The list of collections and what was decided about each."""

from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import select

from plugin.errors import NotFound
from plugin.flows.collections import modes, shoots
from plugin.flows.common.services import Services
from plugin.hooks.dam import KeepsModes
from plugin.ledger import tables as t
from plugin.ledger.tables.rows import CollectionRow
from plugin.quitclaim.clearance.scope import Basis, CollectionRule, Mode, current_mode


@dataclass(frozen=True)
class RuledCollection:
    """A collection: its mode as set and as effective today, the basis with its evidence, and who set it."""

    ref: str
    title: str
    resources: int
    mode: Mode = Mode.OFF
    today: Mode = Mode.OFF
    basis: str = ""
    reference: str = ""
    by: str = ""
    decided: date | None = None
    review_date: date | None = None
    set_by: str = ""
    set_at: datetime | None = None
    members: tuple[str, ...] = ()

    @property
    def warned(self) -> bool:
        """Whether it rests on the controller's own reading: every view of the collection warns of that."""
        return self.basis == Basis.CONTROLLER.value

    @property
    def lapsed(self) -> bool:
        """Whether the mode is reduced because the basis is past its review date."""
        return self.mode is not self.today


def is_decided_in_dam(services: Services) -> bool:
    """Whether modes are set in the DAM itself and only read here."""
    return isinstance(services.dam, KeepsModes)


def every(services: Services) -> list[RuledCollection]:
    """Every collection of the DAM, in its order, as far as its rulings have been heard. Raises DamError."""
    found = services.dam.collections()
    with services.store.read() as conn:
        rows = {row.ref: row for row in conn.execute(select(t.collection))}
        rules = {rule.ref: rule for rule in modes.list_rules(conn, list(rows))}
        members = shoots.list_names(conn)
        texts = services.texts(conn)
        evidence = {ref: modes.evidence_of(texts, row) for ref, row in rows.items()}
    all_ = []
    for one in found:
        shown = RuledCollection(one.ref, one.title, one.resources)
        if one.ref in rules:
            shown = replace(shown, members=tuple(members.get(one.ref, ())))
            shown = _add_ruling(services, shown, rows[one.ref], rules[one.ref], evidence[one.ref])
        all_.append(shown)
    return all_


def list_collections(services: Services, text: str = "") -> list[RuledCollection]:
    """Those with `text` in their title, after the DAM's rulings were read: on comes first. Raises DamError."""
    modes.import_from_dam(services)
    wanted = text.casefold().strip()
    found = [one for one in every(services) if wanted in one.title.casefold()]
    return sorted(found, key=lambda one: (one.mode is Mode.OFF, one.title.casefold(), one.ref))


def find_collection(services: Services, ref: str) -> RuledCollection:
    """One collection. Raises NotFound, DamError."""
    found = next((one for one in list_collections(services) if one.ref == ref), None)
    if found is None:
        raise NotFound("the DAM has no such collection")
    return found


def _add_ruling(
    services: Services, one: RuledCollection, row: CollectionRow, rule: CollectionRule, evidence: tuple[str, str]
) -> RuledCollection:
    reference, by = evidence
    ruled = replace(one, mode=rule.mode, today=current_mode(rule, services.today()), reference=reference, by=by)
    based = replace(ruled, basis=row.basis or "", decided=row.basis_date, review_date=row.review_date)
    return replace(based, set_by=row.set_by, set_at=row.set_at)
