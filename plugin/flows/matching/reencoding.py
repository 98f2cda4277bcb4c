"""Templates of another engine, made of the sealed reference photographs, in portions; the old ones serve meanwhile.

Also of the engine that serves, for whoever has none of it: enrolled by a process that had another one open, or with a
grant that came into force later. Interrupted, it goes on with whoever has none yet: nobody is made twice.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from sqlalchemy import ColumnElement, Connection, and_, exists, func, or_, select

from plugin.errors import EnrolmentRefused, ExaminationFailed, PictureError, VaultError
from plugin.flows.common import closed_house, reference_sets, roster
from plugin.flows.common.services import Services
from plugin.flows.matching import serving_engine
from plugin.flows.matching.gallery import REENCODE, REENCODE_PRIORITY
from plugin.flows.matching.serving_engine import Going, StoredEngine
from plugin.flows.people import resemblance
from plugin.flows.people.resemblance import NONE_OPEN, OpenTemplates, Scale
from plugin.ledger import tables as t
from plugin.ledger.keys import house_key
from plugin.ledger.queue.jobs import ClaimedJob
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx
from plugin.ledger.tables.rows import ReferenceSetRow
from plugin.recognizer.engines import registry
from plugin.recognizer.process.examiner import Examiner

PORTION = 8
MOST_MISSED = 0.1
"""Of the people who may be recognised: when more cannot be re-encoded, the new engine does not serve by itself."""

REFUSED, DAMAGED, NONE_KEPT = "refused", "damaged", "none"
_CLOSED_DELAY = timedelta(minutes=1)
_CHUNK, _TRIES = 200, 2
_SET, _SEALED = t.reference_set.c, t.sealed.c


@dataclass(frozen=True)
class _MadeTemplate:
    """What became of a set: (width,) little-endian float32 as bytes, or why there is none."""

    set: ReferenceSetRow
    template: bytes = b""
    why: str = ""


def find_target(conn: Connection) -> StoredEngine | None:
    """The engine that templates are made of: the one that shall serve, else the one that does."""
    return serving_engine.find(conn, "wanted") or serving_engine.find(conn, "serving")


def list_due(services: Services, conn: Connection, engine: str) -> Iterator[ReferenceSetRow]:
    """The sets of everybody with a grant in force that this engine made no template of yet, nor was unable to."""
    missed = _SET.missed_engine.is_distinct_from(engine)
    query = select(t.reference_set).where(reference_sets.LIVE, missed, ~_has_template(engine)).order_by(_SET.id)
    rows = conn.execute(query.limit(_CHUNK)).all()
    while rows:
        yield from _list_in_force(services, conn, rows)
        rows = conn.execute(query.where(_SET.id > rows[-1].id).limit(_CHUNK)).all()


def _list_in_force(services: Services, conn: Connection, rows: Sequence[ReferenceSetRow]) -> list[ReferenceSetRow]:
    standings, now = roster.load_many(services, conn, [row.person_id for row in rows]), services.clock.now()
    return [row for row in rows if standings[row.person_id].recognition(now) is not None]


def _has_template(engine: str) -> ColumnElement[bool]:
    """One from before there were sets belongs to the set that has the person's id."""
    of_set = or_(_SEALED.subject == _SET.id, and_(_SEALED.subject.is_(None), _SEALED.person_id == _SET.id))
    mine = and_(_SEALED.person_id == _SET.person_id, _SEALED.kind == "template", _SEALED.engine == engine)
    return exists().where(mine, of_set)


def list_owed(services: Services) -> list[str]:
    """The key of the job, if anything is to be made and nobody has to decide first."""
    with services.store.read() as conn:
        wanted, target = serving_engine.find(conn, "wanted"), find_target(conn)
        if target is None or not target.goes_on:
            return []
        owed = wanted is not None or next(list_due(services, conn, target.id), None) is not None
    return [REENCODE] if owed else []


def handle_portion(services: Services, job: ClaimedJob) -> None:
    """Make the next templates, in a process of the new engine, and queue the rest; at the end it serves."""
    with services.store.read() as conn:
        closed, target = closed_house.find_reason_in(services, conn) is not None, find_target(conn)
        goes_on = target is not None and target.goes_on and not closed
        due = _take(list_due(services, conn, target.id)) if target is not None and goes_on else []
    made = _make(services, target, due) if target is not None and due else []
    known = _open_known(services, target, at_end=not due) if target is not None and goes_on else NONE_OPEN
    with services.store.write() as tx:
        services.queue.finish(tx, job)
        if closed_house.find_reason_in(services, tx.connection) is not None:
            services.queue.put(tx, REENCODE, REENCODE, priority=REENCODE_PRIORITY, delay=_CLOSED_DELAY)
        elif target is not None and goes_on and _is_current(tx, target):
            for one in made:
                _keep(services, tx, target, one, known)
            _go_on(services, tx, target, known)
    serving_engine.follow(services)


def _take(due: Iterator[ReferenceSetRow]) -> list[ReferenceSetRow]:
    return [row for row, _ in zip(due, range(PORTION), strict=False)]


def _is_current(tx: Tx, target: StoredEngine) -> bool:
    """Whether it is still this one that templates are made of: a change may have been given up or paused."""
    now = find_target(tx.connection)
    return now is not None and now.id == target.id and now.goes_on


# ---- one portion ----------------------------------------------------------------------------


def _make(services: Services, target: StoredEngine, due: Sequence[ReferenceSetRow]) -> list[_MadeTemplate]:
    with services.faces.encode_with(target.source) as examiner:
        return [_make_one(services, examiner, row) for row in due]


def _make_one(services: Services, examiner: Examiner, row: ReferenceSetRow) -> _MadeTemplate:
    pictures = []
    with services.store.read() as conn:
        kept = select(_SEALED.id).where(reference_sets.pictures_of(row), _SEALED.kind == "reference")
        for item in conn.scalars(kept.order_by(_SEALED.created_at, _SEALED.id)).all():
            try:
                pictures.append(services.vault.open(conn, item))
            except VaultError:
                house_key.unwrap(conn, services.master)  # raises where all keys are shut: then this one is not damaged
                return _MadeTemplate(row, why=DAMAGED)
    if not pictures:
        return _MadeTemplate(row, why=NONE_KEPT)
    for _ in range(_TRIES):
        try:
            return _MadeTemplate(row, _encode(examiner, pictures))
        except (EnrolmentRefused, PictureError):
            break
        except ExaminationFailed:
            continue  # the process died or was too slow: perhaps of something else
    return _MadeTemplate(row, why=REFUSED)


def _encode(examiner: Examiner, pictures: list[bytes]) -> bytes:
    """A template of those of the pictures that serve. Raises EnrolmentRefused if none does.

    They served once: who has three loses not everything because the new engine takes two.
    """
    try:
        found = examiner.enrol(pictures)
    except EnrolmentRefused as error:
        fit = [picture for place, picture in enumerate(pictures) if place not in error.places]
        if len(fit) in {0, len(pictures)}:
            raise
        found = examiner.enrol(fit)
    return np.asarray(found.template, "<f4").tobytes()


def _keep(services: Services, tx: Tx, target: StoredEngine, made: _MadeTemplate, known: OpenTemplates) -> None:
    """Seal the template beside the one before, unless the set, its key or its grant is gone meanwhile."""
    row, conn = reference_sets.find(tx.connection, made.set.id), tx.connection
    if row is None or row.ended_at is not None or row.refused_at is not None:
        return
    if roster.load(services, conn, row.person_id).recognition(tx.now) is None:
        return
    if conn.execute(select(_SET.id).where(_SET.id == row.id, _has_template(target.id))).first() is not None:
        return  # another worker was faster
    if made.why:
        reference_sets.miss(tx, row.id, target.id, made.why)
        return
    if not services.vault.has_key(conn, row.person_id, "face"):
        return
    subject = None if row.id == row.person_id else row.id
    since = conn.scalar(select(func.min(_SEALED.created_at)).where(reference_sets.pictures_of(row)))
    services.vault.seal(
        tx, row.person_id, "face", "template", made.template, subject=subject, engine=target.id, since=since
    )
    if serving_engine.find(conn, "wanted") is None:  # this engine serves already
        resemblance.hold_near(services, tx, row.id, known)
        tx.move_generation()


# ---- the end --------------------------------------------------------------------------------


def _go_on(services: Services, tx: Tx, target: StoredEngine, known: OpenTemplates) -> None:
    """Queue the next portion; where nothing is left the new engine serves, or the change waits for a decision."""
    changing = serving_engine.find(tx.connection, "wanted")
    left = next(list_due(services, tx.connection, target.id), None) is not None
    at_end = changing is not None and not left and known.scale is not None
    if left or (changing is not None and not at_end):
        services.queue.put(tx, REENCODE, REENCODE, priority=REENCODE_PRIORITY)
    elif changing is not None and _loses_many(services, tx, target):
        serving_engine.steer(tx, Going.HELD)
        tx.audit(Action.ENGINE_STEER, "system", engine=target.id, going=Going.HELD.value)
    elif changing is not None:
        _serve(services, tx, target, known)


def _serve(services: Services, tx: Tx, target: StoredEngine, known: OpenTemplates) -> None:
    before = serving_engine.find_id(services, tx.connection)
    serving_engine.put(tx, "serving", target.source)
    serving_engine.drop(tx, "wanted")
    deleted = services.vault.discard_engine(tx, target.id, others=True)
    resemblance.hold_anew(services, tx, known)
    tx.move_generation()
    missed = len(list_missed(services, tx.connection, target.id))
    tx.audit(Action.ENGINE_SERVE, "system", engine=target.id, before=before, deleted=deleted, missed=missed)


def _loses_many(services: Services, tx: Tx, target: StoredEngine) -> bool:
    now = serving_engine.find(tx.connection, "wanted")
    if now is None or now.going is Going.ANYWAY:
        return False
    missed, made = list_missed(services, tx.connection, target.id), count_made(services, tx.connection, target.id)
    return len(missed) > MOST_MISSED * (len(missed) + made)


def _open_known(services: Services, target: StoredEngine, at_end: bool) -> OpenTemplates:
    """The templates among which declared sets may resemble somebody, opened before the write that compares them."""
    with services.store.read() as conn:
        changes = serving_engine.find(conn, "wanted") is not None
    config = services.faces.configured
    if config is None or (changes and not at_end):
        return NONE_OPEN
    card = registry.find_card(target.source.configure(config))
    return resemblance.open_templates(services, Scale(target.id, card.distances.look_alike))


# ---- figures --------------------------------------------------------------------------------


def list_missed(services: Services, conn: Connection, engine: str) -> list[ReferenceSetRow]:
    """The sets of people with a grant in force of which this engine can make no template."""
    missed = select(t.reference_set).where(reference_sets.LIVE, _SET.missed_engine == engine)
    return _list_in_force(services, conn, conn.execute(missed.order_by(_SET.id)).all())


def count_made(services: Services, conn: Connection, engine: str) -> int:
    """How many sets have a template of this engine."""
    return conn.scalar(select(func.count()).where(reference_sets.LIVE, _has_template(engine))) or 0
