"""Rotates the master key, and keeps a fresh file of wrapped keys with the backups."""

from plugin.flows.common.services import Services
from plugin.ledger.backups import backup
from plugin.ledger.keys import rotation
from plugin.ledger.log.head_book import HeadBook


def rotate(services: Services, actor: str = "system", retire: bool = True) -> rotation.Rotation:
    """Re-wrap every living key under a new master key, and destroy the old one if `retire`.

    A file of wrapped keys from before cannot be opened afterwards, so the backup folder gets a new one first: else a
    restore would bring back the rows and no template.
    """
    return rotation.rotate(services.store, services.master, retire, lambda: _write_key_file(services, actor), actor)


def renew_key_file(services: Services) -> None:
    """Replace a file of wrapped keys that is past its days: the fresh one first."""
    config = services.config
    if backup.list_expired_key_files(config.path(config.backup.folder), services.clock, config.backup.key_days):
        _write_key_file(services, "calendar")


def _write_key_file(services: Services, actor: str) -> None:
    config = services.config
    folder = config.path(config.backup.folder)
    if folder.is_dir():
        book, days = HeadBook.from_config(config), config.backup.key_days
        backup.write_key_file(services.store, folder, services.clock, book, days, actor)
