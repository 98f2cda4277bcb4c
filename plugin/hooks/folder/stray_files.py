"""Files left behind that contain names: drafts after a crash, and our sidecars without a photograph."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from plugin.errors import DamError
from plugin.hooks.dam import Change, ChangeKind
from plugin.hooks.files import regular_files, xmp_file_paths
from plugin.hooks.files.exiftool import ExifTool
from plugin.hooks.folder.index import KnownFile
from plugin.hooks.names_in_files import xmp

_STALE = 3600  # seconds
_OURS = {xmp.PERSONS, xmp.REGIONS, xmp.RELEASE, xmp.TOOLKIT}


def delete_stale_drafts(paths: Iterable[Path], now: datetime) -> None:
    """Delete drafts that no running write can be using."""
    for path in paths:
        try:
            if now.timestamp() - path.stat().st_mtime > _STALE:
                path.unlink()
        except OSError:
            continue  # it went, or is another account's: nothing is lost by trying again


def move_own_sidecars(root: Path, change: Change, before: Mapping[str, KnownFile], tool: ExifTool | None) -> None:
    """Move a sidecar that we created with its photograph, or delete it with that.

    A sidecar that others have written to stays.
    """
    old = (
        change.old_ref if change.what is ChangeKind.MOVED else change.ref if change.what is ChangeKind.DELETED else None
    )
    file = before.get(old or "")
    if old is None or file is None or not file.memory.made or tool is None:
        return
    photo = root / old
    try:
        listing = frozenset(p.name for p in photo.parent.iterdir())
        beside = (photo.with_name(name) for name in xmp_file_paths.list_sidecars(photo.name, listing))
        left = [path for path in beside if regular_files.is_regular(path)]
        for path, fields in tool.read(left, xmp.ALL, fast=False).items():
            if not photo.exists() and set(fields) <= _OURS:
                _move_sidecar(path, root / change.ref if change.what is ChangeKind.MOVED else None)
    except (OSError, DamError):
        return  # the file stays; holders() of its photograph is no longer asked for it


def _move_sidecar(sidecar: Path, photo: Path | None) -> None:
    if photo is None:
        sidecar.unlink()
        return
    listing = frozenset(p.name for p in photo.parent.iterdir())
    if not xmp_file_paths.list_sidecars(photo.name, listing):
        sidecar.rename(photo.with_name(photo.name + ".xmp"))
