"""The folder DAM with something around it: calls that fail, half writes, a record of every write."""

import json
import os
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

from plugin.errors import DamError
from plugin.hooks.concern import Concern
from plugin.hooks.dam import (
    Accounts,
    Change,
    Collection,
    Dam,
    HasPages,
    KeepsLog,
    KeepsModes,
    KeepsVersions,
    ListsNames,
    Named,
    NamedCollections,
    Names,
    Picture,
    Resource,
    ShowsDates,
    Task,
    TellsHolders,
    Write,
    for_each_ref,
)
from plugin.hooks.left_out import LeftOut
from plugin.hooks.mention import Mentions
from plugin.hooks.name_search import SoughtName

CAPABILITIES: tuple[type[Any], ...] = (
    Accounts,
    HasPages,
    KeepsLog,
    KeepsModes,
    KeepsVersions,
    ListsNames,
    NamedCollections,
    ShowsDates,
    TellsHolders,
)


class Through:
    """A DAM that hands every call on."""

    def __init__(self, inner: Dam) -> None:
        self.inner = inner
        self.places = inner.places
        self.keeps = inner.keeps
        self.title = inner.title
        self.at_once = 1  # so that what is put around single calls is around each of many
        for able in CAPABILITIES:
            for name in vars(able) if isinstance(inner, able) else ():
                if not name.startswith("_"):
                    setattr(self, name, getattr(inner, name))

    def close(self) -> None:
        self.inner.close()

    @property
    def limits(self) -> tuple[str, ...]:
        return self.inner.limits

    def collections(self) -> Sequence[Collection]:
        return self.inner.collections()

    def changes(self) -> Sequence[Change]:
        return self.inner.changes()

    def acknowledge(self, changes: Sequence[Change]) -> None:
        self.inner.acknowledge(changes)

    def reach(self) -> None:
        self.inner.reach()

    def one_walk(self) -> AbstractContextManager[None]:
        return self.inner.one_walk()

    def refs(self, *collections: str) -> Iterator[str]:
        return self.inner.refs(*collections)

    def left_out(self) -> Sequence[LeftOut]:
        return self.inner.left_out()

    def look(self, ref: str) -> Resource:
        return self.inner.look(ref)

    def read_anew(self, ref: str) -> None:
        self.inner.read_anew(ref)

    def picture(self, ref: str) -> Picture:
        return self.inner.picture(ref)

    def preview(self, ref: str) -> Picture:
        return self.inner.preview(ref)

    def write(self, ref: str, writes: Sequence[Write], released: bool | None) -> Resource:
        return self.inner.write(ref, writes, released)

    def lies_in(self, ref: str) -> tuple[str, ...]:
        return self.inner.lies_in(ref)

    def came_back(self, ref: str, named: Named, since: int | None) -> frozenset[str]:
        return self.inner.came_back(ref, named, since)

    def remember(self, ref: str, nodes: Iterable[str]) -> None:
        self.inner.remember(ref, nodes)

    def concerns(self) -> Sequence[Concern]:
        return self.inner.concerns()

    def refusal(self, node: str) -> str | None:
        return self.inner.refusal(node)

    def mentions(self, sought: SoughtName, beat: Callable[[], None]) -> Mentions:
        return self.inner.mentions(sought, beat)

    def write_many(self, tasks: Sequence[Task]) -> Mapping[str, Names | DamError]:
        by_ref = {task.ref: task for task in tasks}
        return for_each_ref(by_ref, lambda ref: self.write(ref, by_ref[ref].writes, by_ref[ref].released).names)

    def names_on(self, refs: Sequence[str]) -> Mapping[str, Names | DamError]:
        return for_each_ref(refs, lambda ref: self.look(ref).names)


class Failing(Through):
    """Fails `share` of its calls: before the act, after it, or (a write) half done."""

    def __init__(self, inner: Dam, share: float, seed: int) -> None:
        super().__init__(inner)
        self.share = share
        self.failed = 0
        self.calls = 0
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def _fate(self, *fates: str) -> str:
        with self._lock:
            self.calls += 1
            if self._random.random() >= self.share:
                return "well"
            self.failed += 1
            return self._random.choice(fates)

    def look(self, ref: str) -> Resource:
        if self._fate("before", "time-out") != "well":
            raise DamError("the DAM answered 500")
        return self.inner.look(ref)

    def picture(self, ref: str) -> Picture:
        if self._fate("before") != "well":
            raise DamError("the DAM answered 502")
        return self.inner.picture(ref)

    def write(self, ref: str, writes: Sequence[Write], released: bool | None) -> Resource:
        fate = self._fate("before", "after", "half")
        if fate == "before":
            raise DamError("the DAM answered 500 and did nothing")
        if fate == "half":
            some = [replace(w, places=w.places & {"exif"}) for w in writes]
            self.inner.write(ref, [w for w in some if w.places], released)
            raise DamError("the DAM answered 500 and did half of it")
        done = self.inner.write(ref, writes, released)
        if fate == "after":
            raise DamError("the DAM did it and its answer timed out")
        return done


class Recording(Through):
    """Writes a line to a file for every write, before it is made; `at` is told where we are."""

    def __init__(self, inner: Dam, record: Path, at: Callable[[str, str], None] = lambda where, ref: None) -> None:
        super().__init__(inner)
        self._record = record
        self._at = at

    def write(self, ref: str, writes: Sequence[Write], released: bool | None) -> Resource:
        self._at("intent", ref)
        lines = [
            json.dumps({"ref": ref, "node": w.node, "add": w.add, "places": sorted(w.places), "at": time.time()})
            for w in writes
        ]
        with self._record.open("a") as file:
            file.write("".join(line + "\n" for line in lines))
            file.flush()
            os.fsync(file.fileno())
        done = self.inner.write(ref, writes, released)
        self._at("call", ref)
        return done
