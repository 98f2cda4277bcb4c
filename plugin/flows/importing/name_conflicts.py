"""Count where the names of an import are in the DAM already."""

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
    """On how many resources each name is, by name key; and the gaps in that knowledge."""

    counts: Mapping[str, int]
    gaps: IndexGaps = IndexGaps()


def count_names(services: Services, wanted: Collection[str]) -> NameCounts:
    """On how many resources these names are in the DAM, without reading files."""
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
