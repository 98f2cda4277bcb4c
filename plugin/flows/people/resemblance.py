"""Holds declared pictures that resemble somebody else who is enrolled, before any of them is compared.

Templates are opened before the write (rule 45); inside it only those added since.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
from sqlalchemy import Connection, select

from plugin.errors import EngineError, VaultError
from plugin.flows.common import closed_house, reference_sets
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.ledger.store.store import Tx
from plugin.recognizer.engines.engine import Floats
from plugin.recognizer.matching.gallery import find_nearer


@dataclass(frozen=True)
class Scale:
    """An engine's id, and the distance nearer than which two people's templates are confusable."""

    engine: str
    look_alike: float


@dataclass(frozen=True)
class OpenTemplates:
    """Templates of one engine, opened before a write: by set, the person and (width,) float32. For one act only.

    `seen`: every set that there was, also those without a template. `scale`: of which engine they are.
    """

    scale: Scale | None = None
    seen: frozenset[str] = frozenset()
    templates: dict[str, tuple[str, Floats]] = field(default_factory=dict, repr=False)


NONE_OPEN = OpenTemplates()
"""Before any was opened: all of them are inside the write. For a house with few."""


def open_templates(services: Services, scale: Scale | None = None) -> OpenTemplates:
    """Open every template that may be compared with, for the write that follows. Call it outside a transaction.

    Of the engine of `scale`, or of the one that this process has open.
    """
    scale = scale or _scale(services)
    with services.store.read() as conn:
        seen = frozenset(_live(conn))
        every = iterate_templates(services, conn, scale.engine, pass_over)
        return OpenTemplates(scale, seen, {one: (who, np.frombuffer(body, "<f4")) for who, one, body in every})


def _scale(services: Services) -> Scale:
    try:
        near = services.faces.card.distances.look_alike
    except EngineError:
        near = 0.0  # its card is gone: it compares nobody, and pictures can still be refused
    return Scale(services.faces.engine_id, near)


def pass_over(_item: str) -> None:
    """Skip a template that does not open: the gallery reports it (`set_aside`), and nothing can be compared with it."""


def iterate_templates(
    services: Services, conn: Connection, engine: str, damaged: Callable[[str], None]
) -> Iterator[tuple[str, str, bytes]]:
    """Person, set and template. One from before there were sets belongs to the set that has the person's id.

    `damaged` is called with the items that do not open.
    """
    for person_id, subject, body in services.vault.open_subjects(conn, "template", engine, damaged):
        yield person_id, subject or person_id, body


def _live(conn: Connection) -> dict[str, str]:
    query = select(t.reference_set.c.id, t.reference_set.c.person_id).where(reference_sets.LIVE)
    return {row.id: row.person_id for row in conn.execute(query)}


def _now(services: Services, conn: Connection, known: OpenTemplates, engine: str) -> dict[str, tuple[str, Floats]]:
    """The templates in this write: without those gone since, with those added since."""
    live = _live(conn)
    found = {one: known.templates[one] for one in live if one in known.templates}
    for set_id, person_id in live.items():
        if set_id not in known.seen:
            for item in _items(services, conn, person_id, set_id, engine):
                with suppress(VaultError):  # as `pass_over`
                    found[set_id] = (person_id, np.frombuffer(services.vault.open(conn, item), "<f4"))
    return found


def _items(services: Services, conn: Connection, person_id: str, set_id: str, engine: str) -> list[str]:
    subject = None if set_id == person_id else set_id
    return services.vault.find(conn, person_id, "template", subject=subject, engine=engine)


def hold_near(services: Services, tx: Tx, set_id: str, known: OpenTemplates = NONE_OPEN) -> None:
    """Hold this set, if declared, near somebody enrolled; and each declared one near to it.

    Of two declared ones both are held: the staff finds out which shows the person. Compares only templates of this
    engine, and none in a closed house: `house_closing` does it when that opens.
    """
    _hold(services, tx, [set_id], known)


def release_near(services: Services, tx: Tx, person_id: str, known: OpenTemplates = NONE_OPEN) -> None:
    """A set of this person's is gone: check again what was held because it resembled that one."""
    _hold(services, tx, reference_sets.release_near(tx, person_id), known)


def hold_anew(services: Services, tx: Tx, known: OpenTemplates) -> None:
    """Another engine serves: which declared sets are held is decided again, by its templates."""
    _hold(services, tx, reference_sets.release_all(tx), known)


def _hold(services: Services, tx: Tx, set_ids: list[str], known: OpenTemplates) -> None:
    conn = tx.connection
    if not set_ids or closed_house.find_reason_in(services, conn) is not None:
        return
    scale = known.scale or _scale(services)
    every = _now(services, conn, known, scale.engine)
    for set_id in set_ids:
        mine = reference_sets.find(conn, set_id)
        if mine is None or set_id not in every:
            continue
        others = [(one, template) for one, (who, template) in every.items() if who != mine.person_id]
        near = find_nearer(every[set_id][1], [template for _, template in others], scale.look_alike)
        for place in near:
            other = reference_sets.find(conn, others[place][0])
            if other is not None:
                reference_sets.hold(tx, mine, other)
                reference_sets.hold(tx, other, mine)
