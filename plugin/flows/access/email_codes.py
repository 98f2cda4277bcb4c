"""One-time codes by mail: six digits, ten minutes, five tries, one use, bound to a link and an address.

The store holds an HMAC of the code and of the address under a key derived from the house's own: a plain hash of six
digits can be brute-forced, and a rotation of the master key must not invalidate codes. A code is mailed at once, not
through the outbox: somebody who has not signed has no key to seal an address under, and whoever waits must see it
when the mail server refuses.
"""

import hmac
import secrets
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from uuid import uuid4

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import ColumnElement, select, update
from sqlalchemy import insert as into

from plugin.errors import TooMany
from plugin.flows.access import rate_limits
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.ledger.keys import house_key
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx

LIFETIME = timedelta(minutes=10)
MAX_TRIES = 5

SendCode = Callable[[str, str, str], None]
"""Mails a code: id of the letter, address, code."""


def send(services: Services, link_id: str, address: str, post: SendCode, network: str = "") -> None:
    """Make a code for this address and mail it; earlier ones expire. Raises TooMany, MailError.

    `network`: where the request comes from (`rate_limits`).
    """
    code, code_id = f"{secrets.randbelow(10**6):06d}", uuid4().hex
    with services.store.write() as tx:
        mine = _mine(services, tx, link_id, address)
        link = tx.execute(select(t.invitation).where(t.invitation.c.id == link_id)).one()
        asker = rate_limits.Requester(link_id, link.person_id or "", address, network, shoot=link.person_id is None)
        if not rate_limits.spend(services, tx, rate_limits.MailCause.CODE, asker):
            raise TooMany("too many codes were asked for: try again in an hour")
        tx.execute(update(t.code).where(mine, t.code.c.expires_at > tx.now).values(expires_at=tx.now))
        tx.execute(
            into(t.code).values(
                id=code_id,
                invitation_id=link_id,
                code_sha256=_keyed(services, tx, f"code:{code_id}:{code}"),
                address_sha256=_keyed(services, tx, f"address:{link_id}:{address.casefold()}"),
                created_at=tx.now,
                expires_at=tx.now + LIFETIME,
            )
        )
        tx.audit(Action.CODE_SEND, "person", link=link_id, code=code_id)
    post(code_id, address, code)


def verify(services: Services, link_id: str, address: str, code: str) -> str | None:
    """The id of the matching code, or None; a wrong one counts as a try, committed at once."""
    with services.store.write() as tx:
        live = (t.code.c.expires_at > tx.now) & t.code.c.used_at.is_(None) & (t.code.c.tries < MAX_TRIES)
        row = tx.execute(select(t.code).where(_mine(services, tx, link_id, address), live)).first()
        if row is None:
            return None
        if hmac.compare_digest(row.code_sha256, _keyed(services, tx, f"code:{row.id}:{code.strip()}")):
            return str(row.id)
        tx.execute(update(t.code).where(t.code.c.id == row.id).values(tries=t.code.c.tries + 1))
    return None


def use_up(tx: Tx, code_id: str) -> bool:
    """Use the code up, in the transaction of what it was for; False if it was used before."""
    free = (t.code.c.id == code_id) & t.code.c.used_at.is_(None)
    return tx.execute(update(t.code).where(free).values(used_at=tx.now)).rowcount == 1


def _mine(services: Services, tx: Tx, link_id: str, address: str) -> ColumnElement[bool]:
    kept = _keyed(services, tx, f"address:{link_id}:{address.casefold()}")
    return (t.code.c.invitation_id == link_id) & (t.code.c.address_sha256 == kept)


def _keyed(services: Services, tx: Tx, text: str) -> str:
    house = house_key.unwrap(tx.connection, services.master)
    key = HKDF(SHA256(), 32, None, b"facelease one-time codes").derive(house)
    return hmac.new(key, text.encode(), sha256).hexdigest()
