"""Runs an external program confined:

`python -m plugin.confinement.launch BOUNDS PROGRAM ...` confines itself, then execs. BOUNDS is JSON: `write`, folders
to read and write; `memory_mb`, `cpu_seconds`, `file_mb`. The program may start its interpreter and nothing else; beyond
those folders it reads only its libraries.
"""

import ctypes
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from plugin.confinement import environment
from plugin.confinement.landlock import READ, RUN, WRITE, Right
from plugin.confinement.sandbox import Bounds, confine

_DIE_WITH_PARENT = 1
_SECONDS = 20
_LOADER = re.compile(rb"/[\w./+-]*/ld[\w.+-]*")


def build_command(bounds: dict[str, object], program: str, *arguments: str) -> list[str]:
    """The command that runs `program` confined; use it with `surroundings.build_environment()`."""
    launcher = [sys.executable, "-S", "-P", "-m", "plugin.confinement.launch"]
    return [*launcher, json.dumps(bounds), program, *arguments]


def main() -> None:
    """Confine this process and exec the program."""
    bounds, program = json.loads(sys.argv[1]), Path(sys.argv[2]).resolve()
    start = [*_find_interpreter(program), str(program)]
    _die_with_parent()
    paths = [*environment.list_library_paths(), *_list_executables(Path(start[0]))]
    paths += _list_module_folders(start[0], program)
    paths += [(Path(folder), WRITE) for folder in bounds["write"]]
    memory, seconds, file = (int(bounds[name]) for name in ("memory_mb", "cpu_seconds", "file_mb"))
    confine(Bounds(paths, memory, seconds, file, runs=True))
    os.execv(start[0], [*start, *sys.argv[3:]])  # noqa: S606 - no shell, and the program that was asked for


def _find_interpreter(program: Path) -> list[str]:
    """The interpreter in the program's first line, as a path; [] for machine code."""
    with program.open("rb") as file:
        first = file.readline(200)
    words = first[2:].decode(errors="replace").split() if first.startswith(b"#!") else []
    if words and Path(words[0]).name == "env":
        found = shutil.which(words[-1])
        words = [found] if found else words
    return [str(Path(words[0]).resolve()), *words[1:]] if words else []


def _list_executables(program: Path) -> list[tuple[Path, Right]]:
    """The program and its dynamic loader."""
    with program.open("rb") as file:
        loader = _LOADER.search(file.read(8192))
    return [(program, RUN), *([(Path(os.fsdecode(loader[0])), RUN)] if loader else [])]


def _list_module_folders(interpreter: str, program: Path) -> list[tuple[Path, Right]]:
    """The folders of Perl's modules and the program's own."""
    folders = [str(program), str(program.parent / "lib")]
    if "perl" in Path(interpreter).name:
        asked = [interpreter, "-e", 'print join "\\n", @INC']
        done = subprocess.run(  # noqa: S603 - the interpreter that is about to run
            asked, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
        folders += [folder for folder in done.stdout.splitlines() if folder.startswith("/")]
    return [(Path(folder), READ) for folder in folders]


def _die_with_parent() -> None:
    """Have the kernel end the program when the thread that started it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGTERM)


if __name__ == "__main__":
    main()
