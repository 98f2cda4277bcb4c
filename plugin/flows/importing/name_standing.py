"""Where the names of an import stand in the DAM already."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from sqlalchemy import select

from plugin.errors import ConsentError, NamesUnread
from plugin.flows.services import Services
from plugin.ledger import tables as t
from plugin.quitclaim.model import clean_name, name_key


class Standing(NamedTuple):
    """On how many resources names stand, by their keys; and how many resources could not be read for them."""

    counts: Mapping[str, int]
    unread: int = 0


def standing(services: Services, wanted: Collection[str]) -> Standing:
    """Where these names stand in the DAM. Raises DamError."""
    keys = {}
    for name in wanted:
        try:
            keys[name_key(clean_name(name))] = name
        except ConsentError:
            continue  # refused later, with its reason
    with services.store.read() as conn:
        owned = set(conn.scalars(select(t.person.c.name_key)))
    free = {key: name for key, name in keys.items() if key not in owned}
    try:
        return Standing(services.dam.standing(list(free.values())))
    except NamesUnread as error:
        return Standing(services.dam.standing(list(free.values()), despite_unread=True), error.count)
