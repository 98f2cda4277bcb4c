"""Who has an account of ours: made, listed, given another role, reset and removed; its link, and what it opens."""

import re
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy import select

from plugin.config.sections import ServerSection
from plugin.errors import ConfigError, ConsentError, LinkRefused, NameTaken, NotFound
from plugin.flows.access import staff_sessions
from plugin.flows.access.own_accounts import account_rows, passwords, second_factor
from plugin.flows.access.staff import Role
from plugin.flows.access.token_digest import digest
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx
from plugin.ledger.tables.staff import StaffRow

DOOR = "staff"
"""How sessions and the log name this door."""

JOIN = "/console/join/"
"""Before the token of a one-time link."""

_NAME = re.compile(r"[\w][\w.@+-]{0,63}")
_TOKEN_BYTES = 32


@dataclass(frozen=True)
class Account:
    """An account as a list shows it; `state` is invited (its link was not used yet), expired (nor can be) or active."""

    name: str
    role: Role
    collections: Sequence[str] | None
    state: str
    factor: bool
    signed_in: datetime | None


def add(services: Services, name: str, role: Role, actor: str, collections: Collection[str] | None = None) -> str:
    """Make an account and return its one-time link. Raises ConsentError, NameTaken, ConfigError."""
    key = spell(name)
    limits = _check_limits(role, collections)
    build = find_address(services.config.server)
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    with services.store.write() as tx:
        if account_rows.find(tx.connection, key) is not None:
            raise NameTaken(f"{key} has an account: facelease staff reset {key} makes a new link for it")
        about = {"name": key, "role": role.value, "collections": limits, "created_by": actor}
        account_rows.add(tx, **about, **_make_link(services, tx, token))
        tx.audit(Action.STAFF_ADD, actor, account=key, role=role.value)
    return f"{build}{JOIN}{token}"


def list_all(services: Services) -> list[Account]:
    """Every account of ours, by name."""
    now = services.clock.now()
    with services.store.read() as conn:
        rows = conn.execute(select(t.staff).order_by(t.staff.c.name)).all()
    return [
        Account(row.name, Role(row.role), row.collections, _find_state(row, now), bool(row.totp), row.signed_in_at)
        for row in rows
    ]


def has_any(services: Services) -> bool:
    """Whether there is an account of ours: without one there is no such door."""
    with services.store.read() as conn:
        return conn.execute(select(t.staff.c.name).limit(1)).first() is not None


def set_role(services: Services, name: str, role: Role, actor: str, collections: Collection[str] | None = None) -> bool:
    """Give the account another role, or other limits; False if it had them already. Sessions go on with it.

    Raises NotFound, ConsentError.
    """
    key, limits = spell(name), _check_limits(role, collections)
    with services.store.write() as tx:
        row = _get(tx, key)
        if (row.role, row.collections) == (role.value, limits):
            return False
        account_rows.change(tx, key, role=role.value, collections=limits)
        tx.audit(Action.STAFF_ROLE, actor, account=key, role=role.value)
    return True


def reset(services: Services, name: str, actor: str) -> str:
    """Password, second factor, recovery codes and sessions of the account end; returns a new one-time link.

    Raises NotFound, ConfigError.
    """
    key, build = spell(name), find_address(services.config.server)
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    with services.store.write() as tx:
        _get(tx, key)
        second_factor.drop(tx, key)
        account_rows.change(tx, key, None, password=None, **_make_link(services, tx, token))
        tx.audit(Action.STAFF_RESET, actor, account=key)
        staff_sessions.end_of_account(tx, DOOR, key, actor, "reset")
    return f"{build}{JOIN}{token}"


def remove(services: Services, name: str, actor: str) -> int:
    """The account is gone, and its sessions end; returns how many did. Raises NotFound."""
    key = spell(name)
    with services.store.write() as tx:
        _get(tx, key)
        second_factor.drop(tx, key)
        account_rows.remove(tx, key)
        tx.audit(Action.STAFF_REMOVE, actor, account=key)
        return staff_sessions.end_of_account(tx, DOOR, key, actor, "removed")


def find_by_link(services: Services, token: str) -> str:
    """Whose one-time link this is; opening it uses nothing up. Raises LinkRefused."""
    with services.store.read() as conn:
        row = conn.execute(select(t.staff).where(t.staff.c.link_sha256 == digest(token))).first()
    if row is None:
        raise LinkRefused("unknown")
    if row.link_expires_at <= services.clock.now():
        raise LinkRefused("expired")
    return str(row.name)


def use_link(services: Services, token: str, typed: str) -> str:
    """Set the password by the one-time link, once; returns whose. Raises PasswordRefused, LinkRefused."""
    name = find_by_link(services, token)
    passwords.check(typed, name)
    kept = passwords.make_hash(typed)
    with services.store.write() as tx:
        valid = (t.staff.c.link_sha256 == digest(token)) & (t.staff.c.link_expires_at > tx.now)
        if not account_rows.change(tx, name, valid, password=kept, link_sha256=None, link_expires_at=None):
            raise LinkRefused("used")
        tx.audit(Action.STAFF_RENEW, f"{DOOR}:{name}", by="link")
        staff_sessions.end_of_account(tx, DOOR, name, f"{DOOR}:{name}", "password")
    return name


def spell(name: str) -> str:
    """A name of an account as it is kept: names differ by more than case. Raises ConsentError."""
    key = name.strip().casefold()
    if not _NAME.fullmatch(key):
        raise ConsentError("a name has at most 64 letters, digits and . @ + - _, and begins with a letter or a digit")
    return key


def find_address(server: ServerSection) -> str:
    """Where people reach us: `server.public_url`, or this machine itself. Raises ConfigError where neither is known."""
    if server.public_url:
        return server.public_url.rstrip("/")
    if server.port and is_here(server.host):
        return f"http://{f'[{server.host}]' if ':' in server.host else server.host}:{server.port}"
    raise ConfigError("server.public_url: give the address under which people reach FaceLease, for the link")


def is_here(host: str) -> bool:
    """Whether a host, with or without its port, is this machine itself, seen from it."""
    try:
        return urlsplit(f"//{host}" if host.count(":") < 2 or "[" in host else f"//[{host}]").hostname in _HERE
    except ValueError:
        return False


_HERE = frozenset({"localhost", "127.0.0.1", "::1"})


def _check_limits(role: Role, collections: Collection[str] | None) -> list[str] | None:
    if not collections:
        return None
    if role is not Role.EDITOR:
        raise ConsentError("an editor alone can be limited to collections: leave them out, or choose that role")
    return sorted(set(collections))


def _make_link(services: Services, tx: Tx, token: str) -> dict[str, object]:
    hours = timedelta(hours=services.config.access.link_hours)
    return {"link_sha256": digest(token), "link_expires_at": tx.now + hours}


def _find_state(row: StaffRow, now: datetime) -> str:
    if row.password is not None:
        return "active"
    return "invited" if row.link_expires_at is not None and row.link_expires_at > now else "expired"


def _get(tx: Tx, key: str) -> StaffRow:
    row = account_rows.find(tx.connection, key)
    if row is None:
        raise NotFound(f"no account {key}: facelease staff list shows them")
    return row
