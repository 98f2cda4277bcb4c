"""The names that a photograph in a folder may have, beyond those shown."""

from plugin.errors import Unreadable
from plugin.hooks.dam import Resource
from plugin.hooks.name_spellings import list_keys
from plugin.hooks.names_in_files.name_reading import PhotoReading

_MOST = 20_000  # keys: a photograph with more is not indexed


def list_name_keys(reading: PhotoReading) -> frozenset[str] | None:
    """The keys of all names that its texts can be read as; None where there are too many: it counts as unread."""
    found: set[str] = set()
    for text in (*reading.texts, *(named.node for named in reading.names)):
        found |= list_keys(text)
        if len(found) > _MOST:
            return None
    return frozenset(found)


def refuse_unread(resource: Resource) -> Resource:
    """Raises Unreadable where names may exist that were not read: they are not gone."""
    if resource.unread:
        raise Unreadable(f"{resource.ref}: the file, its sidecar or a list beside it cannot be read for names")
    return resource
