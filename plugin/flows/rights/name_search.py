"""Looks for a person's name in everything of ours: every text of the store, and every file that we keep.

In every recorded spelling, and in sealed texts. Forms, addresses and pictures of others stay sealed, and are counted.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Column, Connection, RowMapping, Table, func, select

from plugin.flows.common.services import Services
from plugin.flows.rights import backup_traces, file_search
from plugin.hooks.dam import ListsNames, node_key
from plugin.hooks.mention import CertificateLine
from plugin.hooks.name_search import SoughtName, list_stored_texts, list_texts
from plugin.ledger import tables as t
from plugin.ledger.keys.free_text import TextSealer, is_sealed
from plugin.ledger.store import engine
from plugin.ledger.tables import column_contents

_ROWS = 2000
_SHOWN = 10  # rows of a column that are named; the others are counted


@dataclass
class _Seen:
    """What was seen of a column."""

    rows: list[str] = field(default_factory=list)
    others: int = 0
    shut: int = 0


def list_spellings(conn: Connection, person_id: str) -> tuple[str, ...]:
    """The person's name as it is stored, and as it was ever written for them."""
    person = select(t.person.c.display_name, t.person.c.given_name).where(t.person.c.id == person_id)
    written = [select(one.c.node).where(one.c.person_id == person_id).distinct() for one in (t.tag, t.intent)]
    found = [name for row in conn.execute(person) for name in row if name]
    found += [name for query in written for name in conn.scalars(query)]
    return tuple(dict.fromkeys(found))


def add_renamed(services: Services, known: tuple[str, ...]) -> tuple[str, ...]:
    """The spellings, and what the DAM calls them now if an administrator renamed them. Raises DamError."""
    if not isinstance(services.dam, ListsNames):
        return known
    keys = {node_key(name) for name in known}
    renamed = [now for before, now in services.dam.renamed() if node_key(before) in keys]
    return tuple(dict.fromkeys([*known, *renamed]))


def search_ours(
    services: Services, sought: SoughtName, person_id: str, beat: Callable[[], None]
) -> tuple[list[CertificateLine], list[CertificateLine]]:
    """In store, files and backups: what was looked at, and what was found."""
    parts = [search_store(services, sought, person_id, beat), search_files(services, sought)]
    parts.append(backup_traces.search_backups(services, sought, beat))
    return [one for looked, _ in parts for one in looked], [one for _, left in parts for one in left]


def search_store(
    services: Services, sought: SoughtName, person_id: str, beat: Callable[[], None]
) -> tuple[list[CertificateLine], list[CertificateLine]]:
    """What was looked at, and where the name is, column by column."""
    columns = rows = shut = 0
    left: list[CertificateLine] = []
    with services.store.read() as conn:
        texts = services.texts(conn)
        for table, column in column_contents.list_columns():
            seen = _Seen()
            for row in _read_column(conn, table, column):
                rows += 1
                _search_row(texts, table, column, row, sought, person_id, seen)
                if rows % _ROWS == 0:
                    beat()
            columns, shut = columns + 1, shut + seen.shut
            left += _describe_found(f"{table.name}.{column.name}", seen)
        shut += conn.scalar(select(func.count()).select_from(t.sealed)) or 0
    looked = [CertificateLine("looked_store", {"columns": columns, "texts": rows, "found": len(left)})]
    return [*looked, *([CertificateLine("looked_shut", {"count": shut})] if shut else [])], left


def _read_column(conn: Connection, table: Table, column: "Column[object]") -> Iterator[RowMapping]:
    keys = [one.label(f"key{place}") for place, one in enumerate(table.primary_key)]
    owner = [table.c.id if table is t.person else table.c.person_id] if _is_owned(table) else []
    query = select(column.label("said"), *(one.label("owner") for one in owner), *keys).where(column.is_not(None))
    yield from conn.execute(query.execution_options(yield_per=_ROWS)).mappings()


def _is_owned(table: Table) -> bool:
    return table is t.person or "person_id" in table.c


def _search_row(
    texts: TextSealer,
    table: Table,
    column: "Column[object]",
    row: RowMapping,
    sought: SoughtName,
    person_id: str,
    seen: _Seen,
) -> None:
    owner = row["owner"] if _is_owned(table) else None
    if table is t.erasure and owner == person_id:
        return  # what the search itself needs to know; it goes with it
    for text in list_texts(row["said"]):
        said = texts.read(text, f"{table.name}.{column.name}", owner)
        seen.shut += is_sealed(text) and not said
        if any(sought.stands_in(one) for one in list_stored_texts(said)):
            seen.rows.append(_identify(row, sought))
            seen.others += owner not in (None, person_id)
            break


def _identify(row: RowMapping, sought: SoughtName) -> str:
    """Identifies the row; a path without the name."""
    keys = [str(value) for key, value in row.items() if key.startswith("key")]
    return sought.masked(" ".join(keys))


def _describe_found(column: str, seen: _Seen) -> Iterator[CertificateLine]:
    if not seen.rows:
        return
    shown = "; ".join(seen.rows[:_SHOWN]) + ("; …" if len(seen.rows) > _SHOWN else "")
    values: dict[str, str | int] = {"column": column, "count": len(seen.rows), "rows": shown}
    yield CertificateLine("found_other_person" if seen.others == len(seen.rows) else "found_store", values)


# ---- files --------------------------------------------------------------------------------


def search_files(services: Services, sought: SoughtName) -> tuple[list[CertificateLine], list[CertificateLine]]:
    """Our files beside the store: logs, ended.log, heads, certificates, and all that lies in data folder or backups."""
    left, count, binary, unread = [], 0, 0, 0
    base = services.config.path("{data}")
    for path in _list_files(services):
        shown = path.relative_to(base).as_posix() if path.is_relative_to(base) else str(path)
        if sought.stands_in(shown):
            left.append(CertificateLine("found_file_name", {"at": sought.masked(shown)}))
        count += 1
        try:
            binary += not file_search.is_text(path)
            if file_search.has_name(path, sought):
                left.append(CertificateLine("found_file", {"at": sought.masked(shown)}))
        except OSError:
            unread += 1
    looked = [CertificateLine("looked_files", {"files": count, "found": len({one.values["at"] for one in left})})]
    shut = [CertificateLine("unread_own", {"count": unread})] if unread else []
    return [*looked, *([CertificateLine("looked_binary", {"count": binary})] if binary else [])], [*left, *shut]


def _list_files(services: Services) -> list[Path]:
    """Without the store and the parts of backups, which are searched otherwise."""
    config = services.config
    log = config.path(config.server.log_file) if config.server.log_file else None
    named = [config.path(config.keys.ended_log), config.path(config.keys.heads_file)]
    named += sorted(log.parent.glob(f"{log.name}*")) if log else []
    store = engine.sqlite_path(engine.parse_url(config.store_url))
    backups = config.path(config.backup.folder)
    own = {f"{store}{end}" for end in ("", "-wal", "-shm")} if store else set()
    own |= {str(path.absolute()) for path in backup_traces.list_parts(backups)}
    inside = [
        path
        for folder in (config.path("{data}"), backups)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink() and str(path.absolute()) not in own
    ]
    return list(dict.fromkeys([*(path for path in named if path.is_file()), *inside]))
