"""The smallest preview that serves, and its bytes; never the "no preview" picture in its stead."""

from collections.abc import Sequence

from plugin.errors import DamError
from plugin.hooks.resourcespace.answers import Row, whole
from plugin.hooks.resourcespace.client import Client

NOT_YET = "there is no preview yet: it is made a little later"
_TYPES = {"jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
_ICON = 4096  # bytes: the "no preview" picture, a PNG, is smaller; a photograph's preview is not


def chosen(sizes: Sequence[Row], side: int) -> Row:
    """Of what exists, the smallest preview whose longer side has `side` px, else the largest one.

    The original is left alone: fetching it counts as a download. Raises DamError where there is no preview.
    """
    previews = [size for size in sizes if size.get("size_code") != "original" and size.get("url")]
    if not previews:
        raise DamError(NOT_YET)
    large_enough = [size for size in previews if _side(size) >= side]
    return min(large_enough, key=_side) if large_enough else max(previews, key=_side)


def _side(size: Row) -> int:
    return max(whole(size.get("width") or 0), whole(size.get("height") or 0))


def fetched(client: Client, url: str, extension: str, limit: int) -> bytes:
    """The preview's bytes. Raises DamError where something else is sent, whatever its status.

    A missing preview is answered with a small PNG and status 200; a key that ran out, with a
    redirect to a sign-in page.
    """
    status, kind, data = client.fetch(url, limit)
    if 300 <= status < 400:
        raise DamError("a preview was answered with a redirect to a sign-in page: its address has run out")
    if status == 404:
        raise DamError(NOT_YET)
    if status != 200:
        raise DamError(f"a preview was answered with status {status}")
    if kind == "image/png" and (len(data) < _ICON or extension.lower() != "png"):
        raise DamError(NOT_YET)
    if kind != _TYPES.get(extension.lower()):
        raise DamError("a preview was answered with something that is not a picture of its kind")
    return data
