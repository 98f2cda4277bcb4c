"""Sealed text in its columns: what was plain before, what somebody moved or destroyed, and what a page costs."""

import json
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import JSON, Text, cast, delete, event, insert, select, text, update
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from plugin.clock import ManualClock
from plugin.errors import VaultError
from plugin.flows.access.programs import api_tokens
from plugin.flows.clearance import photo_answers
from plugin.flows.collections import modes, ruling_history
from plugin.flows.common import face_rows
from plugin.flows.common.services import Services
from plugin.flows.people import recognitions, register
from plugin.flows.review import download_gate
from plugin.flows.rights import erasure_requests
from plugin.flows.schedule import calendar, text_sealing
from plugin.flows.views.collections import collection_list
from plugin.flows.views.photos import photo_panel
from plugin.hooks.dam import CollectionRuling
from plugin.ledger import tables as t
from plugin.ledger.keys import free_text
from plugin.ledger.tables import column_contents
from plugin.ledger.tables.column_contents import Holds
from plugin.ledger.tables.columns import stored_type
from plugin.quitclaim.clearance.answers import ClearanceStatus, ReasonCode
from plugin.recognizer.process.examiner import Examiner
from tests import program, staff, support
from tests.program import Api
from tests.stores import KINDS, Stores

MARK = "Sperwer"
MANY = 3 * text_sealing.PORTION


@pytest.fixture(params=KINDS)
def house(
    tmp_path: Path, clock: ManualClock, examiner: Examiner, stores: Stores, request: pytest.FixtureRequest
) -> Iterator[Services]:
    """A house with one collection, on either store."""
    config = staff.configuration(tmp_path, store={"url": stores.migrated(request.param)})
    with support.opened(config, clock, examiner) as services:
        yield services


def file_of(services: Services) -> Path:
    return Path(services.store.url.removeprefix("sqlite:///"))


def bytes_of(services: Services) -> bytes:
    """The store's file and its log; on a server every column of typed text."""
    if services.store.is_sqlite:
        return b"".join(
            path.read_bytes() for path in sorted(file_of(services).parent.glob(f"{file_of(services).name}*"))
        )
    with services.store.read() as conn:
        return "\n".join(
            str(row)
            for _, column in column_contents.list_columns(Holds.TEXT)
            for row in conn.scalars(select(cast(column, Text)))
        ).encode()


def plain(services: Services, asa: str) -> int:
    """A store of before: what was typed stands plain in every column, in many rows, put there out of order."""
    number = program.photograph(services, "shoot/a.jpg")
    with services.store.write() as tx:
        tx.execute(delete(t.house_key))
        rows = [
            {
                "resource_id": number,
                "file_version": "v",
                "left": 0.1,
                "top": 0.1,
                "width": 0.1,
                "height": 0.1,
                "width_px": 90,
                "state": "dismissed",
                "decided_by": "cli:jo",
                "created_at": tx.now,
            }
            for _ in range(MANY)
        ]
        tx.execute(insert(t.face), rows)
        evidence = {"basis_reference": f"{MARK} list", "basis_by": f"{MARK} Bo Sample"}
        about = {"title": "Shoot", "mode": "detect", "basis": "all-asked", "set_by": "cli:jo", "set_at": tx.now}
        tx.execute(insert(t.collection).values(ref="shoot", **about, **evidence))
        tx.execute(insert(t.ruling).values(collection_ref="shoot", why="set", **about, **evidence))
        tx.execute(
            insert(t.request).values(
                id="r",
                person_id=asa,
                kind="erasure",
                asked_at=tx.now,
                asked_by="person",
                due_on=tx.now.date(),
                decided_at=tx.now,
                decided_by="cli:jo",
                outcome="refused",
                reason=f"{MARK} contract",
            )
        )
        tx.execute(update(t.address).values(confirmed_at=tx.now, confirmed_by="cli:jo", reason=f"{MARK} alone"))
        tx.execute(
            insert(t.api_token).values(
                id="a",
                label=f"{MARK} laptop",
                secret_sha256="x",
                scopes=[],
                tools=[],
                created_at=tx.now,
                created_by="x",
            )
        )
        tx.execute(
            insert(t.idempotency).values(
                id="i", request_sha256="x", status=200, body={"reference": f"{MARK} list"}, created_at=tx.now
            )
        )
        tx.execute(insert(t.idempotency).values(id="j", request_sha256="x", status=0, body=None, created_at=tx.now))
    chance = random.Random(1)
    numbers = list(range(MANY))
    chance.shuffle(numbers)
    with services.store.read() as conn:
        ids = list(conn.scalars(select(t.face.c.id)))
    for start in range(0, MANY, 100):
        with services.store.write() as tx:
            for place in numbers[start : start + 100]:
                long = chance.randint(1, 40) * "x"
                tx.execute(
                    update(t.face).where(t.face.c.id == ids[place]).values(reason=f"{MARK} {place} statue {long}")
                )
    return number


def test_a_store_of_before_is_sealed_by_one_start(house: Services) -> None:
    """Each column, in portions, and read as before; on SQLite no byte of it is left in file or log."""
    asa = register.add(house, register.Newcomer("Åsa Sample", of_age=True, email="asa@example.org"), "test")
    number = plain(house, asa)
    assert bytes_of(house).count(MARK.encode()) > MANY
    calendar.start_process(house)
    assert bytes_of(house).count(MARK.encode()) == 0
    with house.store.read() as conn:
        assert conn.scalar(select(t.state.c.texts_sealed_at)) is None
        texts = house.texts(conn)
        said = {face_rows.reason_of(texts, row).split()[1] for row in face_rows.list_of(conn, number)}
        assert said == {str(place) for place in range(MANY)}
        (past,) = ruling_history.list_rulings(house, conn, "shoot")
        assert (past.reference, past.by) == (f"{MARK} list", f"{MARK} Bo Sample")
        (listed,) = recognitions.list_self_confirmed(house, conn)
        assert listed.reason == f"{MARK} alone"
        body = conn.scalar(select(t.idempotency.c.body).where(t.idempotency.c.id == "i"))
        assert json.loads(texts.read(body, "idempotency.body")) == {"reference": f"{MARK} list"}
        assert conn.scalar(select(t.idempotency.c.body).where(t.idempotency.c.id == "j")) is None
    (one,) = [one for one in collection_list.list_collections(house) if one.ref == "shoot"]
    assert (one.reference, one.by) == (f"{MARK} list", f"{MARK} Bo Sample")
    assert [token.label for token in api_tokens.list_endless(house)] == [f"{MARK} laptop"]
    assert register.export(house, asa, "test")["requests"][0]["reason"] == f"{MARK} contract"
    assert text_sealing.seal_plain_texts(house) == 0


@pytest.mark.parametrize("house", ["sqlite"], indirect=True)  # a server's file is its own
def test_a_reader_in_the_way_holds_the_overwriting_back_until_it_is_gone(house: Services) -> None:
    """What was sealed is told not to be overwritten, and the next start or night does it."""
    asa = register.add(house, register.Newcomer("Åsa Sample", of_age=True), "test")
    plain(house, asa)
    with closing(sqlite3.connect(file_of(house), isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM face").fetchone()
        calendar.start_process(house)
        with house.store.read() as conn:
            assert conn.scalar(select(t.state.c.texts_sealed_at)) is not None
        reader.execute("ROLLBACK")
    calendar.run_housekeeping(house)
    assert bytes_of(house).count(MARK.encode()) == 0
    with house.store.read() as conn:
        assert conn.scalar(select(t.state.c.texts_sealed_at)) is None


def test_a_start_that_dies_in_the_middle_is_gone_on_with(house: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """Portions that are done stay done."""
    asa = register.add(house, register.Newcomer("Åsa Sample", of_age=True), "test")
    plain(house, asa)
    seal, calls = text_sealing._seal, iter(range(text_sealing.PORTION + 20))

    def dying(*arguments: Any) -> int:
        if next(calls, None) is None:
            raise KeyboardInterrupt
        return seal(*arguments)

    monkeypatch.setattr(text_sealing, "_seal", dying)
    with pytest.raises(KeyboardInterrupt):
        calendar.start_process(house)
    monkeypatch.undo()
    calendar.start_process(house)
    assert bytes_of(house).count(MARK.encode()) == 0


def test_what_only_looks_sealed_is_sealed_as_well(house: Services) -> None:
    """Somebody may type the very mark; and text of somebody whose key is gone goes."""
    typed = ("sealed:", "sealed:0123456789abcdef:Ann Sample", "sealed: by Ann Sample", "sealed:x:y")
    number = program.photograph(house, "shoot/a.jpg")
    gone = register.add(house, register.Newcomer("Gone Sample", of_age=True), "test")
    with house.store.write() as tx:
        for place, said in enumerate(typed):
            tx.execute(
                insert(t.face).values(
                    resource_id=number,
                    file_version="v",
                    left=place / 10,
                    top=0.1,
                    width=0.05,
                    height=0.1,
                    width_px=90,
                    state="dismissed",
                    reason=said,
                    created_at=tx.now,
                )
            )
        tx.execute(
            insert(t.request).values(
                id="r",
                person_id=gone,
                kind="erasure",
                asked_at=tx.now,
                asked_by="person",
                due_on=tx.now.date(),
                decided_at=tx.now,
                outcome="refused",
                reason="Gone Sample has a contract",
            )
        )
        house.vault.destroy_key(tx, gone, "record")
    calendar.start_process(house)
    with house.store.read() as conn:
        stored = [row.reason for row in face_rows.list_of(conn, number)]
        assert conn.scalar(select(t.request.c.reason)) == ""
        assert tuple(face_rows.reason_of(house.texts(conn), row) for row in face_rows.list_of(conn, number)) == typed
    assert [one is not None and free_text.is_sealed(one) for one in stored] == [True, True, True, True]


def test_blank_text_stays_nothing(house: Services) -> None:
    """What is said of a dismissal settles no face, blank or not: not in the answer, and not where SQL counts."""
    number = program.photograph(house, "shoot/a.jpg")
    blanks = ["", "   ", "\u00a0\t", "\n"]
    with house.store.write() as tx:
        for place, said in enumerate(blanks):
            tx.execute(
                insert(t.face).values(
                    resource_id=number,
                    file_version="v",
                    left=place / 10,
                    top=0.1,
                    width=0.05,
                    height=0.1,
                    width_px=90,
                    state="dismissed",
                    reason=said,
                    created_at=tx.now,
                )
            )
    assert download_gate.count_open(house, "website") == 0
    calendar.start_process(house)
    assert download_gate.count_open(house, "website") == 0
    answer = photo_answers.answer_photo(house, "shoot/a.jpg", "communication", "website")
    assert answer.status is ClearanceStatus.UNKNOWN
    with house.store.write() as tx:
        assert [free_text.seal_text(tx, house.vault, said, "face.reason") for said in blanks] == [""] * 4
        tx.execute(update(t.face).values(reason=free_text.seal_text(tx, house.vault, "statue", "face.reason")))
    assert download_gate.count_open(house, "website") == 0
    assert (
        photo_answers.answer_photo(house, "shoot/a.jpg", "communication", "website").status is ClearanceStatus.UNKNOWN
    )
    with house.store.write() as tx:
        tx.execute(update(t.face).values(dismissal="no_person"))
    assert download_gate.count_open(house, "website") == 1
    answer = photo_answers.answer_photo(house, "shoot/a.jpg", "communication", "website")
    assert answer.status is ClearanceStatus.NO_PERSON_FOUND
    assert {dict(one.values)["why"] for one in answer.reasons if one.code is ReasonCode.FACE_DISMISSED} == {"statue"}


def test_text_that_was_moved_does_not_open(house: Services) -> None:
    """To another column, to another person, between a person and the house: nothing, and no page fails."""
    asa, bo = (register.add(house, register.Newcomer(f"{name} Sample", of_age=True), "test") for name in ("Åsa", "Bo"))
    with house.store.write() as tx:
        conn, texts = tx.connection, house.texts(tx.connection)
        kept = free_text.seal_text(tx, house.vault, "a contract", "request.reason", asa)
        ours = free_text.seal_text(tx, house.vault, "a statue", "face.reason")
        assert texts.read(kept, "request.reason", asa) == "a contract"
        for stored, column, whose in (
            (kept, "request.reason", bo),
            (kept, "address.reason", asa),
            (kept, "request.reason", None),
            (ours, "ruling.basis_by", None),
            (ours, "face.reason", asa),
            (kept, "request.reason", "nobody"),
            (ours[:-8] + "AAAAAAA=", "face.reason", None),
            (ours.replace(":", ":0", 1), "face.reason", None),
        ):
            assert texts.read(stored, column, whose) in ("", stored)
            if free_text.is_sealed(stored):
                assert texts.read(stored, column, whose) == ""
                with pytest.raises(VaultError):
                    free_text.open_text(conn, house.vault, stored, column, whose)
        twice = free_text.seal_text(tx, house.vault, "a statue", "face.reason")
    assert twice != ours  # equal texts show nothing


def test_pages_stand_without_the_key(house: Services, clock: ManualClock) -> None:
    """The house's key and a person's are gone: every page is there, without the words; a start fails at nothing."""
    asa = register.add(house, register.Newcomer("Åsa Sample", of_age=True, email="asa@example.org"), "test")
    plain(house, asa)
    calendar.start_process(house)
    with house.store.write() as tx:
        tx.execute(delete(t.house_key))
        house.vault.destroy_key(tx, asa, "record")
    app = staff.app(house)
    officer, administrator = (staff.signed_in(app, clock, role) for role in ("officer", "administrator"))
    for browser, path in (
        (officer, "/console/"),
        (officer, "/console/officer"),
        (officer, "/console/requests"),
        (administrator, "/console/collections"),
        (administrator, "/console/collections/one?ref=shoot"),
        (administrator, "/console/review?list=unmatched"),
    ):
        page = browser.get(path)
        assert (page.status_code, MARK in page.text, "sealed:" in page.text) == (200, False, False), path
    view = photo_panel.load_panel(house, "shoot/a.jpg")
    assert view is not None
    assert {face.reason for face in view.faces} == {""}
    assert (
        photo_answers.answer_photo(house, "shoot/a.jpg", "communication", "website").status is ClearanceStatus.UNKNOWN
    )
    api = Api(house, app.test_client())
    assert {one["reason"] for one in api.get("/faces?state=dismissed")["items"]} == {None}
    assert {one["reference"] for one in api.get("/collections/shoot/history")["items"]} == {None}
    assert register.export(house, asa, "test")["requests"][0]["reason"] is None
    assert api_tokens.list_endless(house)[0].label == ""
    calendar.start_process(house)


def test_a_key_that_does_not_open_leaves_what_is_plain(house: Services) -> None:
    """A start under another master key seals nothing, destroys nothing, and does not fail."""
    number = program.photograph(house, "shoot/a.jpg")
    with house.store.write() as tx:
        tx.execute(update(t.house_key).values(wrapped=b"x" * 60))
        tx.execute(
            insert(t.face).values(
                resource_id=number,
                file_version="v",
                left=0.1,
                top=0.1,
                width=0.1,
                height=0.1,
                width_px=90,
                state="dismissed",
                reason="statue",
                created_at=tx.now,
            )
        )
    calendar.start_process(house)
    with house.store.read() as conn:
        assert conn.scalar(select(t.face.c.reason)) == "statue"


def test_an_error_of_the_store_quotes_no_value(house: Services) -> None:
    """What goes wrong in the database is told in a traceback: without what was to be written."""
    with pytest.raises(SQLAlchemyError) as caught, house.store.write() as tx:
        tx.execute(update(t.face).where(t.face.c.reason == f"{MARK} statue", text("nonsense = 1")).values(reason=""))
    assert MARK not in f"{caught.value}{caught.value!r}"


def test_a_page_unwraps_the_key_once(house: Services) -> None:
    """Whatever it opens: seen by what is asked of the store."""
    asa = register.add(house, register.Newcomer("Åsa Sample", of_age=True), "test")
    plain(house, asa)
    calendar.start_process(house)
    asked: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_others: Any) -> None:
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        for look in (
            lambda: photo_panel.load_panel(house, "shoot/a.jpg"),
            lambda: collection_list.list_collections(house),
            lambda: photo_answers.answer_photo(house, "shoot/a.jpg", "communication", "website"),
            lambda: api_tokens.list_all(house),
        ):
            asked.clear()
            look()
            # The overview reads the facts, and then the faces: each its own.
            assert 1 <= sum("FROM house_key" in one for one in asked) <= 2, asked
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def test_what_follows_a_collection_is_bound_to_where_it_stands(house: Services, tmp_path: Path) -> None:
    """A ruling that followed its folder, was lost or copied into the history opens everywhere."""
    ruling = CollectionRuling("shoot", "Shoot", "suggest", "all-asked", f"{MARK} list", "  Bo Sample ", set_by="admin")
    for _ in range(3):
        with house.store.write() as tx:
            modes.import_in(house, tx, [ruling])
    with house.store.read() as conn:
        (heard,) = ruling_history.list_rulings(house, conn, "shoot")
        assert (heard.reference, heard.by) == (f"{MARK} list", "  Bo Sample ")
    calendar.begin_comparison(house)  # from here on the folder is known by its own mark
    (tmp_path / "photos/shoot").rename(tmp_path / "photos/party")
    calendar.begin_comparison(house)
    with house.store.read() as conn:
        row = conn.execute(select(t.collection)).one()
        assert modes.evidence_of(house.texts(conn), row) == (f"{MARK} list", "  Bo Sample ")
        told = ruling_history.list_rulings(house, conn, row.ref)
    assert len(told) > 1
    assert {(one.reference, one.by) for one in told} == {(f"{MARK} list", "  Bo Sample ")}
    assert bytes_of(house).count(MARK.encode()) == 0


def test_a_refusal_after_the_evidence_went_is_still_kept(house: Services, clock: ManualClock) -> None:
    """Whose record key went with its term gets another for the reason that they are told."""
    asa = register.add(house, register.Newcomer("Åsa Sample", of_age=True), "test")
    with house.store.write() as tx:
        asked = erasure_requests.request_in(house, tx, asa, "person", erasure_requests.read_filed(house, asa))
        house.vault.destroy_key(tx, asa, "record")
    clock.advance(timedelta(minutes=1))
    erasure_requests.decide(house, asked.id, grant=False, actor="cli:jo", reason=f"{MARK} contract")
    assert register.export(house, asa, "test")["requests"][0]["reason"] == f"{MARK} contract"
    assert bytes_of(house).count(MARK.encode()) == 0


def test_the_log_names_no_text_that_was_typed_as_a_version(house: Services) -> None:
    """Which text somebody signed is a label that the staff type: the log has a pseudonym of it."""
    cast_, app = support.Cast(house), staff.app(house)
    asa = cast_.add("Åsa Sample")
    now = house.clock.now()
    body = {
        "signed_at": now.isoformat(),
        "text_version": f"{MARK} form of Ann Sample",
        "method": f"{MARK} by Ann Sample",
        "publications": [{"purpose": "communication", "channel": "website"}],
        "recognition": False,
        "language": "en",
        "evidence": [{"name": f"{MARK}.txt", "content": "c2lnbmVk"}],
    }
    answer = Api(house, app.test_client()).ask(
        "POST", f"/people/{asa}/quitclaims", body, headers={"Idempotency-Key": "once"}
    )
    assert answer.status_code == 201, answer.get_data(as_text=True)
    where = {
        f"{table.name}.{column.name}"
        for table in t.metadata.sorted_tables
        for column in table.columns
        if isinstance(stored_type(column), Text | JSON)
        for row in _values(house, column)
        if MARK in row
    }
    assert where == {"quitclaim.text_version", "quitclaim.method"}


def _values(services: Services, column: Any) -> list[str]:
    with services.store.read() as conn:
        return [str(one) for one in conn.scalars(select(cast(column, Text)))]
