"""Which photographs an account of the staff may see: those of its collections, as far as the DAM opens them to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from plugin.errors import NotFound
from plugin.flows.access import sight
from plugin.flows.access.staff_sessions import Staff
from plugin.flows.common.services import Services
from plugin.hooks.picture import LimitsSight, Sight
from plugin.ledger import tables as t

_OF_THE_DAM = "dam:"  # how the log calls accounts of the DAM: others have no rights there


@dataclass(frozen=True)
class SeenPhoto:
    """A photograph that an account may see, and how much of it."""

    id: int
    ref: str
    file_version: str
    sight: Sight


def find_photo(services: Services, staff: Staff, photo_id: int) -> SeenPhoto:
    """The photograph.

    Raises NotFound where it may see nothing of it, in the words of what is not there; DamError.
    """
    r = t.resource.c
    here = r.id == photo_id, r.deleted_at.is_(None), sight.photographs(staff)
    query = select(r.id, r.ref, r.file_version).where(*here)
    with services.store.read() as conn:
        row = conn.execute(query).first()
    seen = Sight.HIDDEN if row is None else find_sight(services, staff, [row.ref])[row.ref]
    if row is None or seen is Sight.HIDDEN:
        raise NotFound("there is no such photograph")
    return SeenPhoto(*row, seen)


def find_sight(services: Services, staff: Staff, refs: Sequence[str]) -> Mapping[str, Sight]:
    """How much of each of at most 1,000 resources the DAM shows the account now. Raises DamError."""
    dam = services.dam
    user = user_of(staff)
    if not isinstance(dam, LimitsSight) or user is None:
        return dict.fromkeys(refs, Sight.WHOLE)
    found = dam.seen_by(user, refs) if refs else {}
    return {ref: found.get(ref, Sight.HIDDEN) for ref in refs}


def user_of(staff: Staff) -> str | None:
    """What the DAM calls the account; None for one that is not the DAM's, and has no rights there."""
    return staff.user if staff.actor.startswith(_OF_THE_DAM) else None
