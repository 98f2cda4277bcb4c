"""O1, rule 52: whatever one row of the store holds, it is that row's matter: everybody else is ended and served."""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import insert, select, text

from plugin.clock import ManualClock
from plugin.flows.clearance import photo_answers
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.schedule import calendar
from plugin.ledger import tables as t
from plugin.ledger.tables.columns import Instant
from plugin.quitclaim.clearance.answers import ClearanceStatus
from plugin.recognizer.process.examiner import Examiner
from sidecar.commands.demo import samples
from sidecar.doctor import checks
from sidecar.doctor.finding import Finding
from tests import support

pytestmark = [pytest.mark.promise, pytest.mark.embedded]

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ALONE = {"state", "audit", "audit_head", "house_key"}
"""One row is all there is of it, or the log, of which every row counts: damage there is the store's, not a row's."""

TABLES = sorted(set(t.metadata.tables) - ALONE)
SAID = {"person_key": "housekeeping: VaultError"}
"""Told each night until somebody mends it: the rotation of the master key waits for a key that does not open."""

WORD, NUMBER = "'{broken'", str((1 << 63) - 1)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, examiner: Examiner) -> Path:
    """A house of Åsa, who is named on a photograph that is cleared, and of Bo with a row in every table."""
    root = tmp_path_factory.mktemp("house")
    clock = ManualClock(NOON)
    (root / "photos" / support.SHOOT).mkdir(parents=True)
    with support.opened(support.configuration(root), clock, examiner) as services:
        cast = support.Cast(services)
        support.put(root / "photos", "shoot/a.jpg", samples.A_STANDING)
        support.put(root / "photos", "other/b.jpg", samples.B_STANDING)
        cast.open_collection()
        cast.open_collection("other")
        for name, portraits in (("Åsa", ()), ("Bo", (samples.B_STANDING,))):
            cast.sign(person := cast.add(name))
            cast.enrol(person, *portraits)
        calendar.poll_dam(services)
        cast.work()
        assert cast.names_on("shoot/a.jpg") == {"Åsa"}
        assert cast.names_on("other/b.jpg") == {"Bo"}
        with services.store.write() as tx:
            for table in t.metadata.sorted_tables:
                if table.name in TABLES and tx.connection.execute(select(table)).first() is None:
                    tx.execute(insert(table).values(_row(table, person)))
    return root


def _row(table: sa.Table, person_id: str) -> dict[str, Any]:
    """A row of Bo's that a table might have."""
    ours = {"person_id": person_id, "resource_id": 2, "collection_ref": "shoot", "state": "queued", "id": 1}
    plain = {Instant: NOON, sa.JSON: {}, sa.Boolean: False, sa.Date: date(2026, 1, 1), sa.LargeBinary: b"x"}
    return {
        column.name: ours[column.name]
        if column.name in ours and not (column.name == "id" and isinstance(column.type, sa.Text))
        else next((value for kind, value in plain.items() if _is(column, kind)), _plain(column))
        for column in table.columns
    }


def _is(column: "sa.Column[Any]", kind: Any) -> bool:
    return isinstance(column.type, kind) or isinstance(getattr(column.type, "impl", None), kind)


def _plain(column: "sa.Column[Any]") -> Any:
    return "other" if _is(column, sa.Text) else 1


def _cells(table: sa.Table) -> Iterator[tuple[str, str]]:
    """Each column that is no key, and what no value of its type can be made of."""
    for column in table.columns:
        if not column.primary_key and not column.foreign_keys and not _is(column, sa.LargeBinary):
            yield column.name, WORD
            if _is(column, Instant):
                yield column.name, NUMBER


Cells = dict[str, str]
"""By column what it holds, in SQL."""


@pytest.fixture
def damaged(house: Path, tmp_path: Path, examiner: Examiner) -> Callable[[str, Cells], list[str]]:
    """What stops where the cells of Bo's row hold these."""

    def run(table: str, cells: Cells) -> list[str]:
        root = tmp_path / "house"
        shutil.copytree(house, root)
        clock = ManualClock(NOON + timedelta(minutes=5))
        with support.opened(support.configuration(root), clock, examiner) as services:
            with services.store.write() as tx:
                bo = tx.connection.scalar(select(t.person.c.id).where(t.person.c.display_name == "Bo"))
                new = ", ".join(f'"{column}" = {value}' for column, value in cells.items())
                whose = _whose(table)
                damage = text(f'UPDATE "{table}" SET {new} WHERE {whose}')
                tx.connection.execute(damage, {"bo": bo} if ":bo" in whose else {})
                tx.move_generation()
            found = _fails(services, clock)
        shutil.rmtree(root)
        return found

    return run


def _whose(table: str) -> str:
    columns = t.metadata.tables[table].columns
    if table == "person":
        return "id = :bo"
    if table == "resource":
        return "id = (SELECT resource_id FROM tag WHERE person_id = :bo)"
    if "person_id" in columns:
        return "person_id = :bo"
    return f'rowid = (SELECT max(rowid) FROM "{table}")'


def _fails(services: Services, clock: ManualClock) -> list[str]:
    cast = support.Cast(services)
    with services.store.read() as conn:
        ids = list(conn.scalars(select(t.person.c.id)))
        asa = conn.scalars(select(t.person.c.id).where(t.person.c.display_name == "Åsa")).one()
        (bo,) = {*ids} - {asa}
    acts: list[tuple[str, Callable[[], Any]]] = [
        ("start", lambda: calendar.start_process(services)),
        ("sweep", lambda: calendar.sweep_endings(services)),
        ("owe", lambda: calendar.follow_up_owed(services)),
        ("housekeeping", lambda: calendar.run_housekeeping(services)),
        ("remind", lambda: calendar.send_reminders(services)),
        ("poll", lambda: calendar.poll_dam(services)),
        ("reconcile", lambda: calendar.begin_comparison(services)),
        ("work", cast.work),
        ("doctor", lambda: _sound(checks.run_checks(services.config, clock))),
        ("clearance", lambda: _cleared(services)),
        ("withdrawal", lambda: withdrawal.withdraw(services, asa, None, "person")),
        ("work after it", cast.work),
        ("gone", lambda: _gone(services, cast, asa)),
        ("own withdrawal", lambda: withdrawal.withdraw(services, bo, None, "person")),
        ("work after own", cast.work),
        ("own gone", lambda: _over(services, bo)),
    ]
    found = []
    for name, act in acts:
        try:
            act()
        except Exception as error:  # noqa: BLE001, RUF100 - each act is asked for, whatever became of the one before
            found.append(f"{name}: {type(error).__name__} {error}"[:300])
    return found + _failed(services, {"other/b.jpg", bo})


def _failed(services: Services, bos: set[str]) -> list[str]:
    """Jobs of others that did not come to their end."""
    j = t.job.c
    with services.store.read() as conn:
        rows = conn.execute(
            select(j.kind, j.key, j.error).where(j.error.is_not(None), j.kind.not_in(("other", WORD[1:-1])))
        )
        letters = conn.scalars(select(t.mail.c.id).where(t.mail.c.person_id.in_(bos)))
        bos = {*bos, *letters}
        return [f"{row.kind}: {row.error}" for row in rows if row.key not in bos]


def _sound(findings: list[Finding]) -> None:
    broken = [(one.what, one.said) for one in findings if one.what == "house" or "Error" in one.said]
    assert not broken, broken


def _cleared(services: Services) -> None:
    assert (
        photo_answers.answer_photo(services, "shoot/a.jpg", "communication", "website").status
        is ClearanceStatus.CLEARED
    )


def _gone(services: Services, cast: support.Cast, asa: str) -> None:
    assert not cast.names_on("shoot/a.jpg")
    assert not cast.tags(asa)
    assert (
        photo_answers.answer_photo(services, "shoot/a.jpg", "communication", "website").status
        is not ClearanceStatus.CLEARED
    )


def _over(services: Services, person_id: str) -> None:
    g = t.grant.c
    with services.store.read() as conn:
        assert not list(conn.scalars(select(g.id).where(g.person_id == person_id, g.ended_at.is_(None))))
    assert (
        photo_answers.answer_photo(services, "other/b.jpg", "communication", "website").status
        is not ClearanceStatus.CLEARED
    )


@pytest.mark.parametrize("table", TABLES)
def test_a_broken_cell_is_a_matter_of_its_row(
    table: str, damaged: Callable[[str, Cells], list[str]], full: bool, promise: Callable[[str, str], None]
) -> None:
    """All cells of a row hold what no value can be made of, with `--full` each in turn; everything else goes on."""
    cells = list(_cells(t.metadata.tables[table]))
    tries = [dict(cells[::-1])] if not full else [{column: value} for column, value in cells]
    said = SAID.get(table, "\n")
    found = [(one, [fail for fail in damaged(table, one) if not fail.startswith(said)]) for one in tries if one]
    stopped = [(one, fails) for one, fails in found if fails]
    promise("O1", f"broken cells of {table}: everything else stopped {len(stopped)} of {len(tries)}")
    assert not stopped
