"""L2 and L3 on a server: what its log tells is noticed, editors lose nothing."""

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from plugin.clock import ManualClock
from plugin.flows.common.services import Services
from plugin.flows.schedule import calendar
from plugin.hooks.dam import Write
from plugin.hooks.resourcespace.adapter import ResourceSpaceDam
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.scope import Mode
from plugin.recognizer.process.examiner import Examiner
from tests import on_double, support
from tests.doubles.resourcespace import Double
from tests.doubles.resourcespace_house import jpeg, on, store
from tests.doubles.resourcespace_state import ADMIN, SUPER, Library

Promise = Callable[[str, str], None]
NODE = frozenset({"node"})


def _ledger(services: Services) -> dict[str, tuple[str, frozenset[str], frozenset[str]]]:
    """What the ledger holds of each resource: its file, its collections, its names."""
    with services.store.read() as conn:
        rows = conn.execute(select(t.resource).where(t.resource.c.deleted_at.is_(None))).all()
        return {
            row.ref: (
                row.file_version,
                frozenset(
                    conn.scalars(
                        select(t.resource_collection.c.collection_ref).where(
                            t.resource_collection.c.resource_id == row.id
                        )
                    )
                ),
                frozenset(conn.scalars(select(t.tag.c.node).where(t.tag.c.resource_id == row.id))),
            )
            for row in rows
        }


def _noticed(services: Services, refs: list[str]) -> int:
    """How many of these stand in the ledger as in the DAM; one that is gone there is gone here."""
    kept = _ledger(services)
    right = 0
    for ref in refs:
        try:
            now = services.dam.look(ref)
        except Exception:  # gone
            right += ref not in kept
            continue
        there = (now.file_version, frozenset(now.collections), frozenset(n.node for n in now.names))
        right += kept.get(ref) == there
    return right


# ---- L2 -----------------------------------------------------------------------------------------


def _logged(library: Library, refs: list[int]) -> None:
    """One of each kind of event that the log has, round and round."""
    for number, ref in enumerate(refs):
        kind = number % 5
        if kind == 0:
            library.edit(ref, ["Åsa Öberg"])
        elif kind == 1:
            library.upload(ref, jpeg(400, 300, shade=200 - number), "b.jpg", 1, replace=True)
        elif kind == 2:
            library.edit(ref, ["Berg, Anna"], ["Bo Ek"])
        elif kind == 3:
            library.delete(ref, 1)
            library.delete(ref, 1)
        else:
            library.delete(ref, 1)


def _unlogged(library: Library, known: list[int], unknown: list[int], on_ref: int) -> None:
    """What leaves no row: membership of collections, and a name's new spelling."""
    library.shelves[on_ref].resources += unknown
    library.node("Bo Ek").name = "Bo Ek-Lund"
    for number, ref in enumerate(known):
        if number % 2:
            library.shelves[on_ref].resources.remove(ref)
        else:
            library.collect("another", 2, [ref])


@pytest.mark.promise
def test_without_the_plugin_nothing_stays_unnoticed(
    tmp_path: Path, clock: ManualClock, examiner: Examiner, full: bool, promise: Promise
) -> None:
    """No event is ever delivered: what the log records stands in the ledger after one poll, the rest after
    one sweep. Names, files, the bin and the end; collections, old photographs put into one, renamed names."""
    count = 200 if full else 20
    with Double(plugin=False) as double, on_double.house(tmp_path, double, clock, examiner, count // 4) as services:
        cast, library = support.Cast(services), double.library
        old = list(library.photos)  # these were there before us
        refs = [double.photo(jpeg(400, 300, shade=number % 200)) for number in range(count)]
        for ref in refs:
            library.edit(ref, ["Bo Ek"])
        shoot = library.collect("shoot", 2, refs)
        cast.open_collection(str(shoot.ref), Mode.DETECT)
        calendar.poll_dam(services)
        cast.work()
        assert _noticed(services, list(map(str, refs))) == count

        _logged(library, refs)
        began = time.monotonic()
        calendar.poll_dam(services)
        cast.work()
        slowest = time.monotonic() - began
        logged = _noticed(services, list(map(str, refs)))

        binned = [ref for ref in refs if ref in library.photos and library.photos[ref].archive == 3]
        rows = len(library.log)
        for ref in binned:
            library.delete(ref, 1)
        assert {row["type"] for row in library.log[rows:]} == {"xx"}  # nothing else tells of their end
        standing = len(binned) - len(set(map(str, binned)) - _ledger(services).keys())
        calendar.poll_dam(services)
        cast.work()
        ended = len(set(map(str, binned)) - _ledger(services).keys())

        left = [ref for ref in refs if ref in library.photos and library.photos[ref].archive == 0]
        _unlogged(library, left, old, shoot.ref)
        before = _noticed(services, list(map(str, left + old)))
        calendar.poll_dam(services)
        cast.work()
        assert _noticed(services, list(map(str, left + old))) == before
        began = time.monotonic()
        calendar.begin_comparison(services)
        cast.work()
        unlogged = _noticed(services, list(map(str, left + old)))
        sweep = time.monotonic() - began
    every = len(left) + len(old)
    promise(
        "L2",
        f"logged changes noticed {logged} of {count} by one poll, slowest {slowest:.1f} s; deleted for good "
        f"{ended} of {len(binned)} by that row alone; unlogged "
        f"{unlogged} of {every} by one sweep, slowest {sweep:.1f} s",
    )
    assert before < every
    assert (logged, unlogged) == (count, every)
    assert len(binned) == standing == ended > 0


# ---- L3 -----------------------------------------------------------------------------------------


@dataclass
class _Watch:
    """How long an editor's work was undone by a write of ours, from the server's own side."""

    library: Library
    ours: int
    kept: dict[int, set[str]] = field(default_factory=dict)
    gone: dict[int, set[str]] = field(default_factory=dict)
    since: dict[tuple[int, str], float] = field(default_factory=dict)
    windows: list[float] = field(default_factory=list)

    def attach(self, monkeypatch: pytest.MonkeyPatch) -> None:
        note = self.library.note

        def noted(ref: int, *more: Any, **named: Any) -> int:
            number = note(ref, *more, **named)
            self.look(ref)
            return number

        monkeypatch.setattr(self.library, "note", noted)

    def look(self, ref: int) -> None:
        people, at = self.library.people(ref), time.monotonic()
        wrong = (self.kept.get(ref, set()) - people) | (self.gone.get(ref, set()) & people)
        for name in wrong:
            self.since.setdefault((ref, name), at)
        for key in [key for key in self.since if key[0] == ref and key[1] not in wrong]:
            self.windows.append(at - self.since.pop(key))

    def edit(self, ref: int, add: list[str], remove: list[str]) -> None:
        """An editor saves: from then on this is what shall stand."""
        with self.library.lock:
            self.library.edit(ref, add, remove)
            self.kept.setdefault(ref, set()).update(add)
            self.gone.setdefault(ref, set()).update(remove)
            self.look(ref)


@dataclass(frozen=True)
class _Outcome:
    edits: int
    writes: int
    lost: int
    undone: int
    window: float
    wrong: int


def _contend(
    root: Path, clock: ManualClock, plugin: bool, group: int, rounds: int, monkeypatch: pytest.MonkeyPatch
) -> _Outcome:
    """Four editors and four of us on the people of two resources, at once."""
    root.mkdir()
    with Double(plugin=plugin) as double, store(root, clock) as ledger:
        library, account = double.library, double.library.add_user("FaceLease", group)
        watch = _Watch(library, account.ref)
        refs = [library.create(1).ref for _ in range(2)]
        for ref in refs:
            library.edit(ref, [f"Before {number}" for number in range(8 * rounds)])
            library.edit(ref, [f"Ours, {number}" for number in range(4 * rounds)], user=account.ref)
        watch.attach(monkeypatch)
        late = _Late(watch, refs, rounds)
        double.before = late.before
        with on(double, account).dam(ledger) as dam:
            failed = _at_once(watch, dam, refs, rounds)
        lost = sum(len(watch.kept[ref] - library.people(ref)) for ref in refs)
        lost += sum(len(watch.gone[ref] & library.people(ref)) for ref in refs)
        ours = {f"Mine {number}" for number in range(4 * rounds)}
        wrong = sum(
            len(ours - library.people(ref)) + sum(name.startswith("Ours") for name in library.people(ref))
            for ref in refs
        )
        edits = sum(len(watch.kept[ref]) + len(watch.gone[ref]) for ref in refs)
    assert not failed
    return _Outcome(edits, 8 * rounds * len(refs), lost, len(watch.windows), max(watch.windows, default=0), wrong)


class _Late:
    """An editor who saves between our reading and our writing, every other time."""

    def __init__(self, watch: _Watch, refs: list[int], rounds: int) -> None:
        self._watch = watch
        self._lock = threading.Lock()
        self._left = [(ref, number) for number in range(4 * rounds, 8 * rounds) for ref in refs]
        self._turn = 0

    def before(self, function: str) -> None:
        if function not in {"update_field", "facelease_apply"}:
            return
        with self._lock:
            self._turn += 1
            if self._turn % 2 or not self._left:
                return
            ref, number = self._left.pop()
        self._watch.edit(ref, [f"Editor's, {number}"], [f"Before {number}"])


def _edits(watch: _Watch, refs: list[int], numbers: range) -> None:
    dice = random.Random(numbers.start)
    for number in numbers:
        for ref in refs:
            watch.edit(ref, [f"Editor's, {number}"], [f"Before {number}"])
        time.sleep(dice.uniform(0.0, 0.03))


def _writes(dam: ResourceSpaceDam, refs: list[int], numbers: range) -> None:
    for number in numbers:
        for ref in refs:
            dam.write(str(ref), [Write(f"Mine {number}", True, NODE)], None)
            dam.write(str(ref), [Write(f"Ours, {number}", False, NODE)], None)


def _at_once(watch: _Watch, dam: ResourceSpaceDam, refs: list[int], rounds: int) -> list[BaseException]:
    """Both, four lanes each; returns what went wrong."""
    lanes = [range(lane * rounds, (lane + 1) * rounds) for lane in range(4)]
    with ThreadPoolExecutor(8) as crew:
        ours = [crew.submit(_writes, dam, refs, lane) for lane in lanes]
        theirs = [crew.submit(_edits, watch, refs, lane) for lane in lanes]
    return [error for future in (*ours, *theirs) if (error := future.exception())]


@pytest.mark.promise
def test_an_editors_edit_at_the_same_time_is_never_lost(
    tmp_path: Path, clock: ManualClock, full: bool, promise: Promise, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Editors put names on and take names off while we do the same, on the same field: every one of theirs
    stands in the end, and ours do. Without the plugin a stale write of ours is put right from the log."""
    rounds = 25 if full else 6
    bound = _contend(tmp_path / "with", clock, True, SUPER, rounds, monkeypatch)
    without = [
        _contend(tmp_path / f"without{group}", clock, False, group, rounds, monkeypatch) for group in (SUPER, ADMIN)
    ]
    lost, undone = sum(one.lost for one in without), sum(one.undone for one in without)
    promise(
        "L3",
        f"edits {bound.edits} with: lost {bound.lost}; edits {sum(one.edits for one in without)} without: undone "
        f"{undone}, lost after repair {lost}, window {max(one.window for one in without) * 1000:.0f} ms",
    )
    assert (bound.lost, bound.undone, lost) == (0, 0, 0)
    assert [one.wrong for one in (bound, *without)] == [0, 0, 0]
    assert undone > 0, "nobody was ever in the way: the test proves nothing"
