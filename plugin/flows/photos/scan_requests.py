"""Validate a scan request: a scan of nothing raises an error instead of reporting success."""

from collections.abc import Sequence

from sqlalchemy import select

from plugin.errors import DamError, NothingDone, PictureError
from plugin.flows.collections import modes
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.scope import Mode

_DETECTS = frozenset({Mode.DETECT, Mode.SUGGEST, Mode.AUTO})


def count_only_noted(services: Services, collections: Sequence[str]) -> int:
    """How many photographs exist if all are requested and no collection is on; else 0.

    They are entered with the names on them, so such a scan does something.
    """
    modes.import_from_dam(services)
    if collections or _find_switched_on(services, collections):
        return 0
    return sum(1 for _ in services.dam.refs())


def _find_switched_on(services: Services, collections: Sequence[str]) -> set[str]:
    with services.store.read() as conn:
        modes.refuse_unknown(services, conn, collections)
        return {rule.ref for rule in modes.list_rules(conn, collections or None) if rule.mode in _DETECTS}


def refuse_nothing(services: Services, collections: Sequence[str]) -> None:
    """Raises NotFound for an unknown collection, NothingDone if none of them has anything to examine."""
    modes.import_from_dam(services)
    on = _find_switched_on(services, collections)
    if not collections and not on:
        raise NothingDone("no collection is switched on: facelease collection set REF detect switches one on")
    named = list(collections) or sorted(on)
    firsts = [first for ref in named if (first := next(iter(services.dam.refs(ref)), None)) is not None]
    if not firsts:
        raise NothingDone(f"there is no photograph in {', '.join(named)}: nothing to examine")
    if not any(_is_on(services, first) for first in firsts):
        raise NothingDone(f"{', '.join(named)}: switched off, so nothing is examined: facelease collection set")


def _is_on(services: Services, ref: str) -> bool:
    """Whether photographs in the collections of this one are examined; True if it cannot be read: the scan says why."""
    try:
        lies = services.dam.look(ref).collections
    except (DamError, PictureError):
        return True
    with services.store.read() as conn:
        return modes.scope_for(services, conn, lies).mode in _DETECTS


def refuse_nobody(services: Services) -> None:
    """Raises NothingDone if nobody is enrolled: then no unnamed face needs another comparison."""
    with services.store.read() as conn:
        enrolled = select(t.sealed.c.id).where(t.sealed.c.kind == "template").limit(1)
        if conn.execute(enrolled).first() is None:
            raise NothingDone("nobody is enrolled, so there is nobody to look for: facelease person enrol")
