"""A few photographs to show small: of a person, or of a collection; those that the account may see."""

from sqlalchemy import ColumnElement, select

from plugin.flows.access import sight
from plugin.flows.access.staff_sessions import Staff
from plugin.flows.common.services import Services
from plugin.flows.views.photos import photo_sight
from plugin.flows.views.photos.photo_search import FoundPhoto
from plugin.hooks.picture import Sight
from plugin.ledger import tables as t

_R = t.resource.c


def list_of_person(services: Services, staff: Staff, person_id: str, most: int) -> list[FoundPhoto]:
    """On which the person is named, the newest first. Raises DamError."""
    named = select(t.tag.c.resource_id).where(t.tag.c.person_id == person_id)
    return _list_seen(services, staff, _R.id.in_(named), most)


def list_of_collection(services: Services, staff: Staff, ref: str, most: int) -> list[FoundPhoto]:
    """Which lie in the collection, the newest first. Raises DamError."""
    lie = select(t.resource_collection.c.resource_id).where(t.resource_collection.c.collection_ref == ref)
    newest = lie.order_by(t.resource_collection.c.resource_id.desc()).limit(most * 2)
    return _list_seen(services, staff, _R.id.in_(newest), most)


def _list_seen(services: Services, staff: Staff, which: ColumnElement[bool], most: int) -> list[FoundPhoto]:
    mine = which, _R.deleted_at.is_(None), sight.photographs(staff)
    with services.store.read() as conn:
        rows = conn.execute(select(_R.id, _R.ref).where(*mine).order_by(_R.id.desc()).limit(most)).all()
    seen = photo_sight.find_sight(services, staff, [row.ref for row in rows])
    return [FoundPhoto(row.id, row.ref) for row in rows if seen[row.ref] is not Sight.HIDDEN]
