"""The time of /ready in a large library and in a small one: files in one folder, and photographs in the store."""

import time
from collections.abc import Iterator
from contextlib import ExitStack

from bench.entering import make_tree, register_files
from bench.figures import Figure, Workshop
from bench.library import build_library
from plugin.flows.schedule import calendar
from sidecar.app import create_app

_LARGE, _SMALL = 100_000, 100
_TRIES = 101
_FEWEST = 250  # rows that the synthetic library can have


def run(workshop: Workshop) -> Iterator[Figure]:
    """ready_ratio_100k_100."""
    with ExitStack() as stack:
        clients, houses = {}, []
        for files in (_SMALL, _LARGE):
            root = workshop.scratch / f"ready-{files}"
            make_tree(root / "tree", files, 1)
            (root / "tree" / "f000").rename(root / "photos")  # in one folder, the root itself
            library = stack.enter_context(build_library(root, max(files, _FEWEST), {}))
            register_files(library.services)
            houses.append(library.services)
            clients[files] = create_app(library.services.config, library.services).test_client()
        for services in houses:
            calendar.sweep_endings(services)
        took: dict[int, list[float]] = {files: [] for files in clients}
        for _ in range(_TRIES):  # by turns: the machine may not be ours alone
            for files, client in clients.items():
                began = time.perf_counter()
                answer = client.get("/ready")
                took[files].append(time.perf_counter() - began)
                assert answer.status_code == 200, answer.get_data(as_text=True)
    small, large = (sorted(took[files])[_TRIES // 2] for files in (_SMALL, _LARGE))
    remarks = (
        f"{large * 1000:.1f} ms at {_LARGE} photographs, {small * 1000:.1f} ms at {_SMALL}, median of {_TRIES}; files "
        f"in one folder, and as many photographs in the store (SQLite), {_FEWEST} at the least"
    )
    yield Figure(f"ready_ratio_{_LARGE // 1000}k_{_SMALL}", round(large / small, 2), remarks=remarks)
