"""Who is here: a visit is a row of the store, found by the token in the cookie (see visit_session.py).

The link is looked up anew at every request, so that one that was revoked or has expired ends the visit.
"""

from collections.abc import Collection
from typing import cast

from flask import session

from plugin.errors import LinkRefused
from plugin.flows.access import links
from plugin.flows.access import visits as flow
from plugin.flows.access.links import Kind
from plugin.flows.common.services import Services
from sidecar.sign.visit_session import LANGUAGE, LINK, VisitSession

SIGNING = frozenset({Kind.SIGN, Kind.RENEW, Kind.MAJORITY, Kind.SHOOT})


def begin(link: links.Known) -> None:
    """A new visit by this link, with a token of its own. The one that was open here before ends."""
    session.clear()
    _here().begin(str(link.id))


def follow(link_id: str) -> None:
    """What follows a form that was signed: a new visit, by this link, with a token of its own.

    The one before is left to its own end: a browser that got no answer sends the form once more, with the cookie
    that it has.
    """
    here = _here()
    here.forget()
    here.begin(link_id)


def _here() -> VisitSession:
    return cast(VisitSession, session)


def current(services: Services, kinds: Collection[Kind]) -> links.Known:
    """The link of this visit. Raises LinkRefused where there is none, of these kinds, that still opens."""
    link = links.by_id(services, held())
    if Kind(link.kind) not in kinds:
        raise LinkRefused("unknown")
    return link


def held() -> str:
    """The id of the link that this visit was opened with. Raises LinkRefused where there was none."""
    held = session.get(LINK)
    if not isinstance(held, str):
        raise LinkRefused("unknown")
    return held


def speak(language: str) -> None:
    """From now on this visitor is spoken to in `language`."""
    session[LANGUAGE] = language


def language(otherwise: str) -> str:
    """The language that the visitor chose, or `otherwise`."""
    chosen = session.get(LANGUAGE)
    return chosen if isinstance(chosen, str) else otherwise


def token() -> str:
    """The token of this visit. Raises LinkRefused where there is none."""
    found = _here().token
    if found is None:
        raise LinkRefused("unknown")
    return found


def is_open(services: Services) -> bool:
    """Whether this visit is still open, now that some may have been closed."""
    found = flow.find(services, token())
    return found is not None and not found.over
