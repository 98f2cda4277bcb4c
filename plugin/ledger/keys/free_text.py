"""Free text that may contain a name, sealed in its own column.

Under the record key of the row's person, else the house's. Text from older versions is plain until the next start seals
it (`flows/text_sealing`).
"""

import re
import secrets
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING

from sqlalchemy import JSON, Column, ColumnElement, Connection, and_, text

from plugin.errors import VaultError
from plugin.ledger.keys import house_key, sealing
from plugin.ledger.keys.sealing import Bond
from plugin.ledger.keys.vault import RECORD, Vault
from plugin.ledger.tables.columns import stored_type

if TYPE_CHECKING:
    from plugin.ledger.store.store import Tx

MARK = "sealed:"
# Whole: what somebody typed may begin like sealed text. The shortest body is nonce, one byte and tag, 29 bytes.
_SHORTEST = 64
_SEALED = re.compile(rf"{MARK}[0-9a-f]{{16}}:[A-Za-z0-9+/]{{38,}}={{0,2}}")


def seal_text(tx: "Tx", vault: Vault, typed: str, column: str, person_id: str | None = None) -> str:
    """The value to store in `column` ("table.column"); blank text becomes "", so that SQL can test for it."""
    if not typed.strip():
        return ""
    key = vault.record_key(tx.connection, person_id) if person_id else _make_house_key(tx, vault)
    return _seal(key, typed, column, person_id)


def is_sealed(stored: str) -> bool:
    """Whether a column holds sealed text."""
    return _SEALED.fullmatch(stored) is not None


def open_text(connection: Connection, vault: Vault, stored: str, column: str, person_id: str | None = None) -> str:
    """The text sealed for this column and person. Raises VaultError: another's, or the key is gone."""
    if not is_sealed(stored):
        return stored
    return _open(_find_key(connection, vault, person_id), stored, column, person_id)


def is_unsealed(column: "Column[object]") -> ColumnElement[bool]:
    """A condition: neither sealed nor null; the same expression as `ix_face_plain`."""
    name, begins = column.name, MARK
    if isinstance(stored_type(column), JSON):
        name, begins = f"CAST({column.name} AS TEXT)", f'"{MARK}'
    like = f"substr({name}, 1, {len(begins)}) <> '{begins}'"
    words = f"{like} OR length({name}) < {_SHORTEST} OR replace({name}, ' ', '') <> {name}"
    return and_(text(f"({words})"), column.is_not(None))


class TextSealer:
    """The free text of one page or transaction; unwraps each key once."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault
        self._keys: dict[str | None, bytes | None] = {}

    def read(self, stored: str | None, column: str, person_id: str | None = None) -> str:
        """The text; "" for none, and where it does not open: no page fails for that."""
        if not stored or not is_sealed(stored):
            return stored or ""
        key = self._key(person_id)
        if key is None:
            return ""
        try:
            return _open(key, stored, column, person_id)
        except VaultError:
            return ""

    def seal(self, typed: str, column: str, person_id: str | None = None) -> str:
        """As `free_text.seal_text`. Raises VaultError where no key opens."""
        key = self._key(person_id)
        if key is None:
            raise VaultError(f"no key seals the text in {column}")
        return _seal(key, typed, column, person_id) if typed.strip() else ""

    def _key(self, person_id: str | None) -> bytes | None:
        """The key of the person or the house; None where it does not open."""
        if person_id not in self._keys:
            try:
                self._keys[person_id] = _find_key(self._connection, self._vault, person_id)
            except VaultError:
                self._keys[person_id] = None
        return self._keys[person_id]


def _seal(key: bytes, typed: str, column: str, person_id: str | None) -> str:
    item = secrets.token_hex(8)
    body = sealing.seal(key, typed.encode("utf-8", "surrogatepass"), _build_bond(item, column, person_id))
    return f"{MARK}{item}:{b64encode(body).decode()}"


def _open(key: bytes, stored: str, column: str, person_id: str | None) -> str:
    _, item, body = stored.split(":", 2)
    try:
        raw = b64decode(body, validate=True)
    except ValueError:
        raise VaultError(f"the text in {column} is damaged") from None
    return sealing.unseal(key, raw, _build_bond(item, column, person_id)).decode("utf-8", "surrogatepass")


def _find_key(connection: Connection, vault: Vault, person_id: str | None) -> bytes:
    return vault.record_key(connection, person_id) if person_id else house_key.unwrap(connection, vault.master)


def _make_house_key(tx: "Tx", vault: Vault) -> bytes:
    house_key.make(tx, vault.master)
    return house_key.unwrap(tx.connection, vault.master)


def _build_bond(item: str, column: str, person_id: str | None) -> Bond:
    return Bond(item, person_id or house_key.NOBODY, RECORD, "text", column, "", 1)
