"""A machine whose clock was a year ahead for a while: what was written then does not stand in the way afterwards."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from plugin.clock import ManualClock
from plugin.errors import VaultError
from plugin.flows import chores, consent, keeping, log_heads, watching
from plugin.flows.services import Services
from plugin.ledger import backup, heads, restore
from plugin.ledger import tables as t
from plugin.ledger.head_book import HeadBook
from plugin.ledger.proof import Verdict
from plugin.ledger.store import Store, init_store
from tests import support
from tests.stores import Stores


def _backup(services: Services, folder: Path) -> str:
    config = services.config
    book = HeadBook.from_config(config)
    return backup.backup(
        services.store, services.master, folder, services.clock, book, config.backup.key_days
    ).name


@pytest.fixture
def folder(services: Services) -> Path:
    return services.config.path(services.config.backup.folder)


def test_a_head_and_a_backup_of_the_future(
    services: Services, cast: support.Cast, clock: ManualClock, folder: Path, stores: Stores
) -> None:
    """The log holds, and the newest backup is the one that was made last, with the keys that were written last."""
    cast.sign(cast.add("Anna Sample"))
    bo = cast.add("Bo Sample")
    cast.sign(bo)
    chores.heads(services)
    clock.advance(timedelta(days=365))
    chores.heads(services)
    ahead = _backup(services, folder)
    clock.advance(timedelta(days=-365))
    chores.heads(services)
    consent.withdraw(services, bo, None, "test")
    keeping.rotate(services)
    clock.advance(timedelta(hours=1))
    newest = _backup(services, folder)
    chores.heads(services)
    assert newest < ahead
    assert watching.verified(services).verdict is Verdict.HOLDS
    book = HeadBook.from_config(services.config)
    url = stores.empty("sqlite")
    init_store(url, clock).close()
    done = restore.restore(url, folder, services.master, clock, book)
    assert (done.name, done.keys_name, done.older_keys) == (newest, newest, False)
    store = Store.open(url, clock)
    with store.read() as conn:
        assert conn.scalar(select(func.count()).select_from(t.person)) == 2
    store.close()


def test_heads_out_of_reach(services: Services, cast: support.Cast, folder: Path, tmp_path: Path) -> None:
    """The share that holds them is away: people withdraw, keys are changed, and no other file of heads is begun there.
    When it is back the log holds."""
    bo = cast.add("Bo Sample")
    cast.sign(bo)
    cast.enrol(bo)
    chores.heads(services)
    _backup(services, folder)
    path = services.config.path(services.config.keys.heads_file)
    away = tmp_path / "away"
    path.rename(away)
    for blocked in (False, True):
        if blocked:
            path.mkdir()
        chores.start(services)
        with pytest.raises(VaultError, match=r"keys\.heads_file"):
            log_heads.write(services)
        with pytest.raises(VaultError, match=r"keys\.heads_file"):
            _backup(services, folder)
        assert consent.withdraw(services, bo, None, "test") == (0 if blocked else 2)
        cast.work()
        keeping.rotate(services)
        chores.housekeeping(services)
        assert services.queue.dead() == []
        assert watching.verified(services).verdict is Verdict.NOT_PROVEN
    path.rmdir()
    away.rename(path)
    chores.heads(services)
    assert watching.verified(services).verdict is Verdict.HOLDS
    assert heads.last_number(path) == len(heads.read(path)) - 1
