"""The people who may be tagged, each with what is in force now: for pages, programs and the command line."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Select, select

from plugin.flows.access import sight
from plugin.flows.access.staff_sessions import Staff
from plugin.flows.common import reference_sets, roster
from plugin.flows.common.batches import chunked
from plugin.flows.common.reference_sets import Pictures
from plugin.flows.common.services import Services
from plugin.flows.views.people import person_file
from plugin.ledger import tables as t
from plugin.quitclaim.consent.model import Person, name_key

_P = t.person.c
_QUERY = select(_P.id, _P.name_key, _P.namesake)
_AT_ONCE = 500


@dataclass(frozen=True)
class Listed:
    """A person; whether a grant of either kind is in force now; whether a template is kept, and who vouched for it.

    `name_key`: their place in the order of names. `namesake`: they entered themselves under a name that was taken.
    """

    person: Person
    name_key: str
    namesake: bool
    recognition: bool
    publication: bool
    enrolled: bool
    pictures: Pictures

    @property
    def age_known(self) -> bool:
        """Whether somebody said how old they are."""
        return self.person.birth_date is not None or self.person.of_age


def page(services: Services, after: str, limit: int) -> list[Listed]:
    """At most `limit` people in the order of their ids, from after the id `after`."""
    return _list_people(services, _QUERY.where(_P.id > after).order_by(_P.id).limit(limit))


def search(
    services: Services, text: str = "", after: str = "", limit: int | None = None, staff: Staff | None = None
) -> list[Listed]:
    """People whose name holds `text`, in the order of names, from after the key `after`; without a limit all.

    With `staff` only those whom the account may see.
    """
    wanted = name_key(text)
    with services.store.read() as conn:
        seen = sight.people(conn, staff)
    query = _QUERY.where(_P.name_key > after, seen).order_by(_P.name_key).limit(limit)
    return _list_people(services, query.where(_P.name_key.contains(wanted, autoescape=True)) if wanted else query)


def show(services: Services, person_id: str, actor: str) -> Listed:
    """One of them, with an audit row for the look. Raises NotFound."""
    person_file.look(services, person_id, actor)
    return _list_people(services, _QUERY.where(_P.id == person_id))[0]


def _list_people(services: Services, query: "Select[str, str, bool]") -> list[Listed]:
    now = services.clock.now()
    with services.store.read() as conn:
        rows = conn.execute(query).all()
        return [one for some in chunked(rows, _AT_ONCE) for one in _list(services, conn, some, now)]


def _list(services: Services, conn: Connection, rows: Sequence[tuple[str, str, bool]], now: datetime) -> list[Listed]:
    ids = [person_id for person_id, _, _ in rows]
    standings = roster.load_many(services, conn, ids)
    pictures = reference_sets.state_of(conn, ids)
    mine = t.sealed.c.person_id.in_(ids) & (t.sealed.c.kind == "template")
    enrolled = set(conn.scalars(select(t.sealed.c.person_id).where(mine)))
    return [
        Listed(
            standings[person_id].person,
            key,
            namesake,
            standings[person_id].recognition(now) is not None,
            standings[person_id].any_publication(now),
            person_id in enrolled,
            pictures.get(person_id, "none"),
        )
        for person_id, key, namesake in rows
    ]
