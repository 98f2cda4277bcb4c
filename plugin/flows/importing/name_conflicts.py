"""Where the names of an import stand in the DAM already."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from sqlalchemy import select

from plugin.errors import ConsentError, DamError
from plugin.flows.common.services import Services
from plugin.flows.names import name_index
from plugin.flows.names.name_index import IndexGaps
from plugin.hooks.dam import TellsHolders
from plugin.ledger import tables as t
from plugin.quitclaim.consent.model import clean_name, name_key


class NameCounts(NamedTuple):
    """On how many resources names stand, by their keys; and what is not known of that."""

    counts: Mapping[str, int]
    gaps: IndexGaps = IndexGaps()


def count_names(services: Services, wanted: Collection[str]) -> NameCounts:
    """Where these names stand in the DAM. No file is read for it."""
    keys = {}
    for name in wanted:
        try:
            keys[name_key(clean_name(name))] = name
        except ConsentError:
            continue  # refused later, with its reason
    with services.store.read() as conn:
        owned = set(conn.scalars(select(t.person.c.name_key)))
        free = {key: name for key, name in keys.items() if key not in owned}
        if not isinstance(services.dam, TellsHolders):
            return NameCounts(name_index.count_names(services, conn, free.keys()), name_index.find_gaps(services, conn))
    try:
        return NameCounts(services.dam.standing(list(free.values())))
    except DamError:
        return NameCounts({}, IndexGaps(away=True))
