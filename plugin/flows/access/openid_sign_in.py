"""Staff sign in at the organisation's identity provider, which says what groups they have, and is asked again.

A role that was taken away there ends within `openid.recheck_minutes` and the seconds of one question (_ASKING).
Groups are names in the configuration: nobody comes in without one.
"""

import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select

from plugin.errors import AccessRefused, ProviderAway, SignatureRefused, VaultError
from plugin.flows.access import group_limits, staff_sessions
from plugin.flows.access.staff_sessions import Arrival, Role, Staff
from plugin.flows.access.token_digest import digest
from plugin.flows.common import dam_events
from plugin.flows.common.services import Services
from plugin.hooks.openid.provider import Provider, Tokens
from plugin.ledger import tables as t
from plugin.ledger.keys import free_text
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx
from plugin.ledger.tables.staff import SessionRow

DOOR = "openid"
ATTEMPT_MINUTES = 10
"""For how long somebody may be at the provider."""
STEP_UP_MINUTES = 5
"""A proof is not older than this."""
_RENEWAL = "session.renewal"
_ASKING = timedelta(
    seconds=30
)  # who asks the provider does so alone; the others wait for the answer in their next click
_LONGEST = 200  # characters of an account's name
_BYTES = 32


@dataclass(frozen=True)
class Attempt:
    """One sign-in under way, kept by the browser that began it; `proves`: the session that it is a step-up for."""

    state: str
    nonce: str
    verifier: str
    begun: int
    proves: str = ""


def begin(services: Services, provider: Provider, proves: str = "") -> tuple[str, Attempt]:
    """The address to send the browser to, and what it keeps meanwhile. Raises ProviderAway, SignatureRefused."""
    state, nonce, verifier = (secrets.token_urlsafe(_BYTES) for _ in range(3))
    attempt = Attempt(state, nonce, verifier, int(services.clock.now().timestamp()), proves)
    return provider.begin(attempt.state, attempt.nonce, attempt.verifier, bool(proves)), attempt


def finish(services: Services, provider: Provider, attempt: Attempt | None, told: Mapping[str, str]) -> str | None:
    """Open a session on the provider's answer `told`; returns its token, or None after a step-up.

    Raises ProviderAway; SignatureRefused for an answer to another browser, used before, too late or by another
    provider; AccessRefused where no group of theirs has a role. Each refusal has its audit row, of answers that
    anybody can send one a minute.
    """
    try:
        tokens = _redeem(services, provider, attempt, told)
        claims = _ask(provider, tokens, _subject_of(tokens.claims))
        user = _user_of(provider, claims)
    except SignatureRefused:
        staff_sessions.audit_forgery(services)
        raise
    if attempt is not None and attempt.proves:
        _prove(services, attempt, claims)
        return None
    return _open(services, provider, tokens, claims, user)


def _redeem(services: Services, provider: Provider, attempt: Attempt | None, told: Mapping[str, str]) -> Tokens:
    now, state = services.clock.now(), told.get("state", "")
    if attempt is None or not hmac.compare_digest(attempt.state.encode(), state.encode()):
        raise SignatureRefused("this sign-in was begun in another browser: begin it once more")
    if not 0 <= now.timestamp() - attempt.begun <= ATTEMPT_MINUTES * 60:
        raise SignatureRefused("this sign-in took too long: begin it once more")
    provider.check_issuer(told.get("iss"))
    with services.store.write() as tx:
        if not dam_events.note_message(tx, f"openid:{digest(state)}"):
            raise SignatureRefused("this sign-in was used before: begin it once more")
    if "code" not in told:
        raise SignatureRefused("the provider let nobody in")
    return provider.redeem(told["code"], attempt.verifier, attempt.nonce, now)


def _ask(provider: Provider, tokens: Tokens, subject: str) -> Mapping[str, object]:
    """What the provider says now of the account: its ID token, and what it answers besides (of the same account)."""
    more = provider.ask(tokens.access) if tokens.access else None
    if more is not None and more.get("sub") != subject:
        raise SignatureRefused("the provider speaks of two accounts")
    claims = {**(tokens.claims or {}), **(more or {})}
    if tokens.claims:
        claims |= {name: tokens.claims[name] for name in ("sub", "auth_time") if name in tokens.claims}
    return claims


def _subject_of(claims: Mapping[str, object] | None) -> str:
    subject = (claims or {}).get("sub")
    if not isinstance(subject, str) or not subject:
        raise SignatureRefused("the provider names no account")
    return subject


def _user_of(provider: Provider, claims: Mapping[str, object]) -> str:
    """The name of the account in the log: a line without signs that a terminal or a table obeys."""
    user = claims.get(provider.config.account_claim)
    if not isinstance(user, str) or not user.strip() or len(user) > _LONGEST or not user.isprintable():
        raise SignatureRefused(f"the provider gives no name in {provider.config.account_claim}")
    return user.strip()


def _find_role(provider: Provider, claims: Mapping[str, object]) -> tuple[Role | None, frozenset[str] | None]:
    """The role of the account's groups, and what an editor is limited to."""
    said, config = claims.get(provider.config.groups_claim), provider.config
    groups = [one for one in (said if isinstance(said, list) else [said]) if isinstance(one, str)]
    role = staff_sessions.role_of(config, groups)
    return role, group_limits.find_limit(config, groups, config.editors) if role is Role.EDITOR else None


def _open(services: Services, provider: Provider, tokens: Tokens, claims: Mapping[str, object], user: str) -> str:
    role, limits = _find_role(provider, claims)
    language = staff_sessions.choose_language(services, str(claims.get("locale", ""))[:2])
    token = secrets.token_urlsafe(_BYTES)
    with services.store.write() as tx:
        if role is not None:
            arrival = Arrival(user, role, language, DOOR, limits)
            staff_sessions.open_session(services, tx, arrival, digest(token))
            mine = t.session.c.id_sha256 == digest(token)
            about = {"subject": _subject_of(claims), "renewal": _seal(services, tx, tokens), "checked_at": tx.now}
            staff_sessions.change(tx, mine, **about)
            return token
        tx.audit(Action.SESSION_REFUSE, f"{DOOR}:{user}", why="no role")
    raise AccessRefused(language)


def _prove(services: Services, attempt: Attempt, claims: Mapping[str, object]) -> None:
    """The account of the session proved itself just now: `auth_time` says when."""
    now, at = services.clock.now(), claims.get("auth_time")
    if not isinstance(at, int | float) or at < attempt.begun - 60 or now.timestamp() - at > STEP_UP_MINUTES * 60:
        raise SignatureRefused("the provider did not ask for a proof")
    mine = (t.session.c.id_sha256 == attempt.proves) & t.session.c.ended_at.is_(None)
    with services.store.write() as tx:
        same = mine & (t.session.c.door == DOOR) & (t.session.c.subject == _subject_of(claims))
        if not staff_sessions.change(tx, same, proved_at=tx.now):
            raise SignatureRefused("another account proved itself")


def recheck(services: Services, provider: Provider | None, staff: Staff) -> Staff | None:
    """The account with the role that the provider says it has, asked again where that is longer ago than configured.

    Ends the session of an account that has none, or of which the provider says nothing any more. Raises ProviderAway:
    the session stays, and nothing is shown.
    """
    mine = t.session.c.id_sha256 == staff.id
    with services.store.read() as conn:
        row: SessionRow | None = conn.execute(select(t.session).where(mine)).first()
    if row is None or provider is None:
        return None
    now = services.clock.now()
    due = (row.checked_at or row.created_at) + timedelta(minutes=provider.config.recheck_minutes)
    if now < due:
        return staff
    if not _claim(services, staff, now):
        if now < due + _ASKING:
            return staff
        raise ProviderAway("the identity provider is being asked")
    try:
        return _ask_again(services, provider, row, staff)
    except SignatureRefused:
        staff_sessions.end_one(services, staff.id, why="ended by the provider")
        return None


def _claim(services: Services, staff: Staff, now: datetime) -> bool:
    """One request asks for all that come at the same moment: a renewal is used once."""
    s = t.session.c
    free = or_(s.asking_at.is_(None), s.asking_at < now - _ASKING)
    with services.store.write() as tx:
        return bool(staff_sessions.change(tx, (s.id_sha256 == staff.id) & free, asking_at=now))


def _ask_again(services: Services, provider: Provider, row: SessionRow, staff: Staff) -> Staff | None:
    tokens, subject = _open_tokens(services, row), row.subject or ""
    if tokens.refresh:
        renewed = provider.renew(tokens.refresh, services.clock.now())
        tokens = Tokens(renewed.access, renewed.refresh or tokens.refresh, renewed.claims)
        with services.store.write() as tx:  # at once: the provider may take the former one no more
            staff_sessions.change(tx, t.session.c.id_sha256 == staff.id, renewal=_seal(services, tx, tokens))
    if tokens.claims is not None and _subject_of(tokens.claims) != subject:
        raise SignatureRefused("the provider speaks of two accounts")
    role, limits = _find_role(provider, _ask(provider, tokens, subject))
    if role is None:
        staff_sessions.end_one(services, staff.id, why="no role")
        return None
    return staff_sessions.note_role(services, staff, role, limits)


def _seal(services: Services, tx: Tx, tokens: Tokens) -> str:
    """Never in the clear: with them one may ask the provider in the account's name."""
    return free_text.seal_text(tx, services.vault, json.dumps([tokens.access, tokens.refresh]), _RENEWAL)


def _open_tokens(services: Services, row: SessionRow) -> Tokens:
    try:
        with services.store.read() as conn:
            access, refresh = json.loads(free_text.open_text(conn, services.vault, row.renewal or "", _RENEWAL))
    except (ValueError, VaultError) as error:
        raise SignatureRefused("the session's tokens cannot be read") from error
    return Tokens(str(access), str(refresh), None)
