"""`python -m bench [NAME …]`: run every bench, or those named; prints one line `BENCH name=value` a figure."""

import argparse
import importlib
import os
import pkgutil
import tempfile
from pathlib import Path

import bench
from bench.figures import Workshop

_NO_BENCH = {"__main__", "acts", "engine_pass", "int8_ranges", "library", "preparing", "promises", "workshop"}


def main() -> None:
    """Run the benches one after the other, so that they do not disturb each other."""
    known = sorted({module.name for module in pkgutil.iter_modules(bench.__path__)} - _NO_BENCH)
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *known], metavar="NAME", help=", ".join(known))
    parser.add_argument("--faces", default=os.environ.get("FACELEASE_FACES", ""), help="photographs")
    parser.add_argument("--count", type=int, default=6, help="photographs of each size")
    parser.add_argument("--photos", type=int, default=1_000_000, help="photographs of the synthetic library")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="facelease-bench-") as scratch:
        faces = Path(given.faces).resolve() if given.faces else None
        cache = Path(".cache/models").resolve()
        workshop = Workshop(faces, Path(scratch), cache, given.count, given.photos)
        for name in given.names or known:
            for figure in importlib.import_module(f"bench.{name}").run(workshop):
                print(figure.line(), flush=True)


if __name__ == "__main__":
    main()
