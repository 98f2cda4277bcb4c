"""M1: the schema moves both ways, with data, on both stores."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from plugin.clock import ManualClock
from plugin.ledger.store import engine, migrations
from plugin.ledger.store.migrations import draft
from plugin.ledger.store.store import init_store
from plugin.ledger.tables import metadata
from tests.stores import KINDS, Stores

Promise = Callable[[str, str], None]
Schema = dict[str, Any]

FOREIGN = "somebody_elses"  # a table that is not ours, in the same database


# Tables whose rows another one took over: their own test says what became of them.
_TAKEN_OVER = {"0011": {"shoot_member", "ruling_member"}}


@contextmanager
def _connected(url: str) -> Iterator[sa.Connection]:
    engine.make_file(engine.parse_url(url))
    database = engine.create_store_engine(engine.parse_url(url))
    with database.connect() as connection:
        connection = connection.execution_options(**{engine.WRITE: True})
        with connection.begin():
            yield connection
    database.dispose()


def _schema(url: str) -> Schema:
    """Everything the database says of its tables: columns, keys, indexes."""
    with _connected(url) as connection:
        inspector = sa.inspect(connection)
        columns, keys = inspector.get_multi_columns(), inspector.get_multi_pk_constraint()
        others, indexes = inspector.get_multi_foreign_keys(), inspector.get_multi_indexes()
        unique = inspector.get_multi_unique_constraints()
        return {
            table[1]: (
                [(c["name"], str(c["type"]), c["nullable"]) for c in columns[table]],
                keys[table],
                sorted(map(str, others[table])),
                sorted(_index(index) for index in indexes[table]),
                sorted(map(str, unique[table])),
            )
            for table in sorted(columns)
            if table[1] != "alembic_version"
        }


def _index(index: Any) -> tuple[str, ...]:
    options = index.get("dialect_options", {})
    kept = [f"{name}={options[name]}" for name in sorted(options)]
    return str(index["name"]), str(index["column_names"]), str(index["unique"]), *kept


def _statements(url: str) -> set[str]:
    """SQLite keeps the statements themselves: what reflection does not tell (AUTOINCREMENT) is in them."""
    if not url.startswith("sqlite"):
        return set()
    with _connected(url) as connection:
        kept = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL").scalars()
        words = (" ".join(statement.split()) for statement in kept if "alembic" not in statement)
        return {said.replace(" ,", ",").replace(" )", ")") for said in words}


def _value(column: "sa.Column[Any]", number: int) -> Any:
    kind = column.type
    if isinstance(kind, sa.Boolean):
        return True
    if isinstance(kind, sa.Float):
        return 0.25
    if isinstance(kind, sa.Integer):
        return number
    if isinstance(kind, sa.LargeBinary):
        return b"bytes"
    if isinstance(kind, sa.Date):
        return date(2026, 3, 2)
    if isinstance(kind, sa.JSON):
        return ["one", {"two": 2}]
    return str(number)


_GIVEN = {"session.door": "dam"}
"""What a column holds where any word would not do: an older schema drops sessions of the doors that it lacks."""


def _fill(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Three rows in every table that there is, by reflection; returns what the tables hold."""
    with _connected(url) as connection:
        there = sa.MetaData()
        there.reflect(connection)
        for table in there.sorted_tables:
            if table.name != "alembic_version":
                rows = [
                    {c.name: _GIVEN.get(f"{table.name}.{c.name}", _value(c, number)) for c in table.columns}
                    for number in (1, 2, 3)
                ]
                connection.execute(sa.insert(table), rows)
    return _content(url)


def _content(url: str) -> dict[str, list[tuple[Any, ...]]]:
    with _connected(url) as connection:
        there = sa.MetaData()
        there.reflect(connection)
        return {
            table.name: [tuple(row) for row in connection.execute(sa.select(table))]
            for table in there.sorted_tables
            if table.name != "alembic_version"
        }


def _at(stores: Stores, kind: str, revision: str | None) -> str:
    """A store at `revision` (None: before the first), with a table of somebody else in it."""

    def fill(url: str) -> None:
        with _connected(url) as connection:
            connection.execute(sa.text(f"CREATE TABLE {FOREIGN} (id INTEGER PRIMARY KEY, word TEXT)"))
        if revision:
            migrations.upgrade(url, revision)

    return stores.alike(kind, f"at_{revision or 'first'}", fill)


def _make_of_tables(url: str) -> None:
    with _connected(url) as connection:
        metadata.create_all(connection)


def _check_head_is_models(stores: Stores, kind: str, before: str | None, revision: str) -> None:
    """After all revisions the database is what the tables in the code say."""
    url = stores.migrated(kind)
    with _connected(url) as connection:
        options = {"compare_type": draft.compare_type}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []
    made = stores.alike(kind, "tables", _make_of_tables)
    assert _schema(url) == _schema(made)
    assert _statements(url) == _statements(made)


def _check_up(stores: Stores, kind: str, before: str | None, revision: str) -> None:
    url = _at(stores, kind, before)
    migrations.upgrade(url, revision)
    assert migrations.current(url) == revision
    migrations.upgrade(url, revision)
    assert FOREIGN in _schema(url)


def _check_up_and_down(stores: Stores, kind: str, before: str | None, revision: str) -> None:
    """Down again leaves the schema as it was."""
    url = _at(stores, kind, before)
    was = _schema(url)
    migrations.upgrade(url, revision)
    assert _schema(url) != was
    migrations.downgrade(url, before or "base")
    assert (_schema(url), migrations.current(url)) == (was, before)


def _check_up_with_data(stores: Stores, kind: str, before: str | None, revision: str) -> None:
    """Every row of a table that stays is there, and every table takes rows."""
    url = _at(stores, kind, before)
    was = _fill(url)
    migrations.upgrade(url, revision)
    now = _content(url)
    assert set(was) - set(now) == _TAKEN_OVER.get(revision, set())
    assert {len(now[name]) for name in was if name in now} == {3}
    with _connected(url) as connection:
        for name in reversed(now):  # children first; a revision may move data into tables that it makes
            connection.execute(sa.text(f"DELETE FROM {name}"))
    assert {len(rows) for rows in _fill(url).values()} == {3}


def _check_down_with_data(stores: Stores, kind: str, before: str | None, revision: str) -> None:
    """Full tables do not stand in the way; what the older schema has as well keeps its rows."""
    url = _at(stores, kind, revision)
    _fill(url)
    migrations.downgrade(url, before or "base")
    left = _content(url)
    assert set(left) == set(_schema(_at(stores, kind, before)))
    assert {len(rows) for name, rows in left.items() if name not in _TAKEN_OVER.get(revision, ())} == {3}


_WAYS = (_check_head_is_models, _check_up, _check_up_and_down, _check_up_with_data, _check_down_with_data)


@pytest.mark.promise
def test_the_schema_moves_both_ways(stores: Stores, promise: Promise) -> None:
    """Each revision five ways on both stores: head equals the tables, up, up and down, both with data."""
    revisions = list(reversed(list(migrations.scripts().walk_revisions())))
    assert revisions[-1].revision == migrations.head()
    passed = 0
    for script in revisions:
        before = script.down_revision
        assert before is None or isinstance(before, str)
        for kind in KINDS:
            for check in _WAYS:
                check(stores, kind, before, script.revision)
                passed += 1
    promise("M1", f"migrations {len(revisions)} x {len(_WAYS)} x {len(KINDS)} passed")
    assert passed == len(revisions) * 5 * 2


@pytest.mark.parametrize("kind", KINDS)
def test_an_older_schema_lets_nobody_in_by_a_door_that_it_does_not_know(stores: Stores, kind: str) -> None:
    """It would take any session for one of the DAM."""
    url = stores.alike(kind, "doors", lambda url: migrations.upgrade(url, migrations.head()))
    with _connected(url) as connection:
        there = sa.MetaData()
        there.reflect(connection)
        session = there.tables["session"]
        for number, door in enumerate(("dam", "openid", "staff", "another"), 1):
            row = {c.name: _value(c, number) for c in session.columns} | {"door": door}
            connection.execute(sa.insert(session).values(row))
    migrations.downgrade(url, "0014")
    assert [row[0] for row in _content(url)["session"]] == ["1"]


_BEFORE_SHOOTS = (
    (
        "INSERT INTO person (id, display_name, name_key, node_adopted, language, created_at) VALUES "
        "('asa', 'A', 'a', false, 'en', 1), ('bo', 'B', 'b', false, 'en', 1), ('cy', 'C', 'c', false, 'en', 1)"
    ),
    (
        "INSERT INTO collection (ref, title, mode, basis, set_by, set_at) VALUES "
        "('7', 'Seven', 'auto', 'shoot', 'x', 5), ('8', '8', 'off', NULL, 'x', 5), ('9', '9', 'auto', 'shoot', 'x', 6)"
    ),
    "INSERT INTO shoot_member VALUES ('7', 'asa'), ('7', 'cy'), ('9', 'bo')",
    (
        "INSERT INTO ruling (id, collection_ref, title, mode, set_by, set_at, why, members) VALUES "
        "(1, '7', 'Seven', 'auto', 'x', 4, 'set', 2), (2, '7', 'Seven', 'auto', 'x', 5, 'set', 1), "
        "(3, '8', 'Eight', 'off', 'x', 5, 'set', 0)"
    ),
    "INSERT INTO ruling_member VALUES (1, 'asa'), (1, 'bo'), (2, 'asa')",
)
_TODAY = """SELECT c.ref, p.person_id FROM collection c JOIN {} p ON p.{} ORDER BY 1, 2"""
_THEN = """SELECT r.id, p.person_id FROM ruling r JOIN {} p ON p.{} ORDER BY 1, 2"""


def _asked(url: str, said: str) -> list[tuple[Any, ...]]:
    with _connected(url) as connection:
        return [tuple(row) for row in connection.execute(sa.text(said))]


@pytest.mark.parametrize("kind", KINDS)
def test_who_takes_part_in_a_shoot_is_taken_over_and_given_back(stores: Stores, kind: str) -> None:
    """Who does today, and whom each past ruling meant."""
    url = stores.alike(kind, "before_shoots", lambda url: migrations.upgrade(url, "0010"))
    with _connected(url) as connection:
        for said in _BEFORE_SHOOTS:
            connection.execute(sa.text(said))
    today, then = [("7", "asa"), ("7", "cy"), ("9", "bo")], [(1, "asa"), (1, "bo"), (2, "asa")]
    migrations.upgrade(url, "0011")
    assert _asked(url, _TODAY.format("shoot_person", "shoot_id = c.shoot_id")) == today
    assert _asked(url, _THEN.format("shoot_person", "shoot_id = r.shoot_id AND p.after_ruling < r.id")) == then
    migrations.downgrade(url, "0010")
    assert _asked(url, _TODAY.format("shoot_member", "collection_ref = c.ref")) == today
    assert _asked(url, _THEN.format("ruling_member", "ruling_id = r.id")) == then


def test_a_migration_that_fails_half_way_leaves_the_schema(
    stores: Stores, store_kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DDL is part of the transaction on both stores: nothing is left half made."""
    from alembic import op

    url = _at(stores, store_kind, None)
    was, made = _schema(url), op.create_table

    def fail(name: str, *columns: Any, **options: Any) -> Any:
        if name == "sealed":
            raise RuntimeError(name)
        return made(name, *columns, **options)

    with monkeypatch.context() as patch:
        patch.setattr(op, "create_table", fail)
        with pytest.raises(RuntimeError, match="sealed"):
            migrations.upgrade(url)
    assert (_schema(url), migrations.current(url)) == (was, None)
    migrations.upgrade(url)
    assert migrations.current(url) == migrations.head()


def test_a_draft_of_an_up_to_date_store_is_empty(stores: Stores, store_kind: str, clock: ManualClock) -> None:
    """The developers' tool sees no difference; before the first revision it sees every table."""
    store = init_store(stores.migrated(store_kind), clock)
    store.close()
    assert "op." not in draft.main(store.url)
    assert draft.main(stores.empty(store_kind)).count("op.create_table") == len(metadata.tables)


def test_a_store_may_lie_in_a_folder_with_a_percent_sign(tmp_path: Path, stores: Stores) -> None:
    """Alembic's configuration reads % in a path: the program's own folder is escaped, the store's is handed over."""
    folder = tmp_path / "100% ours"
    folder.mkdir()
    shutil.copyfile(stores.migrated("sqlite").removeprefix("sqlite:///"), folder / "ledger.db")
    assert migrations.current(f"sqlite:///{folder}/ledger.db") == migrations.head()
