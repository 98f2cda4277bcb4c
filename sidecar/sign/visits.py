"""Who is here: a session on /s holds the id of the link that it was opened with, and little else.

The link is looked up anew at every request, so that one that was revoked or has expired ends the visit.
"""

from collections.abc import Collection
from typing import Any

from flask import session
from sqlalchemy import Row

from plugin.errors import LinkRefused
from plugin.flows import links
from plugin.flows.links import Kind
from plugin.flows.services import Services

SIGNING = frozenset({Kind.SIGN, Kind.RENEW, Kind.MAJORITY, Kind.SHOOT})
_LINK = "link"
_LANGUAGE = "language"


def begin(link: Row[Any]) -> None:
    """A new visit by this link; whatever was in the session before is gone."""
    session.clear()
    session[_LINK] = str(link.id)


def current(services: Services, kinds: Collection[Kind]) -> Row[Any]:
    """The link of this visit. Raises LinkRefused where there is none, of these kinds, that still opens."""
    link = links.by_id(services, held())
    if Kind(link.kind) not in kinds:
        raise LinkRefused("unknown")
    return link


def held() -> str:
    """The id of the link that this visit was opened with. Raises LinkRefused where there was none."""
    held = session.get(_LINK)
    if not isinstance(held, str):
        raise LinkRefused("unknown")
    return held


def speak(language: str) -> None:
    """From now on this visitor is spoken to in `language`."""
    session[_LANGUAGE] = language


def language(otherwise: str) -> str:
    """The language that the visitor chose, or `otherwise`."""
    chosen = session.get(_LANGUAGE)
    return chosen if isinstance(chosen, str) else otherwise
