"""`python -m bench.promises [--full] [--faces DIR]`: each promise and its figure; exit code 1 if one is broken.

The promises are tests (tests/promises); this prints the line that each measured in this run.
"""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

PROMISE_LINE = re.compile(r"^PROMISE ([A-Z])(\d+) ")
_ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Run the promise tests and print their lines in order; then what broke, if anything did."""
    parser = argparse.ArgumentParser(prog="./run promises", description=__doc__)
    parser.add_argument("--full", action="store_true", help="the large counts")
    parser.add_argument("--faces", default=os.environ.get("FACELEASE_FACES", ""), help="photographs to measure on")
    given = parser.parse_args()
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", "tests/promises"]
    command += ["--full"] if given.full else []
    command += ["--faces", given.faces] if given.faces else []
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if PROMISE_LINE.match(line)]
    for line in sorted(lines, key=_sort_key):
        print(line)
    if done.returncode:
        print(done.stdout[-6000:], done.stderr[-2000:], sep="\n", file=sys.stderr)
        print("A promise is broken: see above.", file=sys.stderr)
    sys.exit(1 if done.returncode else 0)


def _sort_key(line: str) -> tuple[str, int, str]:
    found = PROMISE_LINE.match(line)
    return (found[1], int(found[2]), line) if found else ("", 0, line)


if __name__ == "__main__":
    main()
