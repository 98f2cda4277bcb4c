"""The collections and what was decided about each, as a list to look at."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, select

from plugin.errors import NotFound
from plugin.flows.collections import modes, shoots
from plugin.flows.common.services import Services
from plugin.hooks.dam import KeepsModes
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.scope import Basis, CollectionRule, Mode, current_mode


@dataclass(frozen=True)
class RuledCollection:
    """A collection: its mode as set and as it stands today, the basis with its evidence, and who set it."""

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
        """Whether it rests on the controller's own reading, which is shown wherever the collection is."""
        return self.basis == Basis.CONTROLLER.value

    @property
    def lapsed(self) -> bool:
        """Whether less is done today than was set, because the basis is past its review date."""
        return self.mode is not self.today


def is_decided_in_dam(services: Services) -> bool:
    """Whether the DAM itself is where modes are set: there they are only heard here."""
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
    return [
        _build(services, one.ref, one.title, one.resources, rows.get(one.ref), rules.get(one.ref),
               evidence.get(one.ref, ("", "")), members)
        for one in found
    ]  # fmt: skip


def list_collections(services: Services, text: str = "") -> list[RuledCollection]:
    """Those whose title holds `text`, once the DAM's rulings are heard: what is on comes first. Raises DamError."""
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


def _build(
    services: Services, ref: str, title: str, resources: int, row: Row[Any] | None, rule: CollectionRule | None,
    evidence: tuple[str, str], members: Mapping[str, list[str]],
) -> RuledCollection:  # fmt: skip
    if row is None or rule is None:
        return RuledCollection(ref, title, resources)
    return RuledCollection(
        ref, title, resources, rule.mode, current_mode(rule, services.today()), row.basis or "",
        *evidence, row.basis_date, row.review_date, row.set_by, row.set_at,
        tuple(members.get(ref, ())),
    )  # fmt: skip
