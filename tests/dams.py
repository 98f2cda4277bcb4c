"""The folder DAM with something around it: calls that fail, half writes, a record of every write."""

import json
import os
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from plugin.errors import DamError
from plugin.hooks.concern import Concern
from plugin.hooks.dam import (
    Change,
    Collection,
    CollectionRuling,
    Dam,
    Dates,
    Named,
    Names,
    Picture,
    Resource,
    Task,
    Write,
    for_each_ref,
)
from plugin.hooks.left_out import LeftOut
from plugin.hooks.mention import Mentions
from plugin.hooks.name_search import SoughtName


class Through:
    """A DAM that hands every call on."""

    def __init__(self, inner: Dam) -> None:
        self.inner = inner
        self.places = inner.places
        self.dated = inner.dated
        self.named_collections = inner.named_collections
        self.tells_holders = inner.tells_holders
        self.keeps = inner.keeps
        self.at_once = 1  # so that what is put around single calls is around each of many

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

    def holders(self, node: str) -> Iterator[str]:
        return self.inner.holders(node)

    def rulings(self) -> Sequence[CollectionRuling]:
        return self.inner.rulings()

    def identities(self, refs: Iterable[str] | None = None) -> Mapping[str, str]:
        return self.inner.identities(refs)

    def out_of_sight(self, ref: str) -> bool:
        return self.inner.out_of_sight(ref)

    def sure(self, identity: str) -> bool:
        return self.inner.sure(identity)

    def lies_in(self, ref: str) -> tuple[str, ...]:
        return self.inner.lies_in(ref)

    def position(self) -> int | None:
        return self.inner.position()

    def came_back(self, ref: str, named: Named, since: int | None) -> frozenset[str]:
        return self.inner.came_back(ref, named, since)

    def remember(self, ref: str, nodes: Iterable[str]) -> None:
        self.inner.remember(ref, nodes)

    def lost(self, ref: str, node: str, put_at: datetime) -> bool:
        return self.inner.lost(ref, node, put_at)

    def set_back(self) -> bool:
        return self.inner.set_back()

    def set_back_heard(self) -> None:
        self.inner.set_back_heard()

    def concerns(self) -> Sequence[Concern]:
        return self.inner.concerns()

    def refusal(self, node: str) -> str | None:
        return self.inner.refusal(node)

    def standing(self, nodes: Iterable[str]) -> dict[str, int]:
        return self.inner.standing(nodes)

    def mentions(self, sought: SoughtName, beat: Callable[[], None]) -> Mentions:
        return self.inner.mentions(sought, beat)

    def forget(self, node: str) -> bool:
        return self.inner.forget(node)

    def renamed(self) -> Sequence[tuple[str, str]]:
        return self.inner.renamed()

    def state(self, ref: str, until: Dates) -> None:
        self.inner.state(ref, until)

    def write_many(self, tasks: Sequence[Task]) -> Mapping[str, Names | DamError]:
        by_ref = {task.ref: task for task in tasks}
        return for_each_ref(
            by_ref, lambda ref: self.write(ref, by_ref[ref].writes, by_ref[ref].released).names
        )

    def names_on(self, refs: Sequence[str]) -> Mapping[str, Names | DamError]:
        return for_each_ref(refs, lambda ref: self.look(ref).names)

    def leftovers(self, refs: Sequence[str]) -> Mapping[str, int | DamError]:
        return self.inner.leftovers(refs)

    def state_many(self, until: Mapping[str, Dates]) -> Mapping[str, DamError | None]:
        return for_each_ref(until, lambda ref: self.state(ref, until[ref]))


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

    def holders(self, node: str) -> Iterator[str]:
        if self._fate("before") != "well":
            raise DamError("the DAM answered 503")
        return self.inner.holders(node)

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

    def __init__(
        self, inner: Dam, record: Path, at: Callable[[str, str], None] = lambda where, ref: None
    ) -> None:
        super().__init__(inner)
        self._record = record
        self._at = at

    def write(self, ref: str, writes: Sequence[Write], released: bool | None) -> Resource:
        self._at("intent", ref)
        lines = [
            json.dumps(
                {"ref": ref, "node": w.node, "add": w.add, "places": sorted(w.places), "at": time.time()}
            )
            for w in writes
        ]
        with self._record.open("a") as file:
            file.write("".join(line + "\n" for line in lines))
            file.flush()
            os.fsync(file.fileno())
        done = self.inner.write(ref, writes, released)
        self._at("call", ref)
        return done
