"""Somebody who signed up at a shoot: entered under a free name, and not told whether theirs was taken.

Timing must not reveal it either: the same statements are sent whether or not a name is known, and the DAM is not
asked. A name in the DAM that the ledger has not seen yet is covered by rule 5: people who entered themselves own no
name of the DAM until the staff knows them.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count, islice

from sqlalchemy import Connection, select

from plugin.flows.common.services import Services
from plugin.flows.people import register
from plugin.flows.people.register import Newcomer
from plugin.ledger import tables as t
from plugin.ledger.store.store import Tx
from plugin.quitclaim.consent.model import MAX_NAME, name_key

_ROOM = 6  # characters: for what tells two namesakes apart
_AT_ONCE = 50  # spellings looked up by one statement, so that the first ones cost the same, taken or free


def enter(services: Services, tx: Tx, person_id: str, newcomer: Newcomer) -> bool:
    """Enter the person; True if the name had to be made to differ, which marks them for the staff."""
    given = newcomer.display_name
    name = _find_free(tx.connection, given)
    differs = name != given
    about = replace(newcomer, display_name=name, namesake=differs, given_name=given if differs else None)
    register.enter(services, tx, person_id, about, "person")
    return differs


def _find_free(conn: Connection, given: str) -> str:
    """The first spelling that nobody has, and that is on no photograph as an unknown person's."""
    spellings = _iterate_spellings(given)
    while True:
        some = list(islice(spellings, _AT_ONCE))
        taken = _find_taken(conn, [name_key(name) for name in some])
        for name in some:
            if name_key(name) not in taken:
                return name


def _find_taken(conn: Connection, keys: list[str]) -> frozenset[str]:
    borne = conn.scalars(select(t.person.c.name_key).where(t.person.c.name_key.in_(keys)))
    shown = conn.scalars(select(t.tag.c.node_key).where(t.tag.c.node_key.in_(keys)).distinct())
    return frozenset([*borne, *shown])


def _iterate_spellings(name: str) -> Iterator[str]:
    yield name
    for number in count(2):
        yield f"{name[: MAX_NAME - _ROOM]} {number}"
