"""A whole house whose DAM is the double of a ResourceSpace server, and people tagged on it without a picture."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select, update

from plugin.clock import Clock
from plugin.config import Config
from plugin.flows.clearance import photo_answers
from plugin.flows.common.services import Services
from plugin.flows.schedule import calendar
from plugin.flows.tags import intents
from plugin.hooks.resourcespace import fields
from plugin.hooks.resourcespace.api.client import Client
from plugin.ledger import tables as t
from plugin.recognizer.process.examiner import Examiner
from tests import support
from tests.doubles.resourcespace import Double
from tests.doubles.resourcespace_state import SUPER, Library
from tests.sender import secret_file

NODE = frozenset({"node"})
LATER = timedelta(minutes=10)  # by then a job that failed is due again


def configuration(root: Path, double: Double, **sections: Any) -> Config:
    """The house's account is a new one, of the group Super Admin; nothing waits longer than a test may."""
    account = double.library.add_user("FaceLease", SUPER)
    (root / "data" / "keys").mkdir(parents=True)
    secret_file(root / "data" / "keys" / "dam.key", account.key)
    server = {"url": double.url, "user": account.name, "calls_per_second": 1000.0, "seconds": 5.0, "tries": 2}
    return support.configuration(root, dam={"kind": "resourcespace"}, resourcespace=server, **sections)


@contextmanager
def house(root: Path, double: Double, clock: Clock, examiner: Examiner, before: int = 0) -> Iterator[Services]:
    """Put together from its configuration; so many resources were there before it."""
    for _ in range(before):
        double.library.create(1)
    with support.opened(configuration(root, double), clock, examiner) as services:
        calendar.poll_dam(services)  # from here on the log is followed
        yield services


def with_dates(config: Config, double: Double) -> None:
    """Make the date fields of the channels, as `facelease init resourcespace` does."""
    key = config.path(config.resourcespace.key_file).read_text().strip()
    fields.make_fields(Client(config.resourcespace, key), config.clearance.channels)


def dates(library: Library, refs: Iterable[int]) -> int:
    """How many dates stand on these resources."""
    mine = [number for number, one in library.fields.items() if one["title"].startswith("Cleared until ")]
    return sum(bool(library.photos[ref].texts.get(number)) for ref in refs for number in mine)


def tag(services: Services, person_id: str, name: str) -> None:
    """Confirmed tags of the person on every resource, by the way that every tag goes; nobody else is in them."""
    with services.store.write() as tx:
        ids = list(tx.connection.scalars(select(t.resource.c.id)))
        made = [
            intents.propose(services, tx, intents.NewIntent(one, person_id, name, "add", "confirmed", NODE))
            for one in ids
        ]
        tx.execute(update(t.resource).values(examined="whole"))
    assert intents.carry_out_many(services, made) == {}
    photo_answers.recompute_many(services, ids)
