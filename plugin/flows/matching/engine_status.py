"""What the staff is told of engines: which serves, how far a change is, who is lost by it, and what could be had."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, func, select

from plugin.config import RecognizerSection
from plugin.errors import EngineError
from plugin.flows.common import reference_sets, roster
from plugin.flows.common.services import Services
from plugin.flows.matching import engine_change, reencoding, serving_engine
from plugin.flows.matching.serving_engine import Going
from plugin.ledger import tables as t
from plugin.ledger.tables.rows import ReferenceSetRow
from plugin.recognizer.engines import registry
from plugin.recognizer.engines.card import EngineCard
from plugin.recognizer.engines.registry import EngineSource


class Lack(StrEnum):
    """Why an engine cannot be opened."""

    CARD = "card"
    """There is no card of it here any more, or it makes another engine now."""
    FILES = "files"
    """Its files are missing, or are not the publisher's."""


@dataclass(frozen=True)
class MissedPerson:
    """Somebody with a grant in force of whom an engine can make no template. `why`: refused, damaged, none."""

    person_id: str
    name: str
    why: str


@dataclass(frozen=True)
class BetterEngine:
    """A shipped engine that is not installed and better than the one that serves, with the cards of both."""

    card: EngineCard
    serving: EngineCard


@dataclass(frozen=True)
class EngineStatus:
    """`serving`, `wanted`: ids; `wanted` is None where no change is under way. `made` of `of` sets are encoded.

    `missed`: who is not recognised by it; `missed_sets`: of how many sets it can make no template, others of the same
    people among them.

    `lacks`: why the one that serves cannot be opened; `wish` and `wish_lacks`: the configured or chosen one that cannot
    be used, and why. `scanned`: photographs that another engine examined.
    """

    serving: str
    lacks: Lack | None
    wanted: str | None
    going: Going
    made: int
    of: int
    missed: tuple[MissedPerson, ...]
    missed_sets: int
    scanned: int
    wish: str = ""
    wish_lacks: Lack | None = None
    better: BetterEngine | None = None


def read(services: Services) -> EngineStatus:
    """The engines as the store knows them, and as their files are here."""
    config = services.faces.configured
    with services.store.read() as conn:
        serving, changing = serving_engine.find(conn, "serving"), serving_engine.find(conn, "wanted")
        now = serving_engine.find_id(services, conn)
        target = now if changing is None else changing.id
        missed = reencoding.list_missed(services, conn, target)
        people = _list_people(conn, missed)
        made = reencoding.count_made(services, conn, target)
        of = made + len(missed) + sum(1 for _ in reencoding.list_due(services, conn, target))
        scanned = count_scanned_otherwise(conn, now)
        wish, wish_lacks = _find_wish(services, conn)
    return EngineStatus(
        serving=now,
        lacks=None if config is None or serving is None else _find_lack(config, serving.source),
        wanted=None if changing is None else changing.id,
        going=Going.ON if changing is None else changing.going,
        made=made,
        of=of,
        missed=people,
        missed_sets=len(missed),
        scanned=scanned,
        wish=wish,
        wish_lacks=wish_lacks,
        better=None if config is None else find_better(config, None if serving is None else serving.source),
    )


def _list_people(conn: Connection, missed: Sequence[ReferenceSetRow]) -> tuple[MissedPerson, ...]:
    """Whose set is missed that would be compared: with another one somebody is recognised all the same."""
    compared = reference_sets.find_compared(conn)
    rows = [row for row in missed if row.person_id in compared and compared[row.person_id].id == row.id]
    names = roster.labels(conn, [row.person_id for row in rows])
    return tuple(MissedPerson(row.person_id, names[row.person_id], row.missed_why or "") for row in rows)


def count_scanned_otherwise(conn: Connection, engine: str) -> int:
    """How many photographs were examined by another engine than this: two spans of an index, no pass over them all."""
    r = t.resource.c
    mine = (r.deleted_at.is_(None)) & (r.examined != "no") & r.engine.is_not(None)
    count = select(func.count()).select_from(t.resource).where(mine)
    return sum(conn.scalar(count.where(span)) or 0 for span in (r.engine < engine, r.engine > engine))


def _find_wish(services: Services, conn: Connection) -> tuple[str, Lack | None]:
    """The engine that is configured or chosen, if it cannot be used."""
    config, chosen = services.faces.configured, serving_engine.find(conn, "chosen")
    if config is None:
        return "", None
    name = chosen.source.card if chosen is not None and config.engine == registry.AUTO else config.engine
    try:
        wanted = engine_change.find_wanted(services, conn)
    except EngineError:
        return name, Lack.CARD
    return ("", None) if wanted is None or wanted.installed else (name, Lack.FILES)


def _find_lack(config: RecognizerSection, source: EngineSource) -> Lack | None:
    opened = source.configure(config)
    try:
        if registry.engine_id(opened) != source.id:
            return Lack.CARD
        return None if registry.is_installed(registry.find_card(opened), registry.find_folder(opened)) else Lack.FILES
    except EngineError:
        return Lack.CARD


def find_better(config: RecognizerSection, serving: EngineSource | None = None) -> BetterEngine | None:
    """What could be had in place of the one that serves, or of the configured one; None where the best is here."""
    opened = config if serving is None else serving.configure(config)
    try:
        better = registry.find_better(opened)
        return None if better is None else BetterEngine(better, registry.find_card(opened))
    except EngineError:
        return None
