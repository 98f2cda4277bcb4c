"""What a look at a photograph of a folder says of names beside those that it shows."""

from plugin.errors import Unreadable
from plugin.hooks.dam import Resource
from plugin.hooks.name_spellings import keys_in
from plugin.hooks.names_in_files.name_reading import Reading

_MOST = 20_000  # keys: a photograph with more is not indexed


def words(reading: Reading) -> frozenset[str] | None:
    """The keys of all names that its texts can be read as; None where there are too many: it counts as unread."""
    found: set[str] = set()
    for text in (*reading.texts, *(named.node for named in reading.names)):
        found |= keys_in(text)
        if len(found) > _MOST:
            return None
    return frozenset(found)


def whole(resource: Resource) -> Resource:
    """Raises Unreadable where there may be names that were not read: they are not gone."""
    if resource.unread:
        raise Unreadable(
            f"{resource.ref}: the file, its sidecar or a list beside it cannot be read for names"
        )
    return resource
