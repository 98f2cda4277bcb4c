"""The state of photographs in a list of the DAM's: what each is cleared for, and how many faces wait."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from plugin.flows.clearance import photo_answers
from plugin.flows.common.batches import chunked
from plugin.flows.common.services import Services
from plugin.flows.views.dam_search import waiting_faces
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.answers import ClearanceStatus, IntendedUse

_CHUNK = 500


@dataclass(frozen=True)
class PhotoMark:
    """By channel whether the photograph may be used there now, and how many of its faces wait for a decision."""

    channels: Mapping[str, ClearanceStatus]
    waiting: int


def mark_photos(services: Services, refs: Sequence[str]) -> dict[str, PhotoMark]:
    """By ref, for the first configured purpose; a photograph that the ledger does not know has no entry."""
    listed = services.config.clearance
    uses = [IntendedUse(listed.purposes[0], channel) for channel in listed.channels]
    answers = photo_answers.answer_photos(services, refs, uses)
    waiting = _count_waiting(services, list(answers))
    return {
        ref: PhotoMark({use.channel: one.status for use, one in said.items()}, waiting.get(ref, 0))
        for ref, said in answers.items()
    }


def _count_waiting(services: Services, refs: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    with services.store.read() as conn:
        for condition in waiting_faces.select_each(services, conn):
            for some in chunked(refs, _CHUNK):
                query = (
                    select(t.resource.c.ref, func.count().label("number"))
                    .join(t.face, t.face.c.resource_id == t.resource.c.id)
                    .where(t.resource.c.ref.in_(some), condition)
                    .group_by(t.resource.c.ref)
                )
                for row in conn.execute(query):
                    found[row.ref] = found.get(row.ref, 0) + row.number
    return found
