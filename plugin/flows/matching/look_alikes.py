"""Whether the engine tells those apart whom it compares. Who has a look-alike among them is only suggested."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from plugin.flows.common import closed_house, reference_sets
from plugin.flows.common.services import Services
from plugin.flows.matching import gallery, serving_engine
from plugin.flows.people import resemblance
from plugin.ledger import tables as t
from plugin.recognizer.matching.gallery import Gallery

_PAIR = 2
_E = t.engine.c


@dataclass(frozen=True)
class LookAlikes:
    """`barred` of `compared` people have a look-alike among the others, and are only suggested.

    `lowered`: the distance that is taken off thresholds while all of them are compared, because they lie near together.
    """

    barred: int
    compared: int
    lowered: float = 0.0

    @property
    def many(self) -> bool:
        """Whether the engine does not tell these people apart: more than a fifth, and more than one pair (twins)."""
        return self.barred > _PAIR and self.barred * 5 > self.compared


def note(services: Services) -> None:
    """Keep the count with the engine that serves, for pages; nothing where nothing has changed since."""
    with services.store.read() as conn:
        generation, counted = _generation(conn), conn.scalar(select(_E.counted).where(_E.role == "serving"))
    if counted == generation:
        return
    found = count(services)
    with services.store.write() as tx:
        serving_engine.note_look_alikes(tx, generation, found.barred, found.compared)


def read(services: Services) -> LookAlikes:
    """What was counted last: no template is opened for a page."""
    with services.store.read() as conn:
        row = conn.execute(select(_E.barred, _E.compared).where(_E.role == "serving")).first()
    return LookAlikes(0, 0) if row is None else LookAlikes(row.barred or 0, row.compared or 0)


def _generation(conn: Connection) -> int:
    return conn.scalar(select(t.state.c.generation)) or 0


def count(services: Services) -> LookAlikes:
    """Of those who may be compared now. The templates are opened for this count and not kept."""
    faces = services.faces
    with faces.alone():
        serving_engine.follow(services)
        with services.store.read() as conn:
            if closed_house.find_reason_in(services, conn) is not None:
                return LookAlikes(0, 0)
            sets = reference_sets.find_compared(conn)
            entries = gallery.list_entries(services, conn, sets, resemblance.pass_over)
        card = faces.card
        found, apart = Gallery(entries, card.distances.look_alike), card.apart
    lowered = apart.find_excess(found.templates(range(len(found)))) if apart and len(found) else 0.0
    return LookAlikes(found.look_alikes, len(found), lowered)
