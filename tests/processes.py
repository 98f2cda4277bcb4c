"""A house served by real processes, `serve` and `work` apart, on a free port of this machine; each can be killed."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from PIL import Image

from plugin.config import Config, load

ROOT = Path(__file__).parents[1]
WAIT = 60  # seconds


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def hand_on_interrupts() -> None:
    """Let what is started from here heed Ctrl-C, which a process in the background of a shell ignores and hands on."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


class Processes:
    """The sidecar's processes on one configuration; what still runs at the end is ended."""

    def __init__(self, root: Path, port: int, configuration: str, installed: Path | None = None) -> None:
        """`installed`: the Python of an environment that holds the program, to run that and not the checkout."""
        self.root, self.port = root, port
        self._python = str(installed or sys.executable)
        self._path = root / "facelease.toml"
        self._path.write_text(configuration)
        self._environment = os.environ | {"PYTHONPATH": "" if installed else str(ROOT)}
        self._running: list[subprocess.Popen[bytes]] = []
        self.run("init")

    @property
    def _command(self) -> list[str]:
        return [self._python, "-m", "sidecar", "--config", str(self._path)]

    @property
    def config(self) -> Config:
        """The configuration that the processes read."""
        return load(self._path)

    @property
    def url(self) -> str:
        """Where the server listens."""
        return f"http://127.0.0.1:{self.port}"

    def run(self, *words: str, handed_on: bool = False) -> str:
        """`facelease WORDS`, to its end; what it printed. `handed_on`: a worker may be finishing it still."""
        done = subprocess.run(
            [*self._command, *words], env=self._environment, cwd=self.root, check=False, capture_output=True, text=True
        )
        assert done.returncode in ((0, 3) if handed_on else (0,)), f"{words[:2]}: {done.stderr or done.stdout}"
        return done.stdout

    def start(self, *what: str) -> "subprocess.Popen[bytes]":
        """Start `serve` or `work`, with its options, in a process group of its own."""
        hand_on_interrupts()
        with (self.root / f"{what[0]}.log").open("ab") as log:
            process = subprocess.Popen(
                [*self._command, *what],
                env=self._environment,
                cwd=self.root,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._running.append(process)
        return process

    def kill(self, process: "subprocess.Popen[bytes]") -> None:
        """kill -9, to the whole group; child processes of ours go with it."""
        with suppress(ProcessLookupError):  # it ended by itself, with all of it
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(WAIT)
        self._running.remove(process)

    def end(self, process: "subprocess.Popen[bytes]") -> int:
        """Have it stop by itself; its exit code."""
        process.terminate()
        self._running.remove(process)
        return process.wait(WAIT)

    def until_up(self) -> None:
        """Wait until the server answers."""
        end = time.monotonic() + WAIT
        while time.monotonic() < end:
            try:
                with urllib.request.urlopen(f"{self.url}/health", timeout=2):
                    return
            except OSError:
                time.sleep(0.02)
        raise AssertionError(f"no server: {(self.root / 'serve.log').read_text()[-2000:]}")

    def stop(self) -> None:
        """End what still runs."""
        for process in list(self._running):
            self.kill(process)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self.stop()


class House(Processes):
    """A folder as the DAM, and its processes, under `root`. Nothing is polled: what happens, happens by events."""

    def __init__(self, root: Path, secret_file: str, **jobs: int) -> None:
        self.photos = root / "photos"
        (self.photos / "shoot").mkdir(parents=True)
        self._model = root / "model.jpg"
        Image.new("RGB", (48, 48), (90, 120, 90)).save(self._model)
        lines = "".join(f"{key} = {value}\n" for key, value in jobs.items())
        port = free_port()
        super().__init__(
            root,
            port,
            f'data = "{root}/data"\n[folder]\npath = "{self.photos}"\n[dam]\npoll_seconds = 86400\n'
            f"[server]\nport = {port}\n[webhooks]\nevents_secret_file = {secret_file!r}\n"
            f"[resourcespace]\nseconds = 1\n[jobs]\n{lines}",
        )

    def photograph(self, ref: str) -> str:
        """A small picture in the folder, without anybody in it."""
        shutil.copyfile(self._model, self.photos / ref)
        return ref


def children(parent: int) -> list[int]:
    """The process ids of the children of `parent`."""
    found = []
    for task in Path(f"/proc/{parent}/task").glob("*/children"):
        found += [int(word) for word in task.read_text().split()]
    return found


def descendants(parent: int) -> dict[int, str]:
    """The command lines of all processes below `parent`, by their ids."""
    found = {}
    for child in children(parent) if Path(f"/proc/{parent}").exists() else []:
        with suppress(OSError):
            line = Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            found[child] = line
            found |= descendants(child)
    return found


def is_alive(process: int) -> bool:
    """Whether it runs; one that ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def memory_mb(process: int) -> float:
    """What a process has in memory now, in MB (VmRSS)."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError(f"process {process} is gone")
