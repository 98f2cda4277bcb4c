"""What of a person the DAM keeps where we do not reach: other files beside the photographs that name them."""

from collections.abc import Sequence

from plugin.errors import DamError, ResourceGone
from plugin.flows import revocation
from plugin.flows.many import chunked
from plugin.flows.services import Services


def named_on(services: Services, person_id: str) -> list[str]:
    """Every resource on which the person is named, or was meant to be by us."""
    return sorted(
        {
            *revocation.touched(services, person_id),
            *(row.ref for row in revocation.tags_of(services, person_id, revocation.ALL)),
        }
    )


def beside(services: Services, refs: Sequence[str]) -> list[tuple[str, int]]:
    """Of these resources those beside which the DAM keeps other files, and how many: earlier versions and
    alternatives may show the same people, and are neither examined nor rewritten. Raises DamError."""
    found = []
    for some in chunked(refs, services.dam.at_once):
        for ref, count in services.dam.leftovers(some).items():
            if isinstance(count, DamError) and not isinstance(count, ResourceGone):
                raise count
            if isinstance(count, int) and count:
                found.append((ref, count))
    return found
