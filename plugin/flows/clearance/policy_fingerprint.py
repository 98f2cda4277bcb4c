"""Identifies the configuration that stored clearances rest on, and tells whether this process has it."""

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
    config, rules, minors = services.config, services.config.clearance, services.config.minors
    settings: list[object] = [_RULES, rules.needs_confirmed, rules.small_figures_block, config.matching.count_px]
    settings += [rules.recognisable_px, sorted(rules.max_px.items()), config.recognizer.detect_px]
    settings += [rules.purposes, sorted(rules.channels)]  # the DAM shows the first purpose
    settings += [minors.age, minors.recognition_from, minors.guardians, config.site.timezone]
    return sha256(json.dumps(settings, ensure_ascii=False).encode()).hexdigest()


def find_due(services: Services, conn: Connection) -> str:
    """The fingerprint that the store should have now: of this configuration, or of a closed house."""
    return compute(services) if house_state.read(conn).closed_at is None else CLOSED


def is_shared(services: Services, conn: Connection) -> bool:
    """Whether the store has the configuration of this process, or none yet. False in a closed house."""
    followed = conn.scalar(select(t.state.c.policy)) in {None, compute(services)}
    return followed and closed_house.find_reason_in(services, conn) is None


def refuse_another(services: Services, conn: Connection) -> None:
    """Raises ConsentError if the store rests on another configuration than this process has."""
    if conn.scalar(select(t.state.c.policy)) not in {None, CLOSED, compute(services)}:
        raise ConsentError(
            "what is cleared was computed for another configuration than this process has: restart every process of "
            "FaceLease (`serve` and `work`)"
        )


def is_examined(services: Services) -> ColumnElement[bool]:
    """Selects photographs that were examined as closely as this configuration asks for; never null."""
    r, px = t.resource.c, services.config.clearance.recognisable_px
    return and_(r.examined != "no", func.coalesce(r.looked_px, px) <= px)
