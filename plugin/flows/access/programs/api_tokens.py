"""Tokens for programs that call the API: random, shown once, stored as a hash, each with scopes and an expiry.

A token for the gate also lists the kinds of tool that its bearer may claim to be: the gate believes a claim only if
the token allows it (`tool_gate`).
"""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import uuid4

from sqlalchemy import insert, select, update

from plugin.errors import ConfigError, NotFound, TokenRefused
from plugin.flows.access.token_digest import digest
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.ledger.keys import free_text
from plugin.ledger.log.endings import TOKEN, Ending
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx

PREFIX = "facelease_"  # so that a token which lies about is known for what it is
LABEL = "api_token.label"
"""To what the label of a token is sealed: the row is read by `authenticate` at each request, which opens none."""

DEFAULT_LIFETIME = timedelta(days=365)
"""How long a token is valid where nobody says otherwise."""

_BYTES = 32
_SEEN_EVERY = timedelta(minutes=1)  # a write a request would cost more than the moment is worth


class TokenScope(StrEnum):
    """What a token may do. Every route asks for exactly one."""

    PEOPLE_READ = "people:read"
    PEOPLE_WRITE = "people:write"
    QUITCLAIMS_READ = "quitclaims:read"
    QUITCLAIMS_WRITE = "quitclaims:write"
    FORMS_READ = "forms:read"
    FORMS_WRITE = "forms:write"
    INVITATIONS_READ = "invitations:read"
    INVITATIONS_WRITE = "invitations:write"
    INVITATIONS_HAND_OVER = "invitations:hand-over"
    CLEARANCE_READ = "clearance:read"
    GATE_USE = "gate:use"
    EXPORTS_READ = "exports:read"
    COLLECTIONS_READ = "collections:read"
    COLLECTIONS_WRITE = "collections:write"
    FACES_READ = "faces:read"
    FACES_WRITE = "faces:write"
    ERASURES_READ = "erasures:read"
    ERASURES_WRITE = "erasures:write"
    AUDIT_READ = "audit:read"


@dataclass(frozen=True)
class NewToken:
    """A new token: `secret` is shown once and never kept."""

    id: str
    secret: str


@dataclass(frozen=True)
class Caller:
    """Who calls: the token's id, what it may do, and what it may claim to be at the gate."""

    id: str
    scopes: frozenset[str]
    tools: frozenset[str] = frozenset()

    @property
    def actor(self) -> str:
        """How the audit log names the caller."""
        return f"api:{self.id}"


def create(
    services: Services,
    label: str,
    scopes: Collection[str],
    actor: str,
    lasts: timedelta = DEFAULT_LIFETIME,
    tools: Collection[str] = (),
) -> NewToken:
    """Create a token; `tools`: the plain kinds of tool that its bearer may claim to be at the gate.

    Raises ConfigError for no scope, an unknown scope, or a kind that no token may claim.
    """
    _refuse_scopes(scopes)
    _refuse_tools(services, scopes, tools)
    made = NewToken(uuid4().hex, PREFIX + secrets.token_urlsafe(_BYTES))
    with services.store.write() as tx:
        tx.execute(
            insert(t.api_token).values(
                id=made.id,
                label=free_text.seal_text(tx, services.vault, label, LABEL),
                secret_sha256=digest(made.secret),
                scopes=sorted(set(scopes)),
                tools=sorted(set(tools)),
                created_at=tx.now,
                created_by=actor,
                expires_at=tx.now + lasts,
            )
        )
        for scope in sorted(set(scopes)):
            tx.audit(Action.ACCESS_MAKE, actor, token=made.id, scope=scope)
        for tool in sorted(set(tools)):
            tx.audit(Action.ACCESS_MAKE, actor, token=made.id, tool=tool)
    return made


def _refuse_scopes(scopes: Collection[str]) -> None:
    unknown = sorted(set(scopes) - set(TokenScope))
    if unknown or not scopes:
        wrong = f"no scope is called {unknown[0]!r}" if unknown else "a token needs a scope"
        raise ConfigError(f"{wrong}: scopes are {', '.join(TokenScope)}")


def _refuse_tools(services: Services, scopes: Collection[str], tools: Collection[str]) -> None:
    """An AI tool needs no entry: the gate treats whatever it does not believe as one."""
    plain = services.config.gate.plain_tools
    for tool in sorted(set(tools) - set(plain)):
        raise ConfigError(
            f"{tool!r} is none of gate.plain_tools ({', '.join(plain)}): leave it out, then the bearer is taken "
            "for an AI tool; or configure it first"
        )
    if tools and TokenScope.GATE_USE not in scopes:
        raise ConfigError(f"what a token may claim to be counts at the gate alone: add the scope {TokenScope.GATE_USE}")


class TokenInfo(NamedTuple):
    """A token as it is listed, without its secret."""

    id: str
    label: str
    scopes: tuple[str, ...]
    tools: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    used_at: datetime | None


def list_endless(services: Services) -> list[TokenInfo]:
    """Tokens that never expire, made before every token had an expiry: the oldest first."""
    return [one for one in reversed(list_all(services)) if one.expires_at is None and one.revoked_at is None]


def list_all(services: Services) -> list[TokenInfo]:
    """Every token, the newest first."""
    with services.store.read() as conn:
        texts = services.texts(conn)
        return [
            TokenInfo(
                row.id,
                texts.read(row.label, LABEL),
                tuple(row.scopes),
                tuple(row.tools),
                row.created_at,
                row.expires_at,
                row.revoked_at,
                row.used_at,
            )
            for row in conn.execute(select(t.api_token).order_by(t.api_token.c.created_at.desc())).all()
        ]


def revoke(services: Services, token_id: str, actor: str) -> datetime | None:
    """Revoke from this commit on; returns since when it was revoked already. Raises NotFound."""
    with services.store.write() as tx:
        return revoke_in(services, tx, token_id, actor)


def revoke_in(services: Services, tx: Tx, token_id: str, actor: str) -> datetime | None:
    """The same in the caller's transaction."""
    this = (t.api_token.c.id == token_id) & t.api_token.c.revoked_at.is_(None)
    if tx.execute(update(t.api_token).where(this).values(revoked_at=tx.now)).rowcount == 0:
        return _find_revoked(tx, token_id)
    tx.audit(Action.ACCESS_REVOKE, actor, token=token_id)
    # Nor does an older copy of the store open it.
    services.ended.append(tx, Ending("", token_id, tx.now, TOKEN))
    return None


def _find_revoked(tx: Tx, token_id: str) -> datetime:
    before: datetime | None = tx.connection.scalar(select(t.api_token.c.revoked_at).where(t.api_token.c.id == token_id))
    if before is None:
        raise NotFound("no such token: facelease token list shows them")
    return before


def authenticate(services: Services, secret: str) -> Caller:
    """The caller that bears this token. Raises TokenRefused, with one message for every cause.

    Each attempt costs the same: one hash and one lookup by that hash, so timing gives nothing away.
    """
    now = services.clock.now()
    with services.store.read() as conn:
        row = conn.execute(select(t.api_token).where(t.api_token.c.secret_sha256 == digest(secret))).first()
    if row is None or row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= now):
        raise TokenRefused("the token is missing, not known, or not valid any more: Authorization: Bearer TOKEN")
    if row.used_at is None or row.used_at <= now - _SEEN_EVERY:
        services.store.note(update(t.api_token).where(t.api_token.c.id == row.id).values(used_at=now))
    return Caller(row.id, frozenset(row.scopes), frozenset(row.tools))
