"""Seals what a backup says about people, photographs and text: readable only while the keys exist.

An erasure cannot reach copies of the store. So names and birth dates are sealed there under the person's record key:
destroying it removes the person from every copy. For a name by hand without a person only the place is kept: the DAM
has the name, and the next look restores it. Typed text, paths and programs' output, which may quote a name, are sealed
under a key derived from the house's key and the backup's name.
"""

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache

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
from plugin.ledger.tables import column_contents
from plugin.ledger.tables.column_contents import Holds
from plugin.ledger.tables.columns import stored_type

TableRow = dict[str, object]
RecordKeys = Mapping[str, bytes]
"""Record keys in the clear, by person id: they live as long as a backup or a restore runs."""

_DAYS_OF_BIRTH = {t.person.name: ("birth_date",)}
"""Columns that are no text and are sealed with the name."""
_SEALED_ALREADY = {"sealed.body"}


@dataclass(frozen=True)
class _ColumnPlan:
    """What is sealed in a table: `names` under the record key, then key columns, then others."""

    names: tuple[str, ...]
    optional: frozenset[str]
    in_key: tuple[str, ...]
    beside: tuple[str, ...]
    shared: Mapping[str, str]
    """Columns of a foreign key, and the column whose associated data they share."""
    key: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        return not (self.names or self.in_key or self.beside)


class BackupSealer:
    """Seals and unseals the rows of one backup."""

    def __init__(self, records: RecordKeys, house: bytes, name: str) -> None:
        self._records = records
        derived = HKDF(SHA256(), 64, salt=name.encode(), info=b"facelease backup veil").derive(house)
        self._siv = AESSIV(derived)  # RFC 5297: deterministic, so that sealed keys still match

    def seal_row(self, table: Table, row: TableRow) -> TableRow:
        """The row as a backup stores it. Without a record key its name becomes unreadable for good."""
        plan = _plan_columns(table)
        if plan.is_empty:
            return row
        row = self._seal_names(table, plan, row)
        for columns in (plan.in_key, plan.beside):
            row = row | {
                name: self._seal_value(row[name], _build_associated_data(table, plan, row, name)) for name in columns
            }
        return row

    def unseal_row(self, table: Table, row: TableRow) -> TableRow:
        """The original row. Raises VaultError where a key is gone."""
        plan = _plan_columns(table)
        if plan.is_empty:
            return row
        for columns in (plan.beside, plan.in_key):
            row = row | {
                name: self._unseal_value(row[name], _build_associated_data(table, plan, row, name)) for name in columns
            }
        return self._unseal_names(table, plan, row)

    def list_erased(self, connection: Connection) -> frozenset[str]:
        """People in the backup whose record key is gone: erased since, or past their term."""
        people = map(dict, connection.execute(select(t.person)).mappings())
        return frozenset(str(row["id"]) for row in people if not self._is_openable(row))

    def _is_openable(self, row: TableRow) -> bool:
        try:
            self._unseal_names(t.person, _plan_columns(t.person), row)
        except VaultError:
            return False
        return True

    def _seal_names(self, table: Table, plan: _ColumnPlan, row: TableRow) -> TableRow:
        if not plan.names:
            return row
        number, owner = str(row["id"]), _find_owner(table, row)
        if owner is None:
            return row | {"node": "by hand", "node_key": f"by hand {number}"}
        key = self._records.get(owner) or secrets.token_bytes(KEY_BYTES)
        said = {n: v.isoformat() if isinstance(v := row[n], date) else v for n in plan.names}
        sealed = base64.b64encode(sealing.seal(key, json.dumps(said).encode(), _build_bond(table, number, owner)))
        blank = {name: None if name in plan.optional else number for name in plan.names[1:]}
        return row | blank | {plan.names[0]: sealed.decode()}

    def _unseal_names(self, table: Table, plan: _ColumnPlan, row: TableRow) -> TableRow:
        owner = _find_owner(table, row)
        if not plan.names or owner is None:
            return row
        if owner not in self._records:
            raise VaultError(f"person {owner} has no record key: it was destroyed since the backup was made")
        body = base64.b64decode(str(row[plan.names[0]]))
        said: dict[str, str | None] = json.loads(
            sealing.unseal(self._records[owner], body, _build_bond(table, str(row["id"]), owner))
        )
        if birth_date := said.get("birth_date"):
            return row | said | {"birth_date": date.fromisoformat(birth_date)}
        return row | said

    def _seal_value(self, value: object, about: list[bytes]) -> str | None:
        if value is None:
            return None
        return base64.b64encode(self._siv.encrypt(json.dumps(value).encode(), about)).decode()

    def _unseal_value(self, value: object, about: list[bytes]) -> object:
        if value is None:
            return None
        try:
            return json.loads(self._siv.decrypt(base64.b64decode(str(value)), about))
        except (InvalidTag, ValueError) as error:
            raise VaultError(
                "the key of the house does not open this backup: it is another house's, or of another name"
            ) from error


def unwrap_record_keys(connection: Connection, master: MasterKeys) -> RecordKeys:
    """The record key of each person."""
    rows = connection.execute(select(t.person_key).where(t.person_key.c.purpose == "record"))
    return {
        row.person_id: sealing.unwrap(
            master.key(row.master_version), row.wrapped, row.person_id, row.purpose, row.master_version
        )
        for row in rows.all()
    }


def is_left_out(table: Table, row: TableRow, lost: frozenset[str]) -> bool:
    """Whether the row belongs to a person whose key is gone. A face stays, without a name."""
    return table not in (t.face, t.shredding, t.erasure) and _find_owner(table, row) in lost


def strip_person(table: Table, row: TableRow, lost: frozenset[str]) -> TableRow:
    """A face without a person whose key is gone."""
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
    """Raises KeyError for a column that `column_contents` does not classify: it may hold anything."""
    holds = {column.name: _find_holds(column) for column in table.columns}
    names = tuple(name for name, what in holds.items() if what is Holds.NAME)
    names += _DAYS_OF_BIRTH.get(table.name, ())
    covered = [name for name, what in holds.items() if what in (Holds.TEXT, Holds.PLACE, Holds.MIXED)]
    key = tuple(column.name for column in table.primary_key)
    optional = frozenset(name for name in names if table.c[name].nullable)
    in_key, beside = (tuple(n for n in covered if (n in key) is inside) for inside in (True, False))
    shared = {name: joined for name in covered if (joined := _find_joined_column(table.c[name]))}
    return _ColumnPlan(names, optional, in_key, beside, shared, key)


def _find_holds(column: "Column[object]") -> Holds | None:
    if isinstance(stored_type(column), String | JSON):
        return column_contents.find_holds(column)
    if isinstance(column.type, LargeBinary) and f"{column.table.name}.{column.name}" not in _SEALED_ALREADY:
        raise KeyError(f"{column.table.name}.{column.name}: bytes that no backup may hold in plain")
    return None


def _find_joined_column(column: "Column[object]") -> str:
    """The column whose values must match this one's: its foreign key's target, or itself if it is one."""
    for foreign in column.foreign_keys:
        return str(foreign.column)
    everywhere = (f.column for table in t.metadata.tables.values() for f in table.foreign_keys)
    return str(column) if any(column is named for named in everywhere) else ""


def _build_associated_data(table: Table, plan: _ColumnPlan, row: TableRow, name: str) -> list[bytes]:
    """Binds a sealed value to its column and its row's key, so that equal values look different."""
    if name in plan.shared:
        return [plan.shared[name].encode()]
    others = [row[one] for one in plan.key if name not in plan.in_key or one not in plan.in_key]
    return [f"{table.name}.{name}".encode(), json.dumps(others).encode()]


def _find_owner(table: Table, row: TableRow) -> str | None:
    owner = row["id"] if table is t.person else row.get("person_id")
    return None if owner is None else str(owner)


def _build_bond(table: Table, number: str, owner: str) -> Bond:
    return Bond(f"{table.name}:{number}", owner, "record", "backup", None, "", 1)
