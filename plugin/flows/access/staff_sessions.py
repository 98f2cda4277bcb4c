"""Sessions of the staff; a hand-over from the DAM opens one, once, and each request asks the DAM for the account's
groups. Who comes by the identity provider: `openid_sign_in`; with an account of ours: `own_accounts`.

The role of a group is what the configuration said when this process started.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import ColumnElement, func, insert, select, true, update

from plugin.config.sections import AccessSection
from plugin.errors import AccessRefused, NotFound, NothingDone, SignatureRefused
from plugin.flows.access import group_limits
from plugin.flows.access.staff import Role as Role
from plugin.flows.access.staff import Staff as Staff
from plugin.flows.access.token_digest import digest
from plugin.flows.common import dam_events
from plugin.flows.common.services import Services
from plugin.hooks.dam import Accounts
from plugin.hooks.webhooks import handover
from plugin.ledger import tables as t
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx
from plugin.ledger.tables.staff import SessionRow
from plugin.words.catalogues import LANGUAGES

ID_DIGITS = 16
"""How many digits of a session's hash are its number, in lists and in the log."""

_TOKEN_BYTES = 32
_SEEN_SHARE = 30  # a click moves `seen_at` once in this part of the idle time: not every request is a write


@dataclass(frozen=True)
class Arrival:
    """Somebody whom a door lets in."""

    user: str
    role: Role
    language: str
    door: str
    collections: frozenset[str] | None = None


class RoleGroups(Protocol):
    """A table of the configuration that maps groups to roles."""

    @property
    def administrators(self) -> Sequence[object]: ...
    @property
    def officers(self) -> Sequence[object]: ...
    @property
    def editors(self) -> Sequence[object]: ...
    @property
    def auditors(self) -> Sequence[object]: ...


@dataclass(frozen=True)
class Session:
    """A session that is open, as a list shows it."""

    id: str
    user: str
    door: str
    role: Role
    since: datetime
    seen: datetime
    until: datetime


def role_of(access: RoleGroups, groups: Sequence[object]) -> Role | None:
    """The widest role that one of these groups has here; None is no access."""
    mapped = (
        (Role.ADMINISTRATOR, access.administrators),
        (Role.OFFICER, access.officers),
        (Role.EDITOR, access.editors),
        (Role.AUDITOR, access.auditors),
    )
    return next((role for role, numbers in mapped if set(numbers) & set(groups)), None)


def sign_in(services: Services, known: Sequence[str], payload: str, signed: str) -> tuple[str, Staff]:
    """Open a session on a hand-over; returns its token, which only the browser keeps, and who it is.

    Raises SignatureRefused (forged, for another address, too old, used before) and AccessRefused (no
    group of theirs has a role). Each refusal has its audit row; of forged ones, which anybody can
    send, one a minute.
    """
    try:
        told = handover.read_handover(known, payload, signed, services.config.server.public_url, services.clock.now())
    except SignatureRefused:
        audit_forgery(services)
        raise
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    role = role_of(services.config.access, told.groups)
    with services.store.write() as tx:
        fresh = dam_events.note_message(tx, f"signin:{told.nonce}")
        if fresh and role is not None:
            arrival = Arrival(told.user, role, choose_language(services, told.language), "dam")
            return token, open_session(services, tx, arrival, digest(token))
        why = "no role" if fresh else "used before"
        tx.audit(Action.SESSION_REFUSE, f"dam:{told.user}", why=why)
    if not fresh:
        raise SignatureRefused("this sign-in was used before: open FaceLease from the DAM once more")
    raise AccessRefused(choose_language(services, told.language))


def open_session(services: Services, tx: Tx, arrival: Arrival, id_: str) -> Staff:
    """A session for somebody whom a door lets in; `id_`: the hash of the token that the browser keeps."""
    limits = None if arrival.collections is None else sorted(arrival.collections)
    user, role, language = arrival.user, arrival.role, arrival.language
    staff = Staff(id_, user, role, language, arrival.collections, arrival.door, tx.now)
    ends = tx.now + timedelta(minutes=services.config.access.session_minutes)
    tx.execute(
        insert(t.session).values(
            id_sha256=id_,
            user=user,
            role=role.value,
            language=language,
            door=arrival.door,
            proved_at=tx.now,
            limits=limits,
            created_at=tx.now,
            seen_at=tx.now,
            expires_at=ends,
        )
    )
    tx.audit(Action.SESSION_OPEN, staff.actor, role=role.value, session=id_[:ID_DIGITS])
    return staff


def choose_language(services: Services, wanted: str) -> str:
    """The language of the pages: the account's, if we have it, else the house's."""
    return wanted if wanted in LANGUAGES else services.config.site.language


def audit_forgery(services: Services) -> None:
    """Audit a sign-in that is nobody's: one a minute, since anybody can send them."""
    minute = int(services.clock.now().timestamp()) // 60
    with services.store.write() as tx:
        if dam_events.note_message(tx, f"signin-refused:{minute}"):
            tx.audit(Action.SESSION_REFUSE, "unknown", why="not signed")


def find(services: Services, token: str) -> Staff | None:
    """The account whose session the token opens now; None if it ended, was idle too long, or never was."""
    id_, now = digest(token), services.clock.now()
    idle = timedelta(minutes=services.config.access.idle_minutes)
    with services.store.read() as conn:
        row = conn.execute(select(t.session).where(t.session.c.id_sha256 == id_)).first()
    if row is None or row.ended_at is not None or now >= row.expires_at or now - row.seen_at >= idle:
        return None
    if now - row.seen_at > idle / _SEEN_SHARE:
        services.store.note(update(t.session).where(t.session.c.id_sha256 == id_).values(seen_at=now))
    return _to_staff(row)


def _to_staff(row: SessionRow) -> Staff:
    limits = None if row.limits is None else frozenset(row.limits)
    return Staff(row.id_sha256, row.user, Role(row.role), row.language, limits, row.door, row.proved_at)


def recheck(services: Services, staff: Staff) -> Staff | None:
    """Somebody who came from the DAM, with the role that the account's groups there have now.

    Ends the session of an account that is gone, disabled or without a role. Raises DamError if the DAM cannot be
    asked: the session stays, and nothing is shown.
    """
    groups = _find_groups(services, staff.user)
    role = role_of(services.config.access, groups)
    if role is None:
        end_one(services, staff.id, why="no role")
        return None
    if role is not staff.role:
        note_role(services, staff, role, None)
    return replace(staff, role=role, collections=_find_limit(services.config.access, role, groups))


def find_role(services: Services, user: str) -> Role | None:
    """The role of an account of the DAM, as its groups are now; None is no access. Raises DamError."""
    return role_of(services.config.access, _find_groups(services, user))


def change(tx: Tx, which: ColumnElement[bool], **values: object) -> int:
    """Change rows of sessions; returns how many. Every other module comes here for it."""
    return tx.execute(update(t.session).where(which).values(**values)).rowcount


def note_role(services: Services, staff: Staff, role: Role, limits: frozenset[str] | None) -> Staff:
    """The account has this role from now on, with these limits; a change of role is audited."""
    kept = None if limits is None else sorted(limits)
    with services.store.write() as tx:
        mine = t.session.c.id_sha256 == staff.id
        change(tx, mine, role=role.value, limits=kept, checked_at=tx.now, asking_at=None)
        if role is not staff.role:
            tx.audit(Action.SESSION_ROLE, staff.actor, role=role.value, session=staff.id[:ID_DIGITS])
    return replace(staff, role=role, collections=limits)


def end_one(services: Services, id_: str, why: str) -> None:
    """End a session by itself, for this reason."""
    _end(services, t.session.c.id_sha256 == id_, "system", why=why)


def _find_groups(services: Services, user: str) -> Sequence[int]:
    return (services.dam.groups(user) or ()) if isinstance(services.dam, Accounts) else ()


def _find_limit(access: AccessSection, role: Role, groups: Sequence[int]) -> frozenset[str] | None:
    return group_limits.find_limit(access, groups, access.editors) if role is Role.EDITOR else None


def list_open(services: Services) -> list[Session]:
    """All open sessions, the newest first."""
    now = services.clock.now()
    idle = timedelta(minutes=services.config.access.idle_minutes)
    s = t.session.c
    alive = s.ended_at.is_(None) & (s.expires_at > now) & (s.seen_at > now - idle)
    with services.store.read() as conn:
        rows = conn.execute(select(t.session).where(alive).order_by(s.created_at.desc(), s.id_sha256)).all()
    return [
        Session(
            row.id_sha256[:ID_DIGITS], row.user, row.door, Role(row.role), row.created_at, row.seen_at, row.expires_at
        )
        for row in rows
    ]


def end_session(services: Services, session_id: str, actor: str) -> datetime | None:
    """End one, by its number in the list; returns since when it had ended already. Raises NotFound."""
    one = func.substr(t.session.c.id_sha256, 1, ID_DIGITS) == session_id
    if _end(services, one, actor):
        return None
    with services.store.read() as conn:
        before: datetime | None = conn.scalar(select(func.max(t.session.c.ended_at)).where(one))
    if before is None:
        raise NotFound("no session has that number: facelease session list shows them")
    return before


def end_sessions(services: Services, actor: str, user: str | None = None) -> int:
    """End all sessions, or those of one account; returns how many. Raises NothingDone if none is open."""
    ended = _end(services, true() if user is None else t.session.c.user == user, actor)
    if not ended:
        raise NothingDone(
            "nobody is signed in: there is no session to end"
            if user is None
            else f"no session of {user!r} is open: facelease session list shows those that are"
        )
    return ended


def end_of_account(tx: Tx, door: str, user: str, actor: str, why: str, but: str = "") -> int:
    """End the sessions of an account that came by this door, but for the one with the id `but`; returns how many."""
    return _end_in(tx, _is_of(door, user) & (t.session.c.id_sha256 != but), actor, why)


def end_mine(services: Services, staff: Staff, session_id: str | None) -> int:
    """End the session of this account with that number; None: all but the one that asks. Returns how many."""
    s = t.session.c
    one = s.id_sha256 != staff.id if session_id is None else func.substr(s.id_sha256, 1, ID_DIGITS) == session_id
    return _end(services, _is_of(staff.door, staff.user) & one, staff.actor)


def _is_of(door: str, user: str) -> ColumnElement[bool]:
    return (t.session.c.door == door) & (t.session.c.user == user)


def note_proof(tx: Tx, staff: Staff) -> None:
    """The account of this session proved itself once more, just now."""
    change(tx, t.session.c.id_sha256 == staff.id, proved_at=tx.now)
    tx.audit(Action.SESSION_PROVE, staff.actor, session=staff.id[:ID_DIGITS])


def _end(services: Services, which: ColumnElement[bool], actor: str, why: str = "ended") -> int:
    with services.store.write() as tx:
        return _end_in(tx, which, actor, why)


def _end_in(tx: Tx, which: ColumnElement[bool], actor: str, why: str) -> int:
    ended = update(t.session).where(which, t.session.c.ended_at.is_(None))
    rows = tx.execute(ended.values(ended_at=tx.now).returning(t.session)).all()
    for row in rows:
        tx.audit(Action.SESSION_END, actor, session=row.id_sha256[:ID_DIGITS], why=why)
    return len(rows)


def sign_out(services: Services, token: str) -> None:
    """End the session, wherever its cookie is. Idempotent."""
    alive = (t.session.c.id_sha256 == digest(token)) & t.session.c.ended_at.is_(None)
    with services.store.write() as tx:
        ended = update(t.session).where(alive).values(ended_at=tx.now).returning(t.session)
        row = tx.execute(ended).first()
        if row is not None:
            tx.audit(Action.SESSION_END, _to_staff(row).actor, session=row.id_sha256[:ID_DIGITS])
