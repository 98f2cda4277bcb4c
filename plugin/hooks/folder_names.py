"""A name looked for on the photographs of a folder."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import islice
from pathlib import Path

from plugin.errors import DamError, NamesUnread
from plugin.hooks.dam import Resource, node_key
from plugin.hooks.name_reading import Reading

Read = Callable[[Sequence[Path], Collection[str]], Iterator[Reading]]
_AT_ONCE = 200


class NameSearch:
    """Reads every file that it is given; one that cannot be read keeps it from none of the others."""

    def __init__(self, root: Path, read: Read) -> None:
        self._root = root
        self._read = read

    def holders(self, key: str, refs: Sequence[str]) -> Iterator[str]:
        """Those that name it. Raises NamesUnread at the end, where some could not be read."""
        unread = 0
        for reading in self._readings({key}, refs):
            if any(node_key(named.node) == key for named in reading.names):
                yield reading.photo.relative_to(self._root).as_posix()
            elif reading.unread:
                unread += 1
        if unread:
            raise NamesUnread(unread)

    def standing(self, keys: Collection[str], refs: Sequence[str], despite_unread: bool) -> dict[str, int]:
        """On how many of them each of the names stands."""
        counts: Counter[str] = Counter()
        unread = 0
        for reading in self._readings(keys, refs):
            counts.update({node_key(named.node) for named in reading.names} & set(keys))
            unread += reading.unread is not None
        if unread and not despite_unread:
            raise NamesUnread(unread)
        return dict(counts)

    def _readings(self, keys: Collection[str], refs: Sequence[str]) -> Iterator[Reading]:
        left = iter(refs)
        while some := [self._root / ref for ref in islice(left, _AT_ONCE)]:
            yield from self._read(some, keys)


def whole(resource: Resource) -> Resource:
    """Raises DamError where there may be names that were not read: they are not gone."""
    if resource.unread:
        raise DamError(f"{resource.ref}: the file, its sidecar or a list beside it cannot be read for names")
    return resource
