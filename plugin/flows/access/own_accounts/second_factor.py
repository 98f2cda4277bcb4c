"""The second factor: codes of an authenticator app (TOTP, RFC 6238), and recovery codes for who lost it."""

import base64
import hmac
import secrets
from datetime import datetime, timedelta

import pyotp
from sqlalchemy import delete, func, insert, select

from plugin.flows.access.own_accounts import account_rows
from plugin.flows.access.token_digest import digest
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.ledger.keys import free_text
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx
from plugin.ledger.tables.staff import StaffRow

CODES = 10
"""So many recovery codes are made at once; each opens once, and new ones end the old."""

_CODE_BYTES = 10  # 80 bits: 16 letters and digits
_BESIDE = (0, -1, 1)  # steps of 30 s by which the clock of a telephone may differ
_COLUMN = "staff.totp"


def make_secret() -> str:
    """A secret for an authenticator app, in base32."""
    return pyotp.random_base32()


def build_address(services: Services, name: str, secret: str) -> str:
    """What the QR code says: an otpauth address."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=f"FaceLease {services.config.site.name}")


def keep(services: Services, tx: Tx, name: str, secret: str, code: str) -> bool:
    """Make this secret the account's second factor, if the code is one of it; False, and nothing changed, if not."""
    step = _find_step(secret, code, tx.now)
    if step is None:
        return False
    sealed = free_text.seal_text(tx, services.vault, secret, _COLUMN)
    account_rows.change(tx, name, totp=sealed, totp_step=step)
    tx.audit(Action.STAFF_FACTOR, f"staff:{name}")
    return True


def accept(services: Services, tx: Tx, row: StaffRow, code: str) -> bool:
    """Whether this is a code of the account's app that was not accepted before, or a recovery code, used up by this."""
    if row.totp is None:
        return False
    typed = "".join(code.split()).replace("-", "").casefold()
    secret = free_text.open_text(tx.connection, services.vault, row.totp, _COLUMN)
    step = _find_step(secret, typed, tx.now)
    if step is not None:
        return account_rows.change(tx, row.name, func.coalesce(t.staff.c.totp_step, 0) < step, totp_step=step)
    mine = t.recovery_code.c.code_sha256 == _digest(row.name, typed)
    if tx.execute(delete(t.recovery_code).where(mine, t.recovery_code.c.staff_name == row.name)).rowcount != 1:
        return False
    left = tx.connection.scalar(select(func.count()).where(t.recovery_code.c.staff_name == row.name))
    tx.audit(Action.STAFF_RECOVER, f"staff:{row.name}", left=left)
    return True


def make_codes(tx: Tx, name: str) -> list[str]:
    """New recovery codes, shown once: `abcd-efgh-ijkl-mnop`; earlier ones open no more."""
    codes = [base64.b32encode(secrets.token_bytes(_CODE_BYTES)).decode().lower() for _ in range(CODES)]
    tx.execute(delete(t.recovery_code).where(t.recovery_code.c.staff_name == name))
    tx.execute(insert(t.recovery_code), [{"code_sha256": _digest(name, one), "staff_name": name} for one in codes])
    return ["-".join(one[at : at + 4] for at in range(0, len(one), 4)) for one in codes]


def drop(tx: Tx, name: str) -> None:
    """The account has no second factor any more, and no recovery codes."""
    tx.execute(delete(t.recovery_code).where(t.recovery_code.c.staff_name == name))
    account_rows.change(tx, name, totp=None)


def _find_step(secret: str, code: str, now: datetime) -> int | None:
    """The number of the 30 s for which this is the code; None if for none near now."""
    made, found = pyotp.TOTP(secret), None
    for beside in _BESIDE:
        at = now + timedelta(seconds=beside * made.interval)
        if hmac.compare_digest(made.at(at).encode(), code.encode("utf-8", "surrogatepass")):
            found = made.timecode(at)
    return found


def _digest(name: str, code: str) -> str:
    return digest(f"{name}\0{code}")
