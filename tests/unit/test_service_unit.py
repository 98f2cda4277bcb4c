"""The service in the administrators' document: hardened, and what the program does is allowed in it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from plugin.config import Config

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "administrators.md"
OURS = frozenset({
    "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self", "seccomp", "prctl", "prlimit64", "capget",
    "capset", "execve", "clone", "clone3", "vfork", "setsid", "pipe2", "kill", "socket", "connect", "bind", "listen",
    "accept4", "memfd_create", "flock", "fsync", "chmod", "fchmod", "fchown", "rename", "renameat2", "unlink", "mkdir",
    "utimensat", "getxattr", "setxattr", "statx", "mmap", "mprotect", "futex", "wait4", "poll", "epoll_wait", "fcntl",
})  # fmt: skip
"""What the confinement calls, and what else the program cannot do without."""


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit, as somebody copies it."""
    found = re.search(r"^ +\[Unit\]\n.*?WantedBy=\S+\n", DOCUMENT.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert found
    path = tmp_path / "facelease.service"
    path.write_text("\n".join(line.strip() for line in found[0].splitlines()) + "\n")
    return path


def settings(unit: Path, name: str) -> list[str]:
    """Every value of a setting, in their order."""
    lines = (line.partition("=") for line in unit.read_text().splitlines())
    return [value for key, _, value in lines if key == name]


def analyze(*words: str) -> str:
    """What systemd says; it need not run here."""
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed")
    done = subprocess.run([program, *words], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def allowed(words: list[str]) -> set[str]:
    """The system calls of a list, sets of others resolved."""
    found: set[str] = set()
    for word in words:
        if word.startswith("@"):
            lines = [line.strip() for line in analyze("syscall-filter", word).splitlines()[1:]]
            found |= allowed([line for line in lines if line and not line.startswith("#")])
        else:
            found.add(word)
    return found


def test_the_service_is_hardened(unit: Path) -> None:
    """Exposure 2.5 at the most, as systemd counts it, and no line that it does not know."""
    said = analyze("security", "--offline=true", "--no-pager", str(unit))
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said)
    assert found, said
    assert float(found[1]) <= 2.5
    assert "Unknown" not in said
    assert "Failed to parse" not in said


def test_the_service_allows_what_the_program_does(unit: Path) -> None:
    """Every call of the confinement is allowed: Debian 12 counts neither Landlock nor seccomp to a service."""
    words = [word for value in settings(unit, "SystemCallFilter") for word in value.split()]
    assert not any(word.startswith("~") for word in words)
    assert allowed(words) >= OURS
    assert not allowed(words) >= OURS | {"ptrace"}
    without = [word for word in words if not word.startswith(("landlock", "seccomp"))]
    missing = OURS - allowed(without)
    assert missing <= {"landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self", "seccomp"}


def test_the_service_can_write_where_the_program_does(unit: Path) -> None:
    """Every file of ours lies under a folder that the unit leaves open, and no folder of the system is."""
    assert settings(unit, "ProtectSystem") == ["strict"]
    writable = [Path(path) for value in settings(unit, "ReadWritePaths") for path in value.split()]
    data = re.search(r'`data = "([^"]+)"`', DOCUMENT.read_text("utf-8"))
    assert data
    config = Config.model_validate({"data": data[1]})
    assert all(any(path.is_relative_to(open_) for open_ in writable) for path in config.private)
    assert not any(Path(one).is_relative_to(open_) for open_ in writable for one in ("/etc", "/usr", "/opt/facelease"))
    families = set(" ".join(settings(unit, "RestrictAddressFamilies")).split())
    assert families == {"AF_INET", "AF_INET6", "AF_UNIX"}
