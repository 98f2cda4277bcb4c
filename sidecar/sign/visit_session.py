"""`flask.session` under /s: of a visit by a link a row of the store, of anybody else a signed cookie.

The cookie of a visit is its token and nothing else. Who opened no link leaves no row: their language, and
what guards their forms, are in the cookie itself, which means nothing to anybody else.
"""

import re
from typing import Any

from flask.json.tag import TaggedJSONSerializer
from flask.sessions import SecureCookieSession
from itsdangerous import BadSignature, URLSafeSerializer

from plugin.errors import StoreAway
from plugin.flows.access import visits
from plugin.flows.common.services import Services

LINK, LANGUAGE, CSRF = "link", "language", "csrf_token"
_TOKEN = re.compile(r"[\w-]{43}", re.ASCII)
_VISITORS = (LANGUAGE, CSRF)  # all that is remembered of somebody who opened no link
_SALT = "facelease-visitor"
_JSON = TaggedJSONSerializer()
_TABLET = re.compile(r"iPad|Tablet|Android(?!.*Mobile)")
_PHONE = re.compile(r"iPhone|Mobile|Android")


class VisitSession(SecureCookieSession):
    """What a visit remembers. Emptying it ends the visit, for good and wherever its cookie was copied to."""

    def __init__(self, initial: Any = None, token: str | None = None, over: bool = False) -> None:
        super().__init__(initial)
        self.token = token
        self.over = over  # its link opens no more: nothing is kept
        self.begins = ""  # the link of the visit that begins with this request
        self.ended: list[str] = []
        self.away: StoreAway | None = None  # the store did not say whose visit it is: nothing is kept
        self.modified = self.accessed = False

    def clear(self) -> None:
        """End the visit: what is put in afterwards belongs to nobody's."""
        if self.token is not None:
            self.ended.append(self.token)
        self.forget()

    def forget(self) -> None:
        """Go on without this visit, which stays as it is until its own end."""
        super().clear()
        self.token, self.begins, self.over, self.modified = None, "", False, True

    def begin(self, link_id: str) -> None:
        """From here on this is a new visit by this link."""
        self.begins = link_id
        self[LINK] = link_id


def load(services: Services, cookie: str, key: bytes) -> VisitSession:
    """The session that a cookie opens; an empty one where it opens none."""
    if not _TOKEN.fullmatch(cookie):
        return VisitSession(_read_visitor(cookie, key))
    try:
        found = visits.find(services, cookie)
    except StoreAway as error:
        session = VisitSession()
        session.away = error
        return session
    if found is None:
        return VisitSession()
    told = _JSON.loads(found.memory.decode())
    if found.over:  # which link it was is known, so that the page can say why; what was remembered is not
        told = {name: told[name] for name in _VISITORS if name in told}
    return VisitSession(told | {LINK: found.link_id}, cookie, found.over)


def save(services: Services, session: VisitSession, agent: str, patience: float | None = None) -> str | None:
    """Keep the session; returns the token of a visit that began, for the cookie.

    Raises StoreAway; for what is only remembered of a visit that goes on, after `patience` seconds.
    """
    while session.ended:
        visits.end(services, session.ended[-1])
        session.ended.pop()
    memory = _JSON.dumps({name: value for name, value in session.items() if name != LINK}).encode()
    if session.begins:
        session.token = visits.begin(services, session.begins, memory, classify_device(agent)).token
        session.begins = ""
        return session.token
    if session.token is not None and session.modified and not session.over:
        visits.save(services, session.token, memory, patience)
    return None


def make_visitor_cookie(session: VisitSession, key: bytes) -> str:
    """The cookie of somebody who opened no link; empty where there is nothing to remember."""
    kept = {name: session[name] for name in _VISITORS if isinstance(session.get(name), str)}
    return str(_signer(key).dumps(kept)) if kept else ""


def classify_device(agent: str) -> str:
    """What somebody came with, as coarse as a person recalls it: phone, tablet, computer."""
    if _TABLET.search(agent):
        return "tablet"
    return "phone" if _PHONE.search(agent) else "computer" if "Mozilla" in agent else ""


def _read_visitor(cookie: str, key: bytes) -> dict[str, str]:
    try:
        told = _signer(key).loads(cookie) if cookie else {}
    except BadSignature:
        return {}
    return {name: told[name] for name in _VISITORS if isinstance(told.get(name), str)}


def _signer(key: bytes) -> URLSafeSerializer:
    return URLSafeSerializer(key, salt=_SALT)
