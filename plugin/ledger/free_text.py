"""Free text that may hold a name: sealed where it stands, in its own column.

Under the record key of the person whose row it is, else under the house's. What was written before this was so is
plain until the next start seals it.
"""

import secrets
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from plugin.errors import VaultError
from plugin.ledger import house_key, sealing
from plugin.ledger.sealing import Bond
from plugin.ledger.vault import RECORD, Vault

if TYPE_CHECKING:
    from plugin.ledger.store import Tx

_MARK = "sealed:"


def seal(tx: "Tx", vault: Vault, text: str, column: str, person_id: str | None = None) -> str:
    """What to store in `column` ("table.column") for `text`; empty text stays empty, there is nothing in it."""
    if not text:
        return text
    key = vault.record_key(tx.connection, person_id) if person_id else _house_key(tx, vault)
    item = secrets.token_hex(8)
    body = sealing.seal(key, text.encode("utf-8", "surrogatepass"), _bond(item, column, person_id))
    return f"{_MARK}{item}:{b64encode(body).decode()}"


def is_sealed(stored: str) -> bool:
    """Whether a column holds sealed text."""
    return stored.startswith(_MARK)


def opened(
    connection: Connection, vault: Vault, stored: str, column: str, person_id: str | None = None
) -> str:
    """The text that was sealed for this column and person. Raises VaultError: another's, or the key is gone."""
    if not is_sealed(stored):
        return stored
    _, item, body = stored.split(":", 2)
    key = (
        vault.record_key(connection, person_id)
        if person_id
        else house_key.unwrapped(connection, vault.master)
    )
    try:
        raw = b64decode(body, validate=True)
    except ValueError:
        raise VaultError(f"the text in {column} is damaged") from None
    return sealing.unseal(key, raw, _bond(item, column, person_id)).decode("utf-8", "surrogatepass")


def _house_key(tx: "Tx", vault: Vault) -> bytes:
    house_key.make(tx, vault.master)
    return house_key.unwrapped(tx.connection, vault.master)


def _bond(item: str, column: str, person_id: str | None) -> Bond:
    return Bond(item, person_id or house_key.NOBODY, RECORD, "text", column, "", 1)
