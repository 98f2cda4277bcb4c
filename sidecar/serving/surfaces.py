"""Surfaces by path: each has a budget of threads, queue and memory, and limits for bodies."""

from dataclasses import dataclass
from enum import StrEnum

from plugin.hooks.webhooks import events
from sidecar.api.quitclaims import MAX_BODY_BYTES as MOST_API_BYTES
from sidecar.api.routes import PREFIX
from sidecar.dam import downloads, panel, webhooks
from sidecar.sign.sessions import CONSOLE, SIGN
from sidecar.web import staff_sign_in, uploads

ANONYMOUS_BYTES = 16_384
"""Limit for senders who are not authenticated: forms without pictures."""

REFERENCES_PATH = f"{SIGN}/me/references"
"""A person's own reference photographs."""

_FORM_BYTES = 1 << 20  # as the app's MAX_CONTENT_LENGTH


class Surface(StrEnum):
    """Load on one surface takes no threads and no memory of another."""

    PUBLIC = "public"
    UPLOADS = "uploads"
    STAFF = "staff"
    DAM = "dam"
    PROGRAMS = "programs"
    OWN = "own"


@dataclass(frozen=True)
class Budget:
    """`threads` that answer, requests `waiting` for one of them, and `held` bytes of bodies in memory."""

    threads: int
    waiting: int
    held: int


BUDGETS = {
    Surface.PUBLIC: Budget(4, 200, 8 << 20),
    Surface.UPLOADS: Budget(2, 300, 2 * uploads.FORM_BYTES + (16 << 20)),
    Surface.STAFF: Budget(4, 100, 8 << 20),
    Surface.DAM: Budget(4, 400, 8 << 20),
    Surface.PROGRAMS: Budget(4, 100, 4 * MOST_API_BYTES),
    Surface.OWN: Budget(2, 100, 1 << 20),
}
"""Together some 230 MB of bodies at most; a form with photographs is held once, and two are worked on at a time."""


@dataclass(frozen=True)
class Place:
    """Surface of a request and its limits in bytes: `free` for anybody, `most` for authenticated senders."""

    surface: Surface
    free: int
    most: int

    def with_body(self) -> "Place":
        """The place for a body larger than `free`: photographs do not queue with pages."""
        return Place(Surface.UPLOADS, self.free, self.most) if self.surface is Surface.PUBLIC else self


def _is_under(path: str, *prefixes: str) -> bool:
    return any(path == one or path.startswith(f"{one}/") for one in prefixes)


def find_place(path: str) -> Place:
    """The surface of a path, and the bodies that it takes."""
    if _is_under(path, REFERENCES_PATH):  # megabytes go out: beside the pages, as what comes in
        return Place(Surface.UPLOADS, ANONYMOUS_BYTES, ANONYMOUS_BYTES)
    if _is_under(path, SIGN):
        large = {f"{SIGN}/form": uploads.FORM_BYTES, f"{SIGN}/photo": uploads.PHOTO_BYTES}
        return Place(Surface.PUBLIC, ANONYMOUS_BYTES, large.get(path, _FORM_BYTES))
    if _is_under(path, CONSOLE):
        return Place(Surface.STAFF, ANONYMOUS_BYTES, _FORM_BYTES)
    if _is_under(path, staff_sign_in.PATH):
        return Place(Surface.STAFF, ANONYMOUS_BYTES, ANONYMOUS_BYTES)
    if _is_under(path, webhooks.PATH, panel.PATH, downloads.PATH):
        return Place(Surface.DAM, events.MOST_BYTES, events.MOST_BYTES)
    if _is_under(path, PREFIX):
        return Place(Surface.PROGRAMS, ANONYMOUS_BYTES, MOST_API_BYTES)
    return Place(Surface.OWN, ANONYMOUS_BYTES, ANONYMOUS_BYTES)
