"""Fetches the smallest sufficient preview; never the "no preview" picture."""

from collections.abc import Sequence

from plugin.config.detection_size import detection_px
from plugin.errors import DamError
from plugin.hooks.resourcespace.api.answers import JsonObject, expect_int
from plugin.hooks.resourcespace.api.client import Client
from plugin.hooks.resourcespace.plugin_answers import OriginalAnswer, PhotoAnswer
from plugin.hooks.resourcespace.profile import NO_FILE, PictureSource, is_opened

NOT_YET = "there is no preview yet: it is made a little later"
_TYPES = {"jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
_ICON = 4096  # bytes: the "no preview" picture, a PNG, is smaller; a photograph's preview is not


def choose_preview(sizes: Sequence[JsonObject], side: int) -> JsonObject:
    """The smallest existing preview with a longer side of at least `side` px, else the largest one.

    Not the original: fetching it counts as a download. Not further pages of a document. Raises DamError for none.
    """
    first = [size for size in sizes if expect_int(size.get("page") or 1) == 1]
    previews = [size for size in first if size.get("size_code") != "original" and size.get("url")]
    if not previews:
        raise DamError(NOT_YET)
    large_enough = [size for size in previews if _longer_side(size) >= side]
    return min(large_enough, key=_longer_side) if large_enough else max(previews, key=_longer_side)


def build_source(photo: PhotoAnswer, side: int, recognisable_px: int) -> PictureSource:
    """The source of a photograph's picture from the plugin's answer; `recognisable_px` to examine it.

    Raises DamError while there is no preview: the file may still be arriving.
    """
    if photo.previews is None:
        raise DamError("the plugin in the DAM is older than FaceLease: copy the one that came with it")
    if photo.has_image != 1:
        raise DamError(NOT_YET)
    original = photo.original or OriginalAnswer()
    longest = max(original.width, original.height)
    size = choose_preview([one.model_dump() for one in photo.previews], needed_px(longest, side, recognisable_px))
    handed_out = original.bytes if is_opened(photo.extension) else 0
    version = photo.file_version or NO_FILE
    return PictureSource(version, str(size["url"]), str(size["extension"]), longest, handed_out, photo.turned)


def needed_px(longest: int, side: int, recognisable_px: int) -> int:
    """The longer side that a preview needs; with 0 for `recognisable_px`, to show it."""
    return max(side, detection_px(longest, recognisable_px)) if recognisable_px else side


def original_px(sizes: Sequence[JsonObject]) -> int:
    """The longest side of the original; 0 where it is not listed."""
    return max((_longer_side(size) for size in sizes if size.get("size_code") == "original"), default=0)


def _longer_side(size: JsonObject) -> int:
    return max(expect_int(size.get("width") or 0), expect_int(size.get("height") or 0))


def fetch_preview(client: Client, url: str, extension: str, limit: int) -> bytes:
    """The preview's bytes. Raises DamError where something else is sent, with any status.

    The server answers a missing preview with a small PNG and status 200, an expired key with a redirect to sign in.
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
