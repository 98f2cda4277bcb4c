"""What our backups still hold of an erased person, each by its date, and whether a key that we have opens it.

Of a backup that was moved only the log knows; copies that others made are unknown: the certificate states that.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, tzinfo
from pathlib import Path

from sqlalchemy import select

from plugin.clock import format_local_day
from plugin.flows.common.services import Services
from plugin.flows.rights import file_search
from plugin.hooks.mention import CertificateLine
from plugin.hooks.name_search import SoughtName
from plugin.ledger import tables as t
from plugin.ledger.backups import signed_parts
from plugin.ledger.store.actions import Action
from plugin.ledger.tables import column_contents
from plugin.ledger.tables.column_contents import Holds

Tree = Mapping[str, object]

_COVERED_BEFORE = frozenset(f"{table.name}.{column.name}" for table, column in column_contents.list_columns(Holds.NAME))
"""What the version before this one covered: the other columns stand in its backups as they were."""
_COVERED = _COVERED_BEFORE | {
    f"{table.name}.{column.name}"
    for table, column in column_contents.list_columns(Holds.TEXT, Holds.PLACE, Holds.MIXED)
}


def list_parts(folder: Path) -> list[Path]:
    """The files of the backups in the folder, and files of wrapped keys; nothing else."""
    manifests, keys = folder.glob("manifest-*.json"), folder.glob("keys-*.json")
    whole = [part for path in manifests for part in (path, folder / f"store-{_find_name(path)}.db")]
    return [*whole, *keys]


def search_backups(
    services: Services, sought: SoughtName, beat: Callable[[], None] = lambda: None
) -> tuple[list[CertificateLine], list[CertificateLine]]:
    """Our backups: what was looked at, and what may still be in them."""
    folder = services.config.path(services.config.backup.folder)
    manifests = {path: _read_tree(path) for path in sorted(folder.glob("manifest-*.json"))}
    looked, left = [CertificateLine("looked_backups", {"count": len(manifests)})], []
    for path, tree in manifests.items():
        done, still = _search_backup(services.config.site.zone, path, tree, sought)
        beat()
        looked += done
        left += still
    return looked, [*left, *_list_elsewhere(services, list(manifests.values()))]


def search_key_files(services: Services, person_id: str) -> tuple[list[CertificateLine], list[CertificateLine]]:
    """Files of wrapped keys that lie with the backups: what they hold of the person, and what can be opened of it."""
    folder = services.config.path(services.config.backup.folder)
    found = [_search_keys(services, path, person_id) for path in sorted(folder.glob("keys-*.json"))]
    return [one for looked, _ in found for one in looked], [one for _, left in found for one in left]


def find_wrapping_version(services: Services, person_id: str) -> int:
    """The last version of the master key that wrapped a key of the person; 0 where none is known."""
    mine = select(t.shredding.c.master_version).where(t.shredding.c.person_id == person_id)
    with services.store.read() as conn:
        return max(conn.scalars(mine), default=0)


def _search_backup(
    zone: tzinfo, path: Path, tree: Tree, sought: SoughtName
) -> tuple[list[CertificateLine], list[CertificateLine]]:
    made = {"made": _format_day(str(tree.get("made", "")), zone), "name": _find_name(path)}
    copy = path.parent / f"store-{made['name']}.db"
    if not copy.exists():
        return [CertificateLine("backup_gone", made)], []
    before = tree.get("format") != signed_parts.FORMAT
    try:
        plain = file_search.is_in_copy(copy, sought, _COVERED_BEFORE if before else _COVERED)
    except OSError:
        return [], [CertificateLine("backup_unread", made)]
    left = ([CertificateLine("backup_names", made)] if plain else []) + (
        [] if before else [CertificateLine("backup_places", made)]
    )
    return [CertificateLine("backup_plain" if plain else "backup_sealed", made)], left


def _find_name(manifest: Path) -> str:
    return manifest.stem.removeprefix("manifest-")


def _search_keys(services: Services, path: Path, person_id: str) -> tuple[list[CertificateLine], list[CertificateLine]]:
    """A file of wrapped keys: whether the person's are among them, and whether we have what opens those."""
    tree = _read_tree(path)
    made = {"made": _format_day(str(tree.get("made", "")), services.config.site.zone), "name": path.name}
    if not isinstance(tree.get("keys"), list):
        return [], [CertificateLine("keys_unread", made)]
    versions = sorted({version for who, version in _list_wrapped(tree) if who == person_id})
    if not versions:
        return [CertificateLine("keys_without", made)], []
    opening = [version for version in versions if version in services.master.versions]
    if opening:
        return [], [CertificateLine("keys_open", made | {"version": max(opening)})]
    return [CertificateLine("keys_shut", made | {"version": max(versions)})], []


def _list_wrapped(tree: Tree) -> Iterator[tuple[str, int]]:
    """By person, the version of the master key that wraps their keys."""
    keys = tree.get("keys")
    for one in keys if isinstance(keys, list) else ():
        if isinstance(one, list) and len(one) > 2 and isinstance(one[2], int):
            yield str(one[0]), one[2]


def _list_elsewhere(services: Services, manifests: list[Tree]) -> Iterator[CertificateLine]:
    """Backups that the log knows and the folder does not hold: moved away, or deleted."""
    here = " ".join(json.dumps(one) for one in manifests)
    written = select(t.audit.c.at, t.audit.c.details).where(t.audit.c.action == Action.BACKUP_WRITE.value)
    with services.store.read() as conn:
        rows = conn.execute(written.order_by(t.audit.c.seq)).all()
    away = [row.at for row in rows if (json.loads(row.details).get("sha256") or "-") not in here]
    if away:
        days = dict.fromkeys(format_local_day(at, services.config.site.zone) for at in away)
        yield CertificateLine("backup_elsewhere", {"count": len(away), "days": "; ".join(days)})


def _read_tree(path: Path) -> Tree:
    try:
        tree = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return tree if isinstance(tree, dict) else {}


def _format_day(made: str, zone: tzinfo) -> str:
    try:
        return format_local_day(datetime.fromisoformat(made), zone)
    except ValueError:
        return "?"
