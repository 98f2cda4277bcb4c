"""Files of engines that no package contains: got from their publisher, found in a folder, and verified."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from plugin.errors import EngineError
from plugin.recognizer.engines.card import CardFile, EngineCard

_SECONDS = 30


def read_files(card: EngineCard, folder: Path) -> list[bytes]:
    """The card's files, in its order: the very bytes that were verified, whatever becomes of the files meanwhile.

    Raises EngineError that names a missing or a changed one.
    """
    for file in card.files:
        if not (folder / file.name).exists():
            mend = f"facelease engine install {card.name} gets it" if file.url else "put it beside its card"
            raise EngineError(f"{card.name} needs {file.name}, which is not in {folder}: {mend}")
    return [read_file(file, folder / file.name) for file in card.files]


def describe_files(card: EngineCard, folder: Path) -> Literal["none needed", "here", "missing", "changed"]:
    """Whether the card's files are in the folder and the publisher's. What packages bring is not looked at."""
    if not card.files:
        return "none needed"
    try:
        read_files(card, folder)
    except EngineError:
        return "changed" if all((folder / file.name).exists() for file in card.files) else "missing"
    return "here"


def read_file(file: CardFile, path: Path) -> bytes:
    """The publisher's file. Raises EngineError if this is another one."""
    try:
        if path.stat().st_size != file.bytes:
            raise EngineError(f"{path} is not as long as the publisher's {file.name}, which has {file.bytes:,} B")
        body = path.read_bytes()
    except OSError as error:
        raise EngineError(f"{path} cannot be read ({error.strerror})") from error
    found = hashlib.sha256(body).hexdigest()
    if found != file.sha256:
        raise EngineError(f"{path} is not the publisher's {file.name} (sha256 {found[:12]}…, not {file.sha256[:12]}…)")
    return body


def take_files(card: EngineCard, given: Sequence[Path], folder: Path) -> list[Path]:
    """Copy the publisher's files from where they were brought to; nothing is copied unless all are right.

    Raises EngineError that names a missing, a changed or a foreign one.
    """
    by_name = {path.name: path for path in given}
    if foreign := sorted(by_name.keys() - {file.name for file in card.files}):
        raise EngineError(f"{', '.join(foreign)}: {card.name} has no such file")
    for file in card.files:
        if file.name not in by_name:
            raise EngineError(f"{file.name} is missing: give all files of {card.name}")
    bodies = [read_file(file, by_name[file.name]) for file in card.files]
    return [_place(file, body, folder) for file, body in zip(card.files, bodies, strict=True)]


def download_file(file: CardFile, folder: Path, tell: Callable[[int], None]) -> Path:
    """The file from its publisher, verified; goes on where an earlier call stopped. `tell`: bytes that came.

    Raises EngineError where the publisher does not answer, or sends another file.
    """
    target, part = folder / file.name, folder / f"{file.name}.part"
    with _owned(folder):
        have = part.stat().st_size if part.exists() else 0
        if have < file.bytes:
            _fetch(file, part, have, tell)
        try:
            read_file(file, part)
        except EngineError:
            part.unlink(missing_ok=True)  # the next call begins again
            raise
        part.replace(target)
    return target


def remove_files(card: EngineCard, folder: Path) -> int:
    """Delete the card's files from the folder of this installation; returns how many there were."""
    there = [
        path for file in card.files for path in (folder / file.name, folder / f"{file.name}.part") if path.exists()
    ]
    for path in there:
        path.unlink()
    return len(there)


def _fetch(file: CardFile, part: Path, have: int, tell: Callable[[int], None]) -> None:
    import requests  # every command loads this module, and none but one downloads

    asked = {"Range": f"bytes={have}-"} if have else {}
    try:
        with requests.get(file.url, headers=asked, stream=True, timeout=_SECONDS) as answer:
            answer.raise_for_status()
            goes_on = answer.status_code == requests.codes.partial_content
            with part.open("ab" if goes_on else "wb") as out:
                tell(have if goes_on else 0)
                for piece in answer.iter_content(1 << 16):
                    if out.tell() + len(piece) > file.bytes:
                        raise EngineError(f"{file.url} sends more than {file.name} is long ({file.bytes:,} B)")
                    out.write(piece)
                    tell(len(piece))
    except requests.RequestException as error:
        raise EngineError(f"{file.url} cannot be read ({type(error).__name__}): try again, or use --from") from error


def _place(file: CardFile, body: bytes, folder: Path) -> Path:
    target, part = folder / file.name, folder / f"{file.name}.part"
    with _owned(folder):
        part.write_bytes(body)
        part.replace(target)
    return target


@contextmanager
def _owned(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise EngineError(f"{folder}: files of engines cannot be kept there ({error.strerror})") from error
