"""Clearance at the size of a whole library: one photograph, all of them, and what a withdrawal costs.

The same is measured in a library a tenth of the size: what a withdrawal costs grows with the
photographs that it touches, and not with the library.
"""

import random
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, delete, select, update

from bench.figures import Figure, Workshop
from bench.library import FACES, Library, build_library
from plugin.flows.clearance import cleared_photos, photo_answers
from plugin.flows.consent import cuts, withdrawal
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.answers import IntendedUse
from sidecar.running.runner import Runner

MANY, FEW = 5000, 50
_ASKED = 2000
_USE = IntendedUse("communication", "social media")


@dataclass(frozen=True)
class WithdrawalCost:
    """Medians in ms: the ending commit, and recomputing a photograph behind it."""

    commit: float
    recompute: float
    times: int


def run(workshop: Workshop) -> Iterator[Figure]:
    """clear_*: answers; end_*: withdrawals. Both libraries are made here, in a store of their own."""
    small: dict[int, WithdrawalCost] = {}
    with build_library(workshop.scratch / "tenth", max(workshop.photos // 10, 20 * MANY), {MANY: 3, FEW: 5}) as library:
        _check_library(library)
        small = {size: _measure_withdrawals(library, size) for size in (MANY, FEW)}
        tenth = library.photos
    began = time.perf_counter()
    with build_library(workshop.scratch / "whole", max(workshop.photos, 20 * MANY), {MANY: 3, FEW: 5}) as library:
        size = f"{library.photos} photos, {library.photos * FACES} faces, {library.people} people"
        size += f"; SQLite, made in {time.perf_counter() - began:.0f} s"
        _check_library(library)
        yield from _measure_answers(library, size)
        yield from _measure_lists(library)
        large = {touched: _measure_withdrawals(library, touched) for touched in (MANY, FEW)}
    yield from _report_withdrawals(large, small, tenth)


def _measure_answers(library: Library, size: str) -> Iterator[Figure]:
    numbers = random.Random(1).sample(range(1, library.photos + 1), _ASKED)
    took = sorted(
        _measure_ms(lambda n=n: photo_answers.answer_photo(library.services, str(n), _USE.purpose, _USE.channel))  # type: ignore[misc]
        for n in numbers
    )
    yield Figure("clear_one_p50", round(statistics.median(took), 2), " ms", f"{_ASKED} photographs of {size}")
    yield Figure("clear_one_p99", round(took[int(len(took) * 0.99)], 2), " ms")
    refs = [str(n) for n in numbers[:1000]]
    batch = _measure_ms(lambda: photo_answers.answer_photos(library.services, refs, [_USE]))
    yield Figure("clear_batch_1000", round(batch, 1), " ms", "1,000 photographs in one question")


def _measure_lists(library: Library) -> Iterator[Figure]:
    services = library.services
    last = services.today() + timedelta(days=90)
    span = cleared_photos.span_until(services, _USE.purpose, _USE.channel, last)
    with services.store.read() as conn:
        found = cleared_photos.count(conn, span)
        first = _median(lambda: cleared_photos.list_page(conn, span))
        counted = _median(lambda: cleared_photos.count(conn, span))
        far = _median(lambda: cleared_photos.list_page(conn, span, _find_middle(conn, span)))
    what = f"all cleared for {_USE.channel} from now through day 90"
    yield Figure("cleared_first_page", round(first, 2), " ms", f"{what}, 100 of {found}")
    yield Figure("cleared_far_page", round(far, 2), " ms", "a page from the middle, by the mark of the one before")
    yield Figure("cleared_count", round(counted, 1), " ms", f"{found}, exact")


def _find_middle(conn: Connection, span: cleared_photos.UseSpan) -> str:
    end = span.end + timedelta(days=300)
    return cleared_photos.list_page(
        conn, cleared_photos.UseSpan(span.purpose, span.channel, span.start, end), "", 1
    ).next


def _measure_withdrawals(library: Library, touched: int) -> WithdrawalCost:
    """Every one of these people withdraws; then their photographs are recomputed, after their tags."""
    services = library.services
    commits, recomputes = [], []
    for person_id in library.withdrawing[touched]:
        commits.append(_measure_ms(lambda: withdrawal.withdraw(services, person_id, None, "bench")))  # noqa: B023
        Runner(services).drain([cuts.JOB])
        with services.store.read() as conn:
            ids = photo_answers.list_resources_naming(conn, person_id)
        if len(ids) != touched:
            raise SystemExit(f"{len(ids)} photographs instead of {touched}: the library is not what was asked for")
        _remove_names(library, person_id)
        recomputes.append(_measure_ms(lambda: photo_answers.recompute_many(services, ids)) / touched)  # noqa: B023
    return WithdrawalCost(statistics.median(commits), statistics.median(recomputes), len(commits))


def _remove_names(library: Library, person_id: str) -> None:
    """Remove tags and names of faces, as the revocation job would have."""
    with library.services.store.write() as tx:
        tx.execute(delete(t.tag).where(t.tag.c.person_id == person_id))
        bare = {"state": "unmatched", "person_id": None}
        tx.execute(update(t.face).where(t.face.c.person_id == person_id).values(**bare))


def _report_withdrawals(
    large: dict[int, WithdrawalCost], small: dict[int, WithdrawalCost], tenth: int
) -> Iterator[Figure]:
    many, few = large[MANY], large[FEW]
    said = f"the ending commit of a withdrawal that touches {MANY} photographs, median of {many.times}; "
    said += f"in {tenth} photographs {small[MANY].commit:.1f} ms"
    yield Figure("end_commit_5000", round(many.commit, 1), " ms", said)
    said = f"{FEW} photographs; in {tenth} photographs {small[FEW].commit:.1f} ms"
    yield Figure("end_commit_50", round(few.commit, 1), " ms", said)
    said = f"the same commit for {MANY} and for {FEW} photographs: constant, the rows follow by job"
    yield Figure("commit_ratio_5000_50", round(many.commit / few.commit, 1), "", said)
    said = f"a photograph, of {MANY}, date fields included; of {FEW} {few.recompute:.2f} ms; "
    said += f"in {tenth} photographs {small[MANY].recompute:.2f} ms"
    yield Figure("recompute_photo", round(many.recompute, 2), " ms", said)


def _check_library(library: Library) -> None:
    """Fail where the inserted clearances differ from what the rules compute."""
    services = library.services
    ids = random.Random(2).sample(range(1, library.photos + 1), 200)
    stored = select(t.clearance).where(t.clearance.c.resource_id.in_(ids))
    with services.store.read() as conn:
        before = {tuple(row) for row in conn.execute(stored)}
    photo_answers.recompute_many(services, ids)
    with services.store.read() as conn:
        after = {tuple(row) for row in conn.execute(stored)}
    if not before or before != after:
        raise SystemExit("the library's clearances are not those of the rules")


def _measure_ms(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1000


def _median(act: Callable[[], object]) -> float:
    return statistics.median(_measure_ms(act) for _ in range(9))
