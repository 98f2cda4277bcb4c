"""A machine whose clock was a year ahead for a while: what was written then does not stand in the way afterwards."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from plugin.clock import ManualClock
from plugin.errors import VaultError
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.rights import key_rotation
from plugin.flows.schedule import calendar, log_heads
from plugin.flows.views import audit_view
from plugin.ledger import tables as t
from plugin.ledger.backups import backup, restore
from plugin.ledger.log import heads
from plugin.ledger.log.head_book import HeadBook
from plugin.ledger.log.proof import ProofVerdict
from plugin.ledger.store.store import Store, init_store
from tests import support
from tests.stores import Stores


def _backup(services: Services, folder: Path) -> str:
    config = services.config
    book = HeadBook.from_config(config)
    return backup.write_backup(
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
    calendar.write_log_head(services)
    clock.advance(timedelta(days=365))
    calendar.write_log_head(services)
    ahead = _backup(services, folder)
    clock.advance(timedelta(days=-365))
    calendar.write_log_head(services)
    withdrawal.withdraw(services, bo, None, "test")
    key_rotation.rotate(services)
    clock.advance(timedelta(hours=1))
    newest = _backup(services, folder)
    calendar.write_log_head(services)
    assert newest < ahead
    assert audit_view.verify_log(services).verdict is ProofVerdict.HOLDS
    book = HeadBook.from_config(services.config)
    url = stores.empty("sqlite")
    init_store(url, clock).close()
    done = restore.restore_backup(url, folder, services.master, clock, book)
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
    calendar.write_log_head(services)
    _backup(services, folder)
    path = services.config.path(services.config.keys.heads_file)
    away = tmp_path / "away"
    path.rename(away)
    for blocked in (False, True):
        if blocked:
            path.mkdir()
        calendar.start_process(services)
        with pytest.raises(VaultError, match=r"keys\.heads_file"):
            log_heads.write_head(services)
        with pytest.raises(VaultError, match=r"keys\.heads_file"):
            _backup(services, folder)
        assert withdrawal.withdraw(services, bo, None, "test") == (0 if blocked else 2)
        cast.work()
        key_rotation.rotate(services)
        calendar.run_housekeeping(services)
        assert services.queue.dead() == []
        assert audit_view.verify_log(services).verdict is ProofVerdict.NOT_PROVEN
    path.rmdir()
    away.rename(path)
    calendar.write_log_head(services)
    assert audit_view.verify_log(services).verdict is ProofVerdict.HOLDS
    assert heads.find_last_number(path) == len(heads.read(path)) - 1
