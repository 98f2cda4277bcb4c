"""What the DAM keeps of a person where we cannot reach: other files beside the photographs that name them."""

from collections.abc import Collection, Sequence

from sqlalchemy import select, update

from plugin.errors import DamError, ResourceGone
from plugin.flows.clearance import photo_answers
from plugin.flows.common.batches import chunked
from plugin.flows.common.services import Services
from plugin.flows.consent import tag_revocation
from plugin.hooks.dam import KeepsVersions, ListsNames
from plugin.hooks.names_in_files.unreadable_files import Unread
from plugin.ledger import tables as t
from plugin.ledger.store.store import Tx

_CHUNK = 500


def list_named(services: Services, person_id: str) -> list[str]:
    """Every resource on which the person is named, or was meant to be by us."""
    return sorted(
        {
            *tag_revocation.list_touched(services, person_id),
            *(row.ref for row in tag_revocation.list_tags(services, person_id, tag_revocation.ALL)),
        }
    )


def find_beside(services: Services, refs: Sequence[str]) -> list[tuple[str, int]]:
    """Those of these resources with other files beside them in the DAM, and how many: earlier versions and
    alternatives may show the same people, and are neither examined nor rewritten. Raises DamError."""
    found, dam = list[tuple[str, int]](), services.dam
    if not isinstance(dam, KeepsVersions):
        return found
    for some in chunked(refs, dam.at_once):
        for ref, count in dam.leftovers(some).items():
            if isinstance(count, DamError) and not isinstance(count, ResourceGone):
                raise count
            if isinstance(count, int) and count:
                found.append((ref, count))
    return found


def forget(services: Services, name: str) -> bool:
    """Take the name out of the DAM's own list of names; False where it stays there. Raises DamError."""
    return not isinstance(services.dam, ListsNames) or services.dam.forget(name)


def distrust(tx: Tx, refs: Collection[str]) -> list[int]:
    """Make photographs that still have the name unknown until their next look: our row of it is gone. Returns ids."""
    numbers: list[int] = []
    for some in chunked(sorted(refs), _CHUNK):
        mine = t.resource.c.ref.in_(some) & t.resource.c.deleted_at.is_(None)
        numbers += tx.connection.scalars(select(t.resource.c.id).where(mine))
        tx.execute(update(t.resource).where(mine).values(unread=Unread.PHOTO.value, indexed=None))
    return numbers


def give_up(services: Services, ref: str) -> None:
    """It could not be looked at, however often: make it unknown until its next look."""
    with services.store.write() as tx:
        numbers = distrust(tx, [ref])
    photo_answers.recompute_many(services, numbers)
