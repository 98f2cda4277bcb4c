"""The environment variables and library paths that a confined process gets."""

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
    """Language, time zone and library paths: no secret, nothing of ours."""
    passed = {name: value for name, value in os.environ.items() if name in _PASSED_ON or name.startswith("LC_")}
    return passed | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}


def list_program_folders() -> tuple[Path, ...]:
    """The folders of our code and Python's: write access there means running with our keys."""
    return ROOT / "plugin", Path(sys.prefix)


def list_library_paths() -> list[tuple[Path, Right]]:
    """The system's libraries, readable."""
    return [(Path(path), READ) for path in (*_SYSTEM, *_SMALL)]


def list_package_paths() -> list[tuple[Path, Right]]:
    """Python's modules and ours, readable; never a folder that also holds other files."""
    there = [Path(one) for one in sys.path if one]
    known = [path for path in there if _is_site_packages(path) or not ROOT.is_relative_to(path.resolve())]
    return [(path, READ) for path in (*known, Path(sys.base_prefix) / "lib", ROOT / "plugin")]


def _is_site_packages(folder: Path) -> bool:
    """Whether the folder is an installed site-packages; a checkout may also hold data."""
    return next(folder.glob("facelease-*.dist-info"), None) is not None
