"""The photographs that lay under a ruling, and where they are now: they identify a collection that lost its mark."""

from collections import Counter
from collections.abc import Collection, Sequence
from functools import cached_property

from sqlalchemy import select

from plugin.errors import DamError
from plugin.flows.common.services import Services
from plugin.hooks.dam import Change, ChangeKind
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.scope import Mode

_LOOKS = 200  # photographs that are compared with what was known of them, at the most


class RuledPhotographs:
    """Those that the ledger knows in the collection `ref`; `changes` are from the DAM and not entered yet."""

    def __init__(self, services: Services, ref: str, changes: Sequence[Change]) -> None:
        self._services = services
        self._ref = ref
        self._moved = {c.old_ref: c.ref for c in changes if c.what is ChangeKind.MOVED and c.old_ref}
        self._deleted = {c.ref for c in changes if c.what is ChangeKind.DELETED}
        self._replaced = {c.ref for c in changes if c.what is ChangeKind.REPLACED}

    @cached_property
    def _known(self) -> dict[str, str]:
        query = (
            select(t.resource.c.ref, t.resource.c.file_version)
            .join(t.resource_collection, t.resource_collection.c.resource_id == t.resource.c.id)
            .where(t.resource_collection.c.collection_ref == self._ref, t.resource.c.deleted_at.is_(None))
            .order_by(t.resource.c.ref)
        )
        with self._services.store.read() as conn:
            return {row.ref: row.file_version for row in conn.execute(query)}

    def went_to(self, collection: str) -> bool:
        """Whether one of them moved into `collection`."""
        news = (self._moved[old] for old in self._known if old in self._moved)
        return any(collection in self._services.dam.lies_in(new) for new in news)

    def stay(self, mode: str) -> bool:
        """Whether most of them lie where they lay: then it is the same collection, put back or mounted again.

        Where none is known, only a ruling that forbids all stays with the name.
        """
        if not self._known:
            return mode == Mode.NEVER.value
        some = list(self._known.items())[:_LOOKS]
        there = [ref for ref, version in some if ref not in self._replaced and self._lies(ref, version)]
        return 2 * len(there) > len(some)

    def _lies(self, ref: str, version: str) -> bool:
        try:
            return self._services.dam.picture(ref).file_version == version
        except DamError:
            return False

    def target(self, ruled: Collection[str]) -> str | None:
        """The one collection in which most of them are now, laid out as they were, and none elsewhere.

        None where that one has a ruling of its own, or is one of those above: it is more than this one was.
        """
        found = Counter(self._counterpart(old, new) for old in self._known for new in self._now(old, self._known[old]))
        if len(found) != 1:
            return None
        target, count = found.most_common()[0]
        above = self._services.dam.lies_in(self._ref)
        fits = target is not None and target not in ruled and target not in above
        return target if fits and 2 * count > len(self._known) else None

    def _now(self, old: str, version: str) -> list[str]:
        if old in self._moved:
            return [self._moved[old]]
        twins = select(t.resource.c.ref).where(
            t.resource.c.file_version == version, t.resource.c.deleted_at.is_(None), t.resource.c.ref != old
        )
        with self._services.store.read() as conn:
            return [ref for ref in conn.scalars(twins) if ref not in self._known and self._lies(ref, version)]

    def _counterpart(self, old: str, new: str) -> str | None:
        """The collection that is to `new` what ours was to `old`."""
        before, after = self._services.dam.lies_in(old), self._services.dam.lies_in(new)
        depth = before.index(self._ref)
        return after[depth] if depth < len(after) else None

    def on_their_way(self) -> bool:
        """Whether one of them is not where it was and the DAM did not say yet what became of it."""
        reported = self._moved.keys() | self._deleted | self._replaced
        waiting = [ref for ref in self._known if ref not in reported][:_LOOKS]
        return any(not self._lies(ref, self._known[ref]) for ref in waiting)
