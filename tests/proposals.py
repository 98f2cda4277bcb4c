"""Many faces that are proposed for somebody: each on a photograph of its own, all of them the same picture."""

import shutil
from pathlib import Path

from sqlalchemy import insert, select

from plugin.flows.common import reference_sets
from plugin.flows.common.services import Services
from plugin.flows.names import resources
from plugin.ledger import tables as t
from tests import support

LIMITS = {"auto": 0.3, "suggest": 0.5, "margin": 0.03, "enrolled": 2, "lowered": 0.0, "why": ["far", "mode"]}


def propose(services: Services, picture: Path, person_id: str, count: int, start: int = 0) -> list[int]:
    """Faces suggested for the person on copies of the picture in the folder of `support.SHOOT`; returns their ids."""
    folder = Path(services.config.folder.path) / support.SHOOT
    folder.mkdir(parents=True, exist_ok=True)
    with services.store.read() as conn:
        rests = reference_sets.find_compared(conn, [person_id]).get(person_id)
    for number in range(start, start + count):
        file = Path(shutil.copyfile(picture, folder / f"{number:03}.jpg"))
        support.settle(file)
        entered = resources.enter(services, f"{support.SHOOT}/{number:03}.jpg")
        with services.store.write() as tx:
            row = {"resource_id": entered.resource_id, "file_version": entered.resource.file_version}
            row |= {"left": 0.3, "top": 0.1, "width": 0.35, "height": 0.4, "width_px": 120, "file_px": 120}
            row |= {"state": "suggested", "person_id": person_id, "distance": 0.3 + (number % 20) / 100}
            row |= {"thresholds": LIMITS, "engine": services.faces.engine_id, "created_at": tx.now}
            tx.execute(insert(t.face).values(**row, set_id=None if rests is None else rests.id))
    with services.store.read() as conn:
        ids = list(conn.scalars(select(t.face.c.id).where(t.face.c.person_id == person_id).order_by(t.face.c.id)))
    return ids[-count:]


def states(services: Services, ids: list[int]) -> dict[int, str]:
    """The states of these faces, in the order of their ids."""
    query = select(t.face.c.id, t.face.c.state).order_by(t.face.c.id)
    with services.store.read() as conn:
        return {row.id: row.state for row in conn.execute(query) if row.id in ids}
