"""The reference pictures beside faces that are proposed for a person: three, and one audit row names whom they show."""

from dataclasses import dataclass

from plugin.flows.common import reference_sets, roster
from plugin.flows.common.services import Services
from plugin.flows.views.review import face_preview
from plugin.ledger.store.audit import Action

MOST = 3


@dataclass(frozen=True)
class ReferencesShown:
    """The first pictures (at most MOST) of the set that is compared for a person; `vouched`: somebody of the staff said
    how they know the face. `set_id` is None where there is no such set: its pictures are gone, or held back."""

    set_id: str | None
    count: int
    vouched: bool


def look(services: Services, person_id: str, actor: str) -> ReferencesShown:
    """What a page shows, with the audit row for it; none where there is nothing to show."""
    with services.store.write() as tx:
        row = reference_sets.find_compared(tx.connection, [person_id]).get(person_id)
        if row is None:
            return ReferencesShown(None, 0, vouched=True)
        count = min(MOST, face_preview.count_references(tx.connection, row.id))
        if count:
            subject = roster.subject(services, tx, person_id)
            tx.audit(Action.REFERENCE_LOOK, actor, subject=subject, photos=count, set=row.id)
        return ReferencesShown(row.id, count, reference_sets.is_vouched(row))
