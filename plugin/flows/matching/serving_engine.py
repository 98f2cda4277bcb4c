"""The engine that serves, and the one that shall: facts of the store, the same for every process."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from sqlalchemy import Connection, delete, insert, select, update

from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.ledger.store.store import Tx
from plugin.recognizer.engines.registry import EngineSource

Role = Literal["serving", "wanted", "chosen"]
ROLES: tuple[Role, ...] = ("serving", "wanted", "chosen")
_ENGINE = t.engine.c


class Going(StrEnum):
    """How a change of engine goes."""

    ON = "on"
    PAUSED = "paused"
    HELD = "held"
    """Everybody was looked at, and of too many the new engine can make no template."""
    ANYWAY = "anyway"
    """On, whoever is lost by it."""


@dataclass(frozen=True)
class StoredEngine:
    """A row of `engine`."""

    source: EngineSource
    going: Going

    @property
    def id(self) -> str:
        return self.source.id

    @property
    def goes_on(self) -> bool:
        return self.going in {Going.ON, Going.ANYWAY}


def find(conn: Connection, role: Role) -> StoredEngine | None:
    """The engine of this role; None if the store knows none."""
    row = conn.execute(select(t.engine).where(_ENGINE.role == role)).first()
    return None if row is None else StoredEngine(EngineSource(row.id, row.card, row.yunet), Going(row.going))


def find_id(services: Services, conn: Connection) -> str:
    """The id of the engine that serves; before a store knows it, of the one that this process has open."""
    serving = find(conn, "serving")
    return services.faces.engine_id if serving is None else serving.id


def put(tx: Tx, role: Role, source: EngineSource, going: Going = Going.ON) -> None:
    """The engine has this role from now on, in place of another."""
    drop(tx, role)
    row = {"role": role, "id": source.id, "card": source.card, "yunet": source.yunet, "going": going.value}
    tx.execute(insert(t.engine).values(**row, since=tx.now))


def drop(tx: Tx, role: Role) -> None:
    """No engine has this role any more."""
    tx.execute(delete(t.engine).where(_ENGINE.role == role))


def steer(tx: Tx, going: Going) -> None:
    """How the change goes from now on."""
    tx.execute(update(t.engine).where(_ENGINE.role == "wanted").values(going=going.value))


def note_look_alikes(tx: Tx, generation: int, barred: int, compared: int) -> None:
    """Of so many `compared` in this generation of the gallery `barred` have a look-alike, for the serving engine."""
    counted = {"counted": generation, "barred": barred, "compared": compared}
    tx.execute(update(t.engine).where(_ENGINE.role == "serving").values(**counted))


def follow(services: Services) -> None:
    """Open what serves, if this process has another engine open."""
    with services.store.read() as conn:
        serving = find(conn, "serving")
    if serving is not None:
        services.faces.follow(serving.source)
