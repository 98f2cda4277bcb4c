"""Writes the hashes of the pinned packages into the requirement files: `./run pins`, after a version was changed there.

There is a hash for each file that pip may choose on Debian 12: Python 3.11 to 3.13, x86_64 and aarch64.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_WHEELS = ("requirements.txt", "requirements-test.txt")
_SOURCES = "requirements-nodeps.txt"
_PYTHONS = ("3.11", "3.12", "3.13")
_MACHINES = ("x86_64", "aarch64")
_OLDEST_GLIBC, _GLIBC = 17, 36
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)")
_LACKS = re.compile(r"No matching distribution found for ([A-Za-z0-9._-]+)")
_HASH = "    --hash=sha256:"


def main() -> None:
    """Write all three files; what they say beside the hashes stays."""
    for name in (*_WHEELS, _SOURCES):
        path = _ROOT / name
        lines = [line for line in path.read_text().splitlines() if not line.startswith(_HASH)]
        lines = [line.removesuffix(" \\") for line in lines]
        found = _find_hashes([line for line in lines if _PIN.match(line)], sources=name == _SOURCES)
        path.write_text("\n".join(_add_hashes(lines, found)) + "\n")
        print(f"{name}: {len(found)} packages, {sum(map(len, found.values()))} hashes")


def _add_hashes(lines: Sequence[str], found: Mapping[str, set[str]]) -> Iterator[str]:
    for line in lines:
        pin = _PIN.match(line)
        if not pin:
            yield line
            continue
        hashes = sorted(found.get(_normalise_name(pin[1]), ()))
        if not hashes:
            sys.exit(f"{line}: no file of it is to be had for any Python and machine that we serve")
        yield " \\\n".join([line, *(_HASH + one for one in hashes)])


def _find_hashes(pins: list[str], sources: bool) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    here: list[tuple[str, ...]] = [("--no-build-isolation",)]
    for target in here if sources else _list_targets():
        for name, digest in _resolve(pins, target):
            found.setdefault(_normalise_name(name), set()).add(digest)
    return found


def _list_targets() -> Iterator[tuple[str, ...]]:
    for python in _PYTHONS:
        for machine in _MACHINES:
            platforms = [f"manylinux_2_{minor}_{machine}" for minor in range(_GLIBC, _OLDEST_GLIBC - 1, -1)]
            platforms += [f"manylinux2014_{machine}", f"linux_{machine}"]
            target = ("--only-binary", ":all:", "--target", str(_ROOT / ".cache"))
            given = (word for one in platforms for word in ("--platform", one))
            yield ("--python-version", python, *target, *given)


def _resolve(pins: list[str], target: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Name and SHA-256 of each file that pip would install there; prints and skips what has no wheel there."""
    wanted = list(pins)
    while True:
        options = ("--dry-run", "--ignore-installed", "--no-deps", "--quiet", "--report", "-")
        command = [sys.executable, "-m", "pip", "install", *options, *target, *wanted]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            break
        lacks = _LACKS.search(done.stderr)
        if not lacks:
            sys.exit(done.stderr)
        print(f"{lacks[1]}: no wheel for {' '.join(target[1:2])} {target[-1]}")
        wanted = [pin for pin in wanted if not pin.startswith(f"{lacks[1]}==")]
    for one in json.loads(done.stdout)["install"]:
        yield one["metadata"]["name"], one["download_info"]["archive_info"]["hashes"]["sha256"]


def _normalise_name(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    main()
