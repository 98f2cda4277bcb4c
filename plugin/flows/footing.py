"""The configuration that stored clearances rest on: which it is, and whether this process has it."""

import json
from hashlib import sha256

from sqlalchemy import Connection, select

from plugin.flows.services import Services
from plugin.ledger import tables as t

_RULES = 2
"""Of the rules themselves: counted up where a photograph may be cleared less than before."""


def fingerprint(services: Services) -> str:
    """SHA-256 of every setting that a stored interval, or the date that the DAM shows of it, depends on."""
    config = services.config
    settings = [
        _RULES,
        config.clearance.needs_confirmed, config.clearance.small_figures_block, config.matching.count_px,
        config.clearance.purposes, sorted(config.clearance.channels),  # the DAM shows the first purpose
        config.minors.age, config.minors.recognition_from, config.minors.guardians, config.site.timezone,
    ]  # fmt: skip
    return sha256(json.dumps(settings, ensure_ascii=False).encode()).hexdigest()


def shared(services: Services, conn: Connection) -> bool:
    """Whether the store follows the configuration of this process; also before any process has worked on it."""
    return conn.scalar(select(t.state.c.policy)) in {None, fingerprint(services)}
