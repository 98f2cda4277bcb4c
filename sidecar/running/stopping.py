"""Being told to stop: quietly, within ten seconds, whatever is in hand; told by a signal once more, at once.

Signals are heard by a thread of their own. The main one may be inside a library that waits (SQLite for its lock, a
file system for its server), and Python runs no handler before such a call returns. This module is loaded before all
others, and needs none of them.
"""

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

EXIT_SECONDS = 9.0
"""So long after it was told a process is gone, whatever still hangs in it."""
GRACE_SECONDS = 6.0
"""So long what is in hand may take to come to its end."""
INTERRUPTED = 130
"""The exit code of a command that Ctrl-C ended."""
STOPPED = "stopped: what was done so far holds; what was begun is done by facelease work, or when you ask again"

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_RUNS_ON = frozenset({"serve", "work"})

Callback = Callable[[], object]


class Shutdown:
    """Whether this process was told to stop, and what it does then. `begin` says that it has something in hand."""

    def __init__(self) -> None:
        self.told = threading.Event()
        self.code = 0
        self.seconds = EXIT_SECONDS
        self.hears = False
        self._begun = False
        self._acts: list[Callback] = []
        self._last: list[Callback] = []
        self._lock = threading.Lock()
        self._signals = 0

    def begin(self, *acts: Callback, last: Sequence[Callback] = ()) -> None:
        """From now on let what is in hand come to its end.

        `acts` are called once when told, or now where that was before; `last` where it comes to no end in time.
        """
        with self._lock:
            self._begun = True
            self._acts += acts
            self._last += last
            told = self.told.is_set()
        for act in acts if told else ():
            act()

    def tell(self) -> None:
        """Stop: at once where nothing was begun, else within `seconds`."""
        with self._lock:
            if self.told.is_set():
                return
            self.told.set()
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

    def hear(self) -> None:
        """Hear SIGTERM and Ctrl-C: the first as `tell`, the next as the end. In the main thread."""
        self._listen(lambda _number: self.tell())
        for number in _SIGNALS:
            signal.signal(number, lambda *_: None)  # else the system's own answer would come first

    def hear_interrupts(self) -> None:
        """Hear Ctrl-C as Python does, and end where the main thread hears nothing, or comes to no end."""
        self.code = INTERRUPTED
        self.begin()  # it is told by an exception
        self._listen(lambda number: self.tell() if number == signal.SIGINT else None)

    def _listen(self, first: Callable[[int], None]) -> None:
        self.hears = True
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
        """Stop once the other end of this line is closed: whoever started us is gone, or says that it is over."""

        def run() -> None:
            with suppress(OSError):
                while line.recv(64):
                    pass
            self.tell()

        threading.Thread(target=run, name="line", daemon=True).start()

    def _leave(self, code: int) -> None:
        """End this process now. The kernel ends the children with it, as they asked it to."""
        for act in self._last:
            with suppress(Exception):
                act()
        if code == INTERRUPTED and self.code == INTERRUPTED:
            os.write(2, f"{STOPPED}\n".encode())
        with suppress(Exception):
            sys.stdout.flush()
        os._exit(code)


shutdown = Shutdown()
"""That of this process: signals are its own."""


def listen(words: Sequence[str]) -> None:
    """Hear signals as the command that these words name has to; once."""
    if shutdown.hears:
        return
    if _find_command(words) in _RUNS_ON:
        shutdown.hear()
    else:
        shutdown.hear_interrupts()


def _find_command(words: Sequence[str]) -> str:
    """The first word that is neither an option nor the value of one."""
    skips = False
    for word in words:
        if not skips and not word.startswith("-"):
            return word
        skips = word == "--config"
    return ""
