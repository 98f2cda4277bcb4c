"""One of several programs that write one log: `python -m tests.log_writer CONFIG NAME LINES FLAG`.

It is yesterday until the file FLAG is there.
"""

import logging
import sys
import time
from pathlib import Path

from plugin.config import load
from sidecar.running import logs

DAY = 86400
LONG = 64 << 10


def write(name: str, count: int, flag: Path) -> None:
    """`count` lines, every hundredth of 64 kB, before the day changes and after; each is told on standard output."""
    real = time.time
    time.time = lambda: real() if flag.exists() else real() - DAY
    logs.configure(load(Path(sys.argv[1])))
    log, written = logging.getLogger("writer"), 0
    while written < count or not flag.exists():
        filler = "x" * (LONG if written % 100 == 0 else written % 300)
        log.warning("<%s %d %s>", name, written, filler)
        written += 1
        if written % 50 == 0:
            sys.stdout.write(f"{written}\n")
            sys.stdout.flush()
    for more in range(written, written + count):
        log.warning("<%s %d %s>", name, more, "y" * (more % 200))
    sys.stdout.write(f"end {written + count}\n")


if __name__ == "__main__":
    write(sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]))
