"""`flask.session` under /s: a row of the store for a visit by a link, a signed cookie for anybody else.

The cookie of a visit is its token alone. Who opened no link leaves no row: the language and the CSRF token are in the
cookie itself.
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
    """The session of a visit. `clear` ends the visit, also for copies of its cookie."""

    def __init__(self, initial: Any = None, token: str | None = None, over: bool = False) -> None:
        super().__init__(initial)
        self.token = token
        self.over = over  # its link is not valid any more: nothing is saved
        self.begins = ""  # the link of the visit that begins with this request
        self.ended: list[str] = []
        self.away: StoreAway | None = None  # the store could not be asked for the visit: nothing is saved
        self.modified = self.accessed = False

    def clear(self) -> None:
        """End the visit; values set afterwards belong to no visit."""
        if self.token is not None:
            self.ended.append(self.token)
        self.forget()

    def forget(self) -> None:
        """Leave this visit, which stays open until it expires."""
        super().clear()
        self.token, self.begins, self.over, self.modified = None, "", False, True

    def begin(self, link_id: str) -> None:
        """Begin a new visit by this link."""
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
    values = _JSON.loads(found.memory.decode())
    if found.over:  # the link is kept, so that the page can say why it is over; the rest is not
        values = {name: values[name] for name in _VISITORS if name in values}
    return VisitSession(values | {LINK: found.link_id}, cookie, found.over)


def save(services: Services, session: VisitSession, agent: str, patience: float | None = None) -> str | None:
    """Save the session; returns the token of a visit that began, for the cookie.

    Raises StoreAway; `patience`: after so many seconds, where an open visit is only updated.
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
    """The kind of device by its user agent: phone, tablet or computer; "" where unknown."""
    if _TABLET.search(agent):
        return "tablet"
    return "phone" if _PHONE.search(agent) else "computer" if "Mozilla" in agent else ""


def _read_visitor(cookie: str, key: bytes) -> dict[str, str]:
    try:
        values = _signer(key).loads(cookie) if cookie else {}
    except BadSignature:
        return {}
    return {name: values[name] for name in _VISITORS if isinstance(values.get(name), str)}


def _signer(key: bytes) -> URLSafeSerializer:
    return URLSafeSerializer(key, salt=_SALT)
