"""The folder of photographs as a whole: whether it is there, and the limits of its file system."""

import os
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from plugin.errors import ConfigError, DamError
from plugin.hooks.timed_calls import PAGE_SECONDS

_CHOWN = 0  # the capability's number


def list_limits(root: Path) -> tuple[str, ...]:
    """One line each; nothing while the folder is away."""
    try:
        owner, flags = root.stat().st_uid, os.statvfs(root).f_flag
    except OSError:
        return ()
    lines = []
    if flags & os.ST_RDONLY or not os.access(root, os.W_OK, effective_ids=True):
        lines.append("the folder is read-only here: names are not written, and wait until FaceLease may write")
    elif owner != os.geteuid() and not _may_chown():
        lines.append(
            "the folder belongs to another account: a file into which a name is written becomes FaceLease's own; its "
            "group and mode stay"
        )
    return tuple(lines)


def build_away_error(root: Path, error: OSError | None = None) -> DamError:
    """The error while the whole folder is away."""
    if error is None or isinstance(error, FileNotFoundError | NotADirectoryError):
        return DamError(f"the folder of photographs is missing or empty (is the share mounted?): {root}")
    return DamError(f"the folder of photographs cannot be read ({error.strerror}): {root}")


def refuse_away(root: Path) -> None:
    """Raises DamError where the whole tree is missing, empty or unreadable."""
    if is_empty(root):
        raise build_away_error(root)


def is_empty(root: Path) -> bool:
    """Whether the root is empty. Raises DamError where it cannot be read."""
    try:
        with os.scandir(root) as items:
            return next(items, None) is None
    except OSError as error:
        raise build_away_error(root, error) from error


def resolve_root(root: Path) -> Path:
    """The folder without symlinks; the path as given where a hanging share does not answer in time."""
    found: list[Path] = []

    def resolve() -> None:
        with suppress(OSError, RuntimeError):
            found.append(root.resolve())

    asking = threading.Thread(target=resolve, name="folder", daemon=True)
    asking.start()
    asking.join(PAGE_SECONDS)
    return found[0] if found else root.absolute()


def refuse_private(root: Path, private: Iterable[Path]) -> None:
    """Raises ConfigError where one of our private paths is among the photographs, which ExifTool may write."""
    for path in private:
        if path.resolve().is_relative_to(root):
            raise ConfigError(
                f"{path} lies in the folder of photographs, {root}, whose files other programs read: "
                "move it out, and say where it is (data, [keys])"
            )


def _may_chown() -> bool:
    with suppress(OSError, ValueError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("CapEff:"):
                return bool(int(line.split()[1], 16) >> _CHOWN & 1)
    return os.geteuid() == 0
