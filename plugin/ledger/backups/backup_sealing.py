"""What a backup says of people, photographs and words: to be read only while the keys that cover it live.

An erasure cannot reach into copies of the store. So names and birth dates stand there sealed under the record key of
whose they are; whoever's key is destroyed is gone from every copy that was ever made. Of a name by hand that belongs to
nobody we know only the place is kept: the DAM has the name, and the next look enters it again. Typed text, paths and
what programs wrote, which may all quote a name, stand there under a key made of the house's and of the backup's name.
"""

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import JSON, Column, Connection, LargeBinary, String, Table, select

from plugin.errors import VaultError
from plugin.ledger import tables as t
from plugin.ledger.keys import sealing
from plugin.ledger.keys.master_keys import KEY_BYTES, MasterKeys
from plugin.ledger.keys.sealing import Bond
from plugin.ledger.tables import contents
from plugin.ledger.tables.columns import stored_type
from plugin.ledger.tables.contents import Holds

TableRow = dict[str, Any]
RecordKeys = Mapping[str, bytes]
"""Record keys in the clear, by person id: they live as long as a backup or a restore runs."""

_DAYS_OF_BIRTH = {t.person.name: ("birth_date",)}
"""What is no text and goes with the name."""
_SEALED_ALREADY = {"sealed.body"}


@dataclass(frozen=True)
class _ColumnPlan:
    """What is covered in a table: `names` under the record key, then the key columns, then the others."""

    names: tuple[str, ...]
    optional: frozenset[str]
    in_key: tuple[str, ...]
    beside: tuple[str, ...]
    shared: Mapping[str, str]
    """Columns that a foreign key joins, and the column whose cover they share."""
    key: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing in the table is covered."""
        return not (self.names or self.in_key or self.beside)


class BackupSealer:
    """Covers and lifts the rows of one backup."""

    def __init__(self, records: RecordKeys, house: bytes, name: str) -> None:
        self._records = records
        derived = HKDF(SHA256(), 64, salt=name.encode(), info=b"facelease backup veil").derive(house)
        self._siv = AESSIV(
            derived
        )  # RFC 5297: the same text in the same place is covered alike, so keys still fit

    def cover(self, table: Table, row: TableRow) -> TableRow:
        """The row as a backup keeps it. Of somebody without a record key nobody will ever read more."""
        plan = _plan_columns(table)
        if plan.is_empty:
            return row
        row = self._cover_names(table, plan, row)
        for columns in (plan.in_key, plan.beside):
            row = row | {
                name: self._hide(row[name], _build_associated_data(table, plan, row, name))
                for name in columns
            }
        return row

    def lift(self, table: Table, row: TableRow) -> TableRow:
        """The row as it was. Raises VaultError where a key that covered it is gone."""
        plan = _plan_columns(table)
        if plan.is_empty:
            return row
        for columns in (plan.beside, plan.in_key):
            row = row | {
                name: self._show(row[name], _build_associated_data(table, plan, row, name))
                for name in columns
            }
        return self._lift_names(table, plan, row)

    def gone(self, connection: Connection) -> frozenset[str]:
        """The people in the backup whom nobody can read any more: erased since, or past their term."""
        people = map(dict, connection.execute(select(t.person)).mappings())
        return frozenset(row["id"] for row in people if not self._opens(row))

    def _opens(self, row: TableRow) -> bool:
        try:
            self._lift_names(t.person, _plan_columns(t.person), row)
        except VaultError:
            return False
        return True

    def _cover_names(self, table: Table, plan: _ColumnPlan, row: TableRow) -> TableRow:
        if not plan.names:
            return row
        number, owner = str(row["id"]), _find_owner(table, row)
        if owner is None:
            return row | {"node": "by hand", "node_key": f"by hand {number}"}
        key = self._records.get(owner) or secrets.token_bytes(KEY_BYTES)
        said = {n: row[n].isoformat() if isinstance(row[n], date) else row[n] for n in plan.names}
        sealed = base64.b64encode(
            sealing.seal(key, json.dumps(said).encode(), _build_bond(table, number, owner))
        )
        blank = {name: None if name in plan.optional else number for name in plan.names[1:]}
        return row | blank | {plan.names[0]: sealed.decode()}

    def _lift_names(self, table: Table, plan: _ColumnPlan, row: TableRow) -> TableRow:
        owner = _find_owner(table, row)
        if not plan.names or owner is None:
            return row
        if owner not in self._records:
            raise VaultError(f"person {owner} has no record key: it was destroyed since the backup was made")
        body = base64.b64decode(row[plan.names[0]])
        said: TableRow = json.loads(
            sealing.unseal(self._records[owner], body, _build_bond(table, str(row["id"]), owner))
        )
        if said.get("birth_date"):
            said["birth_date"] = date.fromisoformat(said["birth_date"])
        return row | said

    def _hide(self, value: Any, about: list[bytes]) -> str | None:
        if value is None:
            return None
        return base64.b64encode(self._siv.encrypt(json.dumps(value).encode(), about)).decode()

    def _show(self, value: str | None, about: list[bytes]) -> Any:
        if value is None:
            return None
        try:
            return json.loads(self._siv.decrypt(base64.b64decode(value), about))
        except (InvalidTag, ValueError) as error:
            raise VaultError(
                "the key of the house does not open this backup: it is another house's, or of another name"
            ) from error


def unwrap_record_keys(connection: Connection, master: MasterKeys) -> RecordKeys:
    """Everybody's record key."""
    rows = connection.execute(select(t.person_key).where(t.person_key.c.purpose == "record"))
    return {
        row.person_id: sealing.unwrap(
            master.key(row.master_version), row.wrapped, row.person_id, row.purpose, row.master_version
        )
        for row in rows.all()
    }


def is_left_out(table: Table, row: TableRow, lost: frozenset[str]) -> bool:
    """Whether the row goes with somebody who is gone. A face stays, as one that nobody has named."""
    return table not in (t.face, t.shredding, t.erasure) and _find_owner(table, row) in lost


def strip_person(table: Table, row: TableRow, lost: frozenset[str]) -> TableRow:
    """A face of somebody who is gone, without them."""
    if table is not t.face or row["person_id"] not in lost:
        return row
    return row | {
        "person_id": None,
        "state": "unmatched",
        "distance": None,
        "thresholds": None,
        "set_id": None,
        "reason": None,  # sealed under the key that is gone
    }


@cache
def _plan_columns(table: Table) -> _ColumnPlan:
    """Raises KeyError for a column that nobody has thought about: what may stand in it is not known."""
    holds = {column.name: _find_holds(column) for column in table.columns}
    names = tuple(name for name, what in holds.items() if what is Holds.NAME)
    names += _DAYS_OF_BIRTH.get(table.name, ())
    covered = [name for name, what in holds.items() if what in (Holds.TEXT, Holds.PLACE, Holds.MIXED)]
    key = tuple(column.name for column in table.primary_key)
    return _ColumnPlan(
        names, frozenset(name for name in names if table.c[name].nullable),
        tuple(name for name in covered if name in key), tuple(name for name in covered if name not in key),
        {name: joined for name in covered if (joined := _find_joined_column(table.c[name]))}, key,
    )  # fmt: skip


def _find_holds(column: "Column[Any]") -> Holds | None:
    if isinstance(stored_type(column), String | JSON):
        return contents.find_holds(column)
    if isinstance(column.type, LargeBinary) and f"{column.table.name}.{column.name}" not in _SEALED_ALREADY:
        raise KeyError(f"{column.table.name}.{column.name}: bytes that no backup may hold in plain")
    return None


def _find_joined_column(column: "Column[Any]") -> str:
    """The column whose values this one's have to meet: that which its foreign key names, or itself if one names it."""
    for foreign in column.foreign_keys:
        return str(foreign.column)
    everywhere = (f.column for table in t.metadata.tables.values() for f in table.foreign_keys)
    return str(column) if any(column is named for named in everywhere) else ""


def _build_associated_data(table: Table, plan: _ColumnPlan, row: TableRow, name: str) -> list[bytes]:
    """What the cover of a value is bound to: its column, and its row by the key, so that equal values do not show."""
    if name in plan.shared:
        return [plan.shared[name].encode()]
    others = [row[one] for one in plan.key if name not in plan.in_key or one not in plan.in_key]
    return [f"{table.name}.{name}".encode(), json.dumps(others).encode()]


def _find_owner(table: Table, row: TableRow) -> str | None:
    owner = row["id"] if table is t.person else row.get("person_id")
    return None if owner is None else str(owner)


def _build_bond(table: Table, number: str, owner: str) -> Bond:
    return Bond(f"{table.name}:{number}", owner, "record", "backup", None, "", 1)
