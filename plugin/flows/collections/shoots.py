"""Who takes part in a shoot.

A list is filled in portions before a ruling refers to it (rule 45), and only grows as people sign up; a decision
about other people makes a new list. So each ruling refers to its list, and its members can be read back.
"""

from collections.abc import Collection, Iterable, Mapping
from uuid import uuid4

from sqlalchemy import Connection, Select, func, insert, literal, select

from plugin.flows.common.batches import in_short_writes
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.ledger.store.store import Tx

MEMBER = t.shoot_person.c.person_id
"""The column of `select_members`."""

_AT_ONCE = 200
_COLUMNS = ("shoot_id", "person_id", "after_ruling", "entered_at")


def create_list(services: Services, people: Iterable[str]) -> str | None:
    """The number of a new list of those people that exist; None for nobody. Nothing refers to it yet."""
    left = sorted(set(people))
    if not left:
        return None
    number = uuid4().hex

    def fill(tx: Tx, some: Iterable[str]) -> None:
        known = select(literal(number), t.person.c.id, literal(0), literal(tx.now, t.Instant()))
        known = known.where(t.person.c.id.in_(some))
        tx.execute(insert(t.shoot_person).from_select(_COLUMNS, known))

    in_short_writes(services.store, left, fill, _AT_ONCE)
    return number


def add_person(tx: Tx, number: str | None, person_id: str) -> str:
    """Add somebody to a list, or to a new one; returns its number. Earlier rulings did not include them."""
    number, mine = number or uuid4().hex, t.shoot_person.c
    if tx.execute(select(mine.id).where(mine.shoot_id == number, mine.person_id == person_id)).first() is None:
        last = tx.connection.scalar(select(func.max(t.ruling.c.id))) or 0
        entered = dict(zip(_COLUMNS, (number, person_id, last, tx.now), strict=True))
        tx.execute(insert(t.shoot_person).values(**entered))
    return number


def list_people(conn: Connection, refs: Iterable[str] | None) -> Mapping[str, set[str]]:
    """By collection, who takes part in its shoot today; None: of all."""
    mine = t.shoot_person.c
    query = select(t.collection.c.ref, mine.person_id).join(t.shoot_person, mine.shoot_id == t.collection.c.shoot_id)
    found: dict[str, set[str]] = {}
    for row in conn.execute(query if refs is None else query.where(t.collection.c.ref.in_(refs))):
        found.setdefault(row.ref, set()).add(row.person_id)
    return found


def select_members(refs: Collection[str]) -> Select[str]:
    """Selects who is on the list of one of these collections."""
    query = select(MEMBER).join(t.collection, t.collection.c.shoot_id == t.shoot_person.c.shoot_id)
    return query.where(t.collection.c.ref.in_(refs))


def list_names(conn: Connection) -> Mapping[str, list[str]]:
    """By collection, the names of those who take part today, sorted."""
    mine = t.shoot_person.c
    query = (
        select(t.collection.c.ref, t.person.c.display_name)
        .join(t.shoot_person, mine.shoot_id == t.collection.c.shoot_id)
        .join(t.person, t.person.c.id == mine.person_id)
        .order_by(t.person.c.name_key)
    )
    found: dict[str, list[str]] = {}
    for row in conn.execute(query):
        found.setdefault(row.ref, []).append(row.display_name)
    return found


def of_person(conn: Connection, person_id: str) -> dict[str, bool]:
    """The collections in whose shoots they take part today (True), or were when a past decision was made (False)."""
    c, r, mine = t.collection.c, t.ruling.c, t.shoot_person.c
    now = select(c.ref).join(t.shoot_person, mine.shoot_id == c.shoot_id).where(mine.person_id == person_id)
    meant = (mine.shoot_id == r.shoot_id) & (mine.after_ruling < r.id)
    past = select(r.collection_ref).join(t.shoot_person, meant).where(mine.person_id == person_id)
    today = set(conn.scalars(now))
    return {ref: ref in today for ref in sorted(today | set(conn.scalars(past)))}


def count_people(conn: Connection, number: str | None) -> int:
    """How many take part."""
    return conn.scalar(select(func.count()).where(t.shoot_person.c.shoot_id == number)) or 0


def list_names_at(conn: Connection, rulings: Iterable[int]) -> Mapping[int, list[str]]:
    """By ruling, the names of those it included, as far as they are still known."""
    mine = t.shoot_person.c
    query = (
        select(t.ruling.c.id, t.person.c.display_name)
        .join(t.shoot_person, (mine.shoot_id == t.ruling.c.shoot_id) & (mine.after_ruling < t.ruling.c.id))
        .join(t.person, t.person.c.id == mine.person_id)
        .where(t.ruling.c.id.in_(rulings))
        .order_by(t.person.c.name_key)
    )
    found: dict[int, list[str]] = {}
    for row in conn.execute(query):
        found.setdefault(row.id, []).append(row.display_name)
    return found
