"""Which engine shall serve, and how a change to it begins, pauses and is given up.

Where nobody is enrolled the engine that is wanted serves at once. Else the one before goes on serving in every process
until `reencoding` has made a template of everybody; names, tags and rejections are not touched.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from plugin.config import RecognizerSection
from plugin.errors import EngineError, NothingDone
from plugin.flows.common import reference_sets
from plugin.flows.common.services import Services
from plugin.flows.matching import serving_engine
from plugin.flows.matching.gallery import REENCODE, REENCODE_PRIORITY
from plugin.flows.matching.serving_engine import Going, StoredEngine
from plugin.ledger import tables as t
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx
from plugin.recognizer.engines import registry
from plugin.recognizer.engines.registry import AUTO, EngineSource

SYSTEM = "system"


@dataclass(frozen=True)
class WantedEngine:
    """The engine that shall serve; `installed`: its files are here, as their publisher has them."""

    source: EngineSource
    installed: bool


def find_wanted(services: Services, conn: Connection) -> WantedEngine | None:
    """The engine that the configuration names; where that is `auto`, the chosen one, else the best that is installed.

    None for a process that opens no other engine than it has. Raises EngineError for a name or a card that is none.
    """
    config = services.faces.configured
    if config is None:
        return None
    chosen = serving_engine.find(conn, "chosen")
    if config.engine == AUTO and chosen is not None:
        config = config.model_copy(update={"engine": chosen.source.card})
    return _describe(registry.pin(config))


def _describe(config: RecognizerSection) -> WantedEngine:
    card, folder = registry.find_card(config), registry.find_folder(config)
    return WantedEngine(registry.describe(config), registry.is_installed(card, folder))


def follow(services: Services, actor: str = SYSTEM) -> bool:
    """Let the store follow what is wanted: it serves, or the change to it begins, or one is given up.

    True if anything was changed. An engine whose files are not here begins nothing, nor does one that is none: what
    needs it says so, and the doctor.
    """
    with services.store.read() as conn:
        try:
            wanted = find_wanted(services, conn)
        except EngineError:
            return False
        if wanted is None or _is_so(conn, wanted.source):
            return False
    with services.store.write() as tx:
        if _is_so(tx.connection, wanted.source):
            return False
        changed = _follow(services, tx, wanted, actor)
    serving_engine.follow(services)
    return changed


def _is_so(conn: Connection, wanted: EngineSource) -> bool:
    serving, changing = serving_engine.find(conn, "serving"), serving_engine.find(conn, "wanted")
    now = serving if changing is None else changing
    return serving is not None and now is not None and now.source == wanted


def _follow(services: Services, tx: Tx, wanted: WantedEngine, actor: str) -> bool:
    serving = serving_engine.find(tx.connection, "serving") or _adopt(services, tx, wanted)
    if serving is None or wanted.source.id == serving.id or not _has_pictures(tx.connection):
        _give_up(services, tx, actor)
        _serve(tx, wanted.source, serving, actor)
        return True
    if not wanted.installed:
        return False
    changing = serving_engine.find(tx.connection, "wanted")
    if changing is None or changing.id != wanted.source.id:
        _give_up(services, tx, actor)
        tx.audit(Action.ENGINE_CHANGE, actor, engine=wanted.source.id, before=serving.id)
        services.queue.put(tx, REENCODE, REENCODE, priority=REENCODE_PRIORITY)
    serving_engine.put(tx, "wanted", wanted.source, Going.ON if changing is None else changing.going)
    return True


def _adopt(services: Services, tx: Tx, wanted: WantedEngine) -> StoredEngine | None:
    """The engine of most templates, in a store from before it knew which one serves; None where there are none."""
    s = t.sealed.c
    most = select(s.engine).where(s.kind == "template").group_by(s.engine).order_by(func.count().desc(), s.engine)
    engine = tx.connection.scalar(most.limit(1))
    config = services.faces.configured
    if engine is None or config is None:
        return None
    source = wanted.source if engine == wanted.source.id else registry.find_maker(config, engine)
    serving_engine.put(tx, "serving", source)
    return StoredEngine(source, Going.ON)


def _has_pictures(conn: Connection) -> bool:
    kept = select(t.sealed.c.id).where(t.sealed.c.kind.in_(("template", "reference")))
    return conn.execute(kept.limit(1)).first() is not None


def _serve(tx: Tx, source: EngineSource, before: StoredEngine | None, actor: str) -> None:
    """It serves from now on; nothing is enrolled, or it served already and is opened otherwise."""
    serving_engine.put(tx, "serving", source)
    if before is not None and before.id != source.id:
        tx.move_generation()
        tx.audit(Action.ENGINE_SERVE, actor, engine=source.id, before=before.id)


def _give_up(services: Services, tx: Tx, actor: str) -> None:
    """End a change that is under way: what it made is deleted."""
    changing = serving_engine.find(tx.connection, "wanted")
    if changing is None:
        return
    made = services.vault.discard_engine(tx, changing.id)
    reference_sets.forget_missed(tx, changing.id)
    serving_engine.drop(tx, "wanted")
    tx.audit(Action.ENGINE_CANCEL, actor, engine=changing.id, templates=made)


def choose(services: Services, name: str, actor: str, anyway: bool = False) -> bool:
    """Use the engine of this name from now on, or with `auto` again the best; whether that changes anything.

    `anyway`: whoever is lost by it. Raises EngineError where the configuration names another one, or its files are not
    here.
    """
    config = services.faces.configured
    if config is None:
        raise EngineError("this process opens no other engine")
    _refuse_pinned(config, name)
    if name != AUTO:
        wanted = _describe(config.model_copy(update={"engine": name}))
        if not wanted.installed:
            raise EngineError(f"the files of {name} are not here: facelease engine install {name} gets them")
    moved = config.engine == AUTO and _note_choice(services, name, actor)
    changed = follow(services, actor) or moved
    with services.store.read() as conn:
        changing = serving_engine.find(conn, "wanted")
    return (anyway and changing is not None and steer(services, Going.ANYWAY, actor)) or changed


def _note_choice(services: Services, name: str, actor: str) -> bool:
    """Choose it where the configuration leaves it open; False if it is chosen already."""
    with services.store.write() as tx:
        before = serving_engine.find(tx.connection, "chosen")
        if (AUTO if before is None else before.source.card) == name:
            return False
        serving_engine.drop(tx, "chosen")
        if name != AUTO:
            serving_engine.put(tx, "chosen", EngineSource("", name))
        own = name.endswith(".toml")  # a path may contain a name
        tx.audit(Action.ENGINE_CHOOSE, actor, engine="a card of one's own" if own else name)
    return True


def _refuse_pinned(config: RecognizerSection, name: str) -> None:
    if config.engine not in {AUTO, name}:
        raise EngineError(
            f'the configuration names {config.engine}: set recognizer.engine there to "auto", or to "{name}", and '
            "start all processes again"
        )


def steer(services: Services, going: Going, actor: str) -> bool:
    """Pause the change, go on, or go on whoever is lost by it; False if it goes so already.

    To go on tries again what could not be re-encoded. Raises NothingDone where no engine is being changed.
    """
    with services.store.write() as tx:
        changing = serving_engine.find(tx.connection, "wanted")
        if changing is None:
            raise NothingDone("no engine is being changed: facelease engine status")
        if changing.going is going:
            return False
        if going is Going.ON:
            reference_sets.forget_missed(tx, changing.id)
        serving_engine.steer(tx, going)
        if going is not Going.PAUSED:
            services.queue.put(tx, REENCODE, REENCODE, priority=REENCODE_PRIORITY)
        tx.audit(Action.ENGINE_STEER, actor, engine=changing.id, going=going.value)
    return True


def refuse_used(services: Services, name: str) -> None:
    """Raises EngineError for an engine that serves, that is to serve, or that was chosen."""
    with services.store.read() as conn:
        found = [serving_engine.find(conn, role) for role in serving_engine.ROLES]
    if any(one is not None and one.source.card == name for one in found):
        raise EngineError(f"{name} is in use: facelease engine use another one first, and let that take over")
