"""The configuration that stored clearances rest on: which it is, and whether this process has it."""

import json
from hashlib import sha256

from sqlalchemy import ColumnElement, Connection, and_, func, select

from plugin.errors import ConsentError
from plugin.flows.common import closed_house
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.ledger.log import house_state

_RULES = 3
"""Of the rules themselves: counted up where a photograph may be cleared less than before."""

CLOSED = "closed"
"""What the store follows in the place of a configuration while the house is closed: no photograph is cleared."""


def compute(services: Services) -> str:
    """SHA-256 of every setting that a stored interval, or the date that the DAM shows of it, depends on."""
    config = services.config
    settings = [
        _RULES,
        config.clearance.needs_confirmed, config.clearance.small_figures_block, config.matching.count_px,
        config.clearance.recognisable_px, sorted(config.clearance.max_px.items()), config.recognizer.detect_px,
        config.clearance.purposes, sorted(config.clearance.channels),  # the DAM shows the first purpose
        config.minors.age, config.minors.recognition_from, config.minors.guardians, config.site.timezone,
    ]  # fmt: skip
    return sha256(json.dumps(settings, ensure_ascii=False).encode()).hexdigest()


def find_due(services: Services, conn: Connection) -> str:
    """What the store is to follow now: this configuration, or that the house is closed."""
    return compute(services) if house_state.read(conn).closed_at is None else CLOSED


def is_shared(services: Services, conn: Connection) -> bool:
    """Whether the store follows the configuration of this process; also before any process has worked on it.

    In a closed house it follows none.
    """
    followed = conn.scalar(select(t.state.c.policy)) in {None, compute(services)}
    return followed and closed_house.find_reason_in(services, conn) is None


def refuse_another(services: Services, conn: Connection) -> None:
    """Raises ConsentError where what is stored follows another configuration than this process has."""
    if conn.scalar(select(t.state.c.policy)) not in {None, CLOSED, compute(services)}:
        raise ConsentError(
            "what is cleared was computed for another configuration than this process has: restart every process of "
            "FaceLease (`serve` and `work`)"
        )


def is_examined(services: Services) -> ColumnElement[bool]:
    """Selects photographs that were looked at, and as closely as this configuration asks for; never null."""
    r, px = t.resource.c, services.config.clearance.recognisable_px
    return and_(r.examined != "no", func.coalesce(r.looked_px, px) <= px)
