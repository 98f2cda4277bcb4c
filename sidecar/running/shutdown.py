"""Shutdown: graceful within ten seconds after the first signal, immediate after the second.

Signals are read by a thread of their own. The main thread may be inside a library that waits (SQLite for its lock, a
file system for its server), and Python runs no handler before such a call returns. This module is imported before all
others, and imports none of them.
"""

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

EXIT_SECONDS = 9.0
"""After so many seconds the process exits, whatever still hangs in it."""
GRACE_SECONDS = 6.0
"""For so many seconds work in progress may take to finish."""
INTERRUPTED = 130
"""The exit code of a command that Ctrl-C ended."""
STOPPED = "stopped: what was done so far holds; what was begun is done by facelease work, or when you ask again"

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_RUNS_ON = frozenset({"serve", "work"})

Callback = Callable[[], object]


class Shutdown:
    """Whether this process was told to stop, and what it does then; after `begin` it has work to finish."""

    def __init__(self) -> None:
        self.requested = threading.Event()
        self.code = 0
        self.seconds = EXIT_SECONDS
        self.handles = False
        self._begun = False
        self._acts: list[Callback] = []
        self._last: list[Callback] = []
        self._lock = threading.Lock()
        self._signals = 0

    def begin(self, *acts: Callback, last: Sequence[Callback] = ()) -> None:
        """From now on let work in progress finish.

        `acts` are called once when the process is told to stop, or now if it was; `last` if it does not end in time.
        """
        with self._lock:
            self._begun = True
            self._acts += acts
            self._last += last
            late = self.requested.is_set()
        for act in acts if late else ():
            act()

    def request(self) -> None:
        """Stop: at once before `begin`, else within `seconds`."""
        with self._lock:
            if self.requested.is_set():
                return
            self.requested.set()
            begun, acts = self._begun, list(self._acts)
        if not begun:
            self._leave(self.code)
        end = threading.Timer(self.seconds, self._leave, (self.code,))
        end.daemon = True
        try:
            end.start()
        except RuntimeError:  # there is no room for another thread
            self._leave(self.code)
        for act in acts:
            with suppress(Exception):  # the next signal is to be heard, too
                act()

    def handle_signals(self) -> None:
        """Handle SIGTERM and Ctrl-C: the first calls `request`, the second exits. Call it in the main thread."""
        self._listen(lambda _number: self.request())
        for number in _SIGNALS:
            signal.signal(number, lambda *_: None)  # else the system's own answer would come first

    def handle_interrupts(self) -> None:
        """Leave Ctrl-C to Python, but exit if the main thread does not react, or does not end in time."""
        self.code = INTERRUPTED
        self.begin()  # it is told by an exception
        self._listen(lambda number: self.request() if number == signal.SIGINT else None)

    def _listen(self, first: Callable[[int], None]) -> None:
        self.handles = True
        source, sink = os.pipe()
        os.set_blocking(sink, False)
        signal.set_wakeup_fd(sink, warn_on_full_buffer=False)

        def run() -> None:
            while True:
                for number in os.read(source, 64):
                    if number in _SIGNALS:
                        self._signals += 1
                        if self._signals > 1:
                            self._leave(128 + number)
                        first(number)

        threading.Thread(target=run, name="signals", daemon=True).start()

    def follow(self, line: socket.socket) -> None:
        """Stop once the other end of this socket is closed: our parent process ended, or wants us to."""

        def run() -> None:
            with suppress(OSError):
                while line.recv(64):
                    pass
            self.request()

        threading.Thread(target=run, name="line", daemon=True).start()

    def _leave(self, code: int) -> None:
        """Exit now. The kernel ends the child processes too (PR_SET_PDEATHSIG)."""
        for act in self._last:
            with suppress(Exception):
                act()
        if code == INTERRUPTED and self.code == INTERRUPTED:
            os.write(2, f"{STOPPED}\n".encode())
        with suppress(Exception):
            sys.stdout.flush()
        os._exit(code)


shutdown = Shutdown()
"""The one of this process: signals are per process."""


def listen(words: Sequence[str]) -> None:
    """Handle signals as the command in these arguments needs it (idempotent)."""
    if shutdown.handles:
        return
    if _find_command(words) in _RUNS_ON:
        shutdown.handle_signals()
    else:
        shutdown.handle_interrupts()


def _find_command(words: Sequence[str]) -> str:
    """The command among the arguments: the first that is neither an option nor the value of `--config`."""
    skips = False
    for word in words:
        if not skips and not word.startswith("-"):
            return word
        skips = word == "--config"
    return ""
