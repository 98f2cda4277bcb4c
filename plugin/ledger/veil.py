"""What a backup says of people: to be read only while their record key lives.

An erasure cannot reach into copies of the store. So names, birth dates and the names on photographs
stand there sealed under the record key of whose they are; whoever's key is destroyed is gone from
every copy that was ever made. Of a name by hand that belongs to nobody we know only the place is
kept: the DAM has the name, and the next look enters it again.
"""

import base64
import json
import secrets
from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import Connection, Table, select

from plugin.errors import VaultError
from plugin.ledger import sealing
from plugin.ledger import tables as t
from plugin.ledger.keys import KEY_BYTES, MasterKeys
from plugin.ledger.sealing import Bond

Row = dict[str, Any]
RecordKeys = Mapping[str, bytes]
"""Record keys in the clear, by person id: they live as long as a backup or a restore runs."""

_VEILED: Mapping[str, tuple[str, ...]] = {
    t.person.name: ("display_name", "name_key", "birth_date", "given_name"),
    t.tag.name: ("node", "node_key"),
    t.intent.name: ("node",),
}
"""The first field takes the sealed text; the others what tells no more than the row's number."""
_OPTIONAL = frozenset({"birth_date", "given_name"})


def record_keys(connection: Connection, master: MasterKeys) -> RecordKeys:
    """Everybody's record key."""
    rows = connection.execute(select(t.person_key).where(t.person_key.c.purpose == "record"))
    return {
        row.person_id: sealing.unwrap(
            master.key(row.master_version), row.wrapped, row.person_id, row.purpose, row.master_version
        )
        for row in rows.all()
    }


def cover(table: Table, row: Row, keys: RecordKeys) -> Row:
    """The row as a backup keeps it. Of somebody without a record key nobody will ever read more."""
    fields = _VEILED.get(table.name)
    if fields is None:
        return row
    number, owner = str(row["id"]), _owner(table, row)
    if owner is None:
        return row | {"node": "by hand", "node_key": f"by hand {number}"}
    key = keys.get(owner) or secrets.token_bytes(KEY_BYTES)
    said = {name: row[name].isoformat() if isinstance(row[name], date) else row[name] for name in fields}
    sealed = base64.b64encode(sealing.seal(key, json.dumps(said).encode(), _bond(table, number, owner)))
    blank = {name: None if name in _OPTIONAL else number for name in fields[1:]}
    return row | blank | {fields[0]: sealed.decode()}


def lift(table: Table, row: Row, keys: RecordKeys) -> Row:
    """The row as it was. Raises VaultError where the key that covered it is gone."""
    fields, owner = _VEILED.get(table.name), _owner(table, row)
    if fields is None or owner is None:
        return row
    if owner not in keys:
        raise VaultError(f"person {owner} has no record key: it was destroyed since the backup was made")
    body = base64.b64decode(row[fields[0]])
    said: Row = json.loads(sealing.unseal(keys[owner], body, _bond(table, str(row["id"]), owner)))
    if said.get("birth_date"):
        said["birth_date"] = date.fromisoformat(said["birth_date"])
    return row | said


def gone(connection: Connection, keys: RecordKeys) -> frozenset[str]:
    """The people in the backup whom nobody can read any more: erased since, or past their term."""
    return frozenset(
        row["id"]
        for row in map(dict, connection.execute(select(t.person)).mappings())
        if not _opens(row, keys)
    )


def _opens(row: Row, keys: RecordKeys) -> bool:
    try:
        lift(t.person, row, keys)
    except VaultError:
        return False
    return True


def left_out(table: Table, row: Row, lost: frozenset[str]) -> bool:
    """Whether the row goes with somebody who is gone. A face stays, as one that nobody has named."""
    return table not in (t.face, t.shredding) and _owner(table, row) in lost


def unnamed(table: Table, row: Row, lost: frozenset[str]) -> Row:
    """A face of somebody who is gone, without them."""
    if table is not t.face or row["person_id"] not in lost:
        return row
    return row | {
        "person_id": None,
        "state": "unmatched",
        "distance": None,
        "thresholds": None,
        "set_id": None,
    }


def _owner(table: Table, row: Row) -> str | None:
    owner = row["id"] if table is t.person else row.get("person_id")
    return None if owner is None else str(owner)


def _bond(table: Table, number: str, owner: str) -> Bond:
    return Bond(f"{table.name}:{number}", owner, "record", "backup", None, "", 1)
