"""Reads the files beside photographs: their sidecars, and their folders' lists of names."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from plugin.hooks.files import regular_files, xmp_file_paths
from plugin.hooks.names_in_files import picasa, unreadable_files
from plugin.hooks.names_in_files.companions import Listings


@dataclass(frozen=True)
class FilesBeside:
    """`sidecars`: each one's bytes, and the same in UTF-8 or None if it is no XMP; None if it cannot be read."""

    sidecars: dict[Path, tuple[bytes, bytes | None] | None]
    lists: picasa.PicasaLists


def split_unreachable(photos: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """The photographs that exist, and those of which that is unknown."""
    there, shut = [], []
    for photo in photos:
        try:
            if regular_files.is_regular(photo):
                there.append(photo)
        except OSError:
            shut.append(photo)
    return there, shut


def list_files_beside(photos: Sequence[Path], listings: Listings) -> Iterator[tuple[Path, FilesBeside]]:
    """For each photograph in a folder that can be listed."""
    folders: dict[Path, tuple[frozenset[str], picasa.PicasaLists] | None] = {}
    for photo in photos:
        folder = photo.parent
        if folder not in folders:
            folders[folder] = _read_folder(folder, listings)
        if (listed := folders[folder]) is None:
            continue
        listing, lists = listed
        paths = [folder / name for name in xmp_file_paths.list_sidecars(photo.name, listing)]
        yield photo, FilesBeside({path: _read_sidecar(path) for path in paths}, lists)


def _read_folder(folder: Path, listings: Listings) -> tuple[frozenset[str], picasa.PicasaLists] | None:
    try:
        listing = listings.of(folder).names
    except OSError:
        return None
    return listing, picasa.PicasaLists(folder, listing)


def _read_sidecar(path: Path) -> tuple[bytes, bytes | None] | None:
    data = unreadable_files.read_contents(path)
    if data is None:
        return None
    return data.strip(b"\0 \t\r\n") and data, unreadable_files.to_utf8(data)
