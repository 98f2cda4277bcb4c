"""Signing in with an account of ours: the password, then a code of the second factor; each step once, in this order.

Between the steps the browser holds a `Proof`, which its cookie signs: it says that the password was right a moment ago,
and opens nothing by itself.
"""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from plugin.errors import ConsentError, PasswordRefused, SignatureRefused
from plugin.flows.access import staff_sessions
from plugin.flows.access.own_accounts import account_rows, guesses, passwords, register, second_factor
from plugin.flows.access.own_accounts.guesses import Origin
from plugin.flows.access.staff import Role, Staff
from plugin.flows.access.staff_sessions import Arrival
from plugin.flows.access.token_digest import digest
from plugin.flows.common import dam_events
from plugin.flows.common.services import Services
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx
from plugin.ledger.tables.staff import StaffRow

PROOF_LIFETIME = timedelta(minutes=10)
"""How long after the password the second factor may follow."""


_TOKEN_BYTES = 32


class Step(StrEnum):
    """What is asked next of somebody whose password was right."""

    CODE = "code"
    ENROL = "enrol"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Proof:
    """The password of this account was right at this moment; `mark` names the password, so that a new one ends it."""

    name: str
    at: datetime
    mark: str


def check_password(services: Services, name: str, typed: str, origin: Origin) -> Proof | None:
    """What proves that the password was right; None where it was not, or there is no such account.

    An unknown name takes the same work. Raises GuessRefused.
    """
    key = _spell(name)
    with services.store.write() as tx:
        one = guesses.begin(services, tx, "password", key, origin)
        row = account_rows.find(tx.connection, key)
    right = passwords.verify(None if row is None else row.password, typed)
    with services.store.write() as tx:
        if right and row is not None and row.password is not None:
            guesses.was_right(tx, one)
            return Proof(key, tx.now, _mark(services, row.password))
        _audit_refusal(services, tx, "password", key, known=row is not None)
    return None


def join(services: Services, token: str, typed: str) -> Proof:
    """Set the password by a one-time link, which proves as much as typing it. Raises as `register.use_link`."""
    name = register.use_link(services, token, typed)
    with services.store.write() as tx:
        row = account_rows.find(tx.connection, name)
        return Proof(name, tx.now, _mark(services, (row and row.password) or ""))


def find_step(services: Services, proof: Proof) -> Step | None:
    """What comes after the password; None where it must be typed again."""
    with services.store.read() as conn:
        row = account_rows.find(conn, proof.name)
    if row is None or not _holds(services, row, proof, services.clock.now()):
        return None
    if row.totp is not None:
        return Step.CODE
    return Step.ENROL if needs_factor(services, row.role) else Step.NOTHING


def finish(services: Services, proof: Proof, code: str, origin: Origin, language: str) -> str | None:
    """The token of a new session; None where the code is wrong, or was accepted before.

    An account that needs no second factor and has none gives "" as its code. Raises GuessRefused; SignatureRefused
    where the password must be typed again, or a second factor set up.
    """
    with services.store.write() as tx:
        one = guesses.begin(services, tx, "code", proof.name, origin)
    with services.store.write() as tx:
        row = account_rows.find(tx.connection, proof.name)
        if row is None or not _holds(services, row, proof, tx.now):
            raise SignatureRefused("sign in once more: the password was typed too long ago, or is another one now")
        if row.totp is None and needs_factor(services, row.role):
            raise SignatureRefused("sign in once more: the password was typed too long ago, or is another one now")
        if row.totp is not None and not second_factor.accept(services, tx, row, code):
            _audit_refusal(services, tx, "code", proof.name, known=True)
            return None
        guesses.was_right(tx, one)
        return _open(services, tx, row, language)


def enrol(
    services: Services, proof: Proof, secret: str, code: str, origin: Origin, language: str
) -> tuple[str, list[str]] | None:
    """Set up the second factor of an account that has none; returns the token of a session and the recovery codes.

    None where the code is not one of this secret. Raises GuessRefused, SignatureRefused as `finish`.
    """
    with services.store.write() as tx:
        one = guesses.begin(services, tx, "code", proof.name, origin)
    with services.store.write() as tx:
        row = account_rows.find(tx.connection, proof.name)
        if row is None or row.totp is not None or not _holds(services, row, proof, tx.now):
            raise SignatureRefused("sign in once more: the password was typed too long ago, or is another one now")
        if not second_factor.keep(services, tx, row.name, secret, code):
            return None
        guesses.was_right(tx, one)
        return _open(services, tx, row, language), second_factor.make_codes(tx, row.name)


def prove_again(services: Services, staff: Staff, typed: str, origin: Origin) -> bool:
    """Whether the account of this session proved itself once more: by a code, or by its password where it has no second
    factor. The session knows it then. Raises GuessRefused."""
    with services.store.write() as tx:
        one = guesses.begin(services, tx, "code", staff.user, origin)
        row = account_rows.find(tx.connection, staff.user)
    by_password = row is not None and row.totp is None and passwords.verify(row.password, typed)
    with services.store.write() as tx:
        if row is None or not (by_password or second_factor.accept(services, tx, row, typed)):
            _audit_refusal(services, tx, "code", staff.user, known=True)
            return False
        guesses.was_right(tx, one)
        staff_sessions.note_proof(tx, staff)
    return True


def has_factor(services: Services, staff: Staff) -> bool:
    """Whether the account of this session has a second factor."""
    with services.store.read() as conn:
        row = account_rows.find(conn, staff.user)
    return row is not None and row.totp is not None


def change_password(services: Services, staff: Staff, old: str, new: str, origin: Origin) -> bool:
    """Set another password; False where the old one is wrong. All other sessions of the account end.

    Raises PasswordRefused, GuessRefused.
    """
    passwords.check(new, staff.user)
    if old == new:
        raise PasswordRefused("plain")
    if check_password(services, staff.user, old, origin) is None:
        return False
    kept = passwords.make_hash(new)
    with services.store.write() as tx:
        account_rows.change(tx, staff.user, password=kept)
        tx.audit(Action.STAFF_RENEW, staff.actor, by="account")
        staff_sessions.end_of_account(tx, register.DOOR, staff.user, staff.actor, "password", but=staff.id)
    return True


def renew_codes(services: Services, staff: Staff) -> list[str]:
    """New recovery codes for the account of this session."""
    with services.store.write() as tx:
        row = account_rows.find(tx.connection, staff.user)
        if staff.door != register.DOOR or row is None or row.totp is None:
            raise ConsentError("this account has no second factor of ours")
        tx.audit(Action.STAFF_FACTOR, staff.actor)
        return second_factor.make_codes(tx, staff.user)


def needs_factor(services: Services, role: str) -> bool:
    """Whether accounts of ours with this role need a second factor."""
    return role in services.config.access.second_factor


def recheck(services: Services, staff: Staff) -> Staff | None:
    """Somebody who came by this door, with the role and the limits that the account has now.

    Ends the session of an account that is gone, has no password, or lacks the second factor that its role needs.
    """
    with services.store.read() as conn:
        row = account_rows.find(conn, staff.user)
    if row is None or row.password is None or (row.totp is None and needs_factor(services, row.role)):
        staff_sessions.end_one(services, staff.id, why="no role")
        return None
    role, limits = Role(row.role), None if row.collections is None else frozenset(row.collections)
    return (
        replace(staff, collections=limits)
        if role is staff.role
        else staff_sessions.note_role(services, staff, role, limits)
    )


def _open(services: Services, tx: Tx, row: StaffRow, language: str) -> str:
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    limits = None if row.collections is None else frozenset(row.collections)
    arrival = Arrival(row.name, Role(row.role), language, register.DOOR, limits)
    staff_sessions.open_session(services, tx, arrival, digest(token))
    account_rows.change(tx, row.name, signed_in_at=tx.now)
    return token


def _spell(name: str) -> str:
    """As the register does, but that what cannot be a name is nobody's."""
    try:
        return register.spell(name)
    except ConsentError:
        return ""


def _holds(services: Services, row: StaffRow, proof: Proof, now: datetime) -> bool:
    fresh = timedelta() <= now - proof.at < PROOF_LIFETIME
    return fresh and row.password is not None and _mark(services, row.password) == proof.mark


def _mark(services: Services, kept: str) -> str:
    return services.name_hasher.hash(f"password\0{kept}").rpartition(":")[2]


def _audit_refusal(services: Services, tx: Tx, what: str, name: str, known: bool) -> None:
    """One row a minute and account: a log must not be filled by guesses."""
    minute = int(tx.now.timestamp()) // 60
    if dam_events.note_message(tx, f"signin-refused:{minute}:{services.name_hasher.hash(name)}"):
        tx.audit(Action.SESSION_REFUSE, f"staff:{name}" if known else "unknown", why=what)
