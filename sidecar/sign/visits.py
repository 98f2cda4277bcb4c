"""The visit of this request: a row of the store, found by the token in the cookie (see visit_session.py).

The link is looked up at every request: a visit ends when its link is revoked or expires.
"""

from collections.abc import Collection
from typing import cast

from flask import session

from plugin.errors import LinkRefused
from plugin.flows.access import links
from plugin.flows.access import visits as flow
from plugin.flows.access.links import InvitationRow, LinkKind
from plugin.flows.common.services import Services
from sidecar.sign.visit_session import LANGUAGE, LINK, VisitSession

SIGNING_KINDS = frozenset({LinkKind.SIGN, LinkKind.RENEW, LinkKind.MAJORITY, LinkKind.SHOOT})


def begin(link: InvitationRow) -> None:
    """Begin a visit by this link, with a new token; the visit that was open in this browser ends."""
    session.clear()
    _visit_session().begin(str(link.id))


def follow(link_id: str) -> None:
    """Begin a visit by this link after a form was signed, with a new token.

    The visit before stays open until it expires: a browser that got no response retries with its cookie.
    """
    here = _visit_session()
    here.forget()
    here.begin(link_id)


def _visit_session() -> VisitSession:
    return cast(VisitSession, session)


def require_link(services: Services, kinds: Collection[LinkKind]) -> InvitationRow:
    """The link of this visit. Raises LinkRefused where there is none, of these kinds, that still opens."""
    link = links.find_usable(services, require_link_id())
    if LinkKind(link.kind) not in kinds:
        raise LinkRefused("unknown")
    return link


def require_link_id() -> str:
    """The id of the link that this visit was opened with. Raises LinkRefused where there was none."""
    held = session.get(LINK)
    if not isinstance(held, str):
        raise LinkRefused("unknown")
    return held


def set_language(language: str) -> None:
    """Show this visitor pages in `language` from now on."""
    session[LANGUAGE] = language


def find_language(otherwise: str) -> str:
    """The language that the visitor chose, or `otherwise`."""
    chosen = session.get(LANGUAGE)
    return chosen if isinstance(chosen, str) else otherwise


def require_token() -> str:
    """The token of this visit. Raises LinkRefused where there is none."""
    found = _visit_session().token
    if found is None:
        raise LinkRefused("unknown")
    return found


def is_open(services: Services) -> bool:
    """Whether this visit is still open, read from the store."""
    found = flow.find(services, require_token())
    return found is not None and not found.over
