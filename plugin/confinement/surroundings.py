"""What a confined process is given of its surroundings: an environment without anything of ours, and libraries."""

import os
import sys
from pathlib import Path

import plugin
from plugin.confinement.landlock import READ, Right

ROOT = Path(plugin.__file__).resolve().parents[1]
"""The folder in which our packages lie."""

_PASSED_ON = ("PATH", "LANG", "LANGUAGE", "TZ", "LD_LIBRARY_PATH")
_SYSTEM = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/lib32", "/usr/local/lib", "/etc/ld.so.cache")
_SMALL = ("/etc/localtime", "/usr/share/zoneinfo", "/dev/urandom", "/dev/null")


def build_environment() -> dict[str, str]:
    """Language, time zone, and where libraries are: nothing of ours, and no secret."""
    passed = {
        name: value for name, value in os.environ.items() if name in _PASSED_ON or name.startswith("LC_")
    }
    return passed | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}


def list_program_folders() -> tuple[Path, ...]:
    """Where our own programs and those of Python lie: whoever may write there runs with our keys tomorrow."""
    return ROOT / "plugin", Path(sys.prefix)


def list_library_paths() -> list[tuple[Path, Right]]:
    """What the system's libraries lie in, to be read."""
    return [(Path(path), READ) for path in (*_SYSTEM, *_SMALL)]


def list_package_paths() -> list[tuple[Path, Right]]:
    """What Python's modules and ours lie in, to be read; not a folder that holds more than that."""
    there = [Path(one) for one in sys.path if one]
    known = [path for path in there if _is_site_packages(path) or not ROOT.is_relative_to(path.resolve())]
    return [(path, READ) for path in (*known, Path(sys.base_prefix) / "lib", ROOT / "plugin")]


def _is_site_packages(folder: Path) -> bool:
    """Whether we were installed there, among other packages; a checkout may hold data, and that is none."""
    return next(folder.glob("facelease-*.dist-info"), None) is not None
