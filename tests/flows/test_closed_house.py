"""A closed house, seen from outside: by command, on the console, over the API. And what it still does."""

import errno
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from plugin.clock import ManualClock
from plugin.errors import ConsentError, HouseClosed, StoreError
from plugin.flows.access import links
from plugin.flows.common import closed_house, reference_sets
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.matching import gallery
from plugin.flows.review import face_decisions
from plugin.flows.rights import erasure
from plugin.flows.schedule import calendar, house_closing
from plugin.ledger import tables as t
from plugin.ledger.log import endings, heads, house_state
from plugin.ledger.log.endings import EndedLog, Ending
from plugin.ledger.store.actions import Action
from plugin.quitclaim.clearance.scope import Mode
from plugin.recognizer.process.examiner import Examiner
from sidecar.cli import cli
from sidecar.commands.demo import samples
from tests import staff, support
from tests.crowd import A, B, Crowd
from tests.program import Api

REF = "shoot/one.jpg"
_AT = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """A house with a console, and somebody who has withdrawn."""
    with support.opened(staff.configuration(tmp_path), clock, examiner) as open_:
        cast = support.Cast(open_)
        gone = cast.add("Dag")
        cast.sign(gone, recognition=False)
        withdrawal.withdraw(open_, gone, None, "test")
        yield open_


@pytest.fixture
def asa(services: Services, cast: support.Cast, photos: Path, examiner: Examiner) -> str:
    """Åsa, suggested on one photograph beside a stranger."""
    person = cast.add("Åsa")
    cast.sign(person)
    cast.enrol(person)
    cast.open_collection(mode=Mode.SUGGEST)
    Crowd(examiner).put(photos, REF, Crowd(examiner).row([A[0], B]))
    calendar.poll_dam(services)
    cast.work()
    return person


def _close(services: Services) -> bytes:
    """Remove the file; returns what it held."""
    held = services.ended.path.read_bytes()
    services.ended.path.unlink()
    calendar.sweep_endings(services)
    return held


def _rows(services: Services, action: Action) -> int:
    with services.store.read() as conn:
        return conn.scalar(select(func.count()).where(t.audit.c.action == action)) or 0


def _suggested(services: Services) -> int:
    with services.store.read() as conn:
        return int(conn.scalar(select(t.face.c.id).where(t.face.c.state == "suggested")) or 0)


def test_a_person_confirms_nothing_and_takes_off_what_they_like(services: Services, asa: str) -> None:
    """Who confirms says that the person has agreed, and nobody knows that; a rejection needs no agreement."""
    face = _suggested(services)
    held = _close(services)
    with pytest.raises(HouseClosed, match="facelease reopen"):
        face_decisions.confirm(services, face, "dam:ed")
    face_decisions.reject(services, face, "dam:ed")
    services.ended.path.write_bytes(held)
    services.ended.path.chmod(0o600)
    calendar.sweep_endings(services)
    assert face_decisions.confirm(services, face, "dam:ed", asa) == asa


def test_it_is_closed_once_and_opened_once_on_record(services: Services) -> None:
    held = _close(services)
    for _ in range(3):
        calendar.sweep_endings(services)
        calendar.start_process(services)
    assert (_rows(services, Action.HOUSE_CLOSE), _rows(services, Action.HOUSE_OPEN)) == (1, 0)
    services.ended.path.write_bytes(held)
    services.ended.path.chmod(0o600)
    for _ in range(3):
        calendar.sweep_endings(services)
    assert (_rows(services, Action.HOUSE_CLOSE), _rows(services, Action.HOUSE_OPEN)) == (1, 1)


def test_a_file_that_was_put_back_open_to_others_is_no_way_in(services: Services) -> None:
    """It stays closed, the commands work and the doctor says what to do; then it opens."""
    held = _close(services)
    services.ended.path.write_bytes(held)
    services.ended.path.chmod(0o644)
    calendar.start_process(services)
    calendar.sweep_endings(services)
    assert closed_house.find_reason(services) == "missing"
    services.ended.path.chmod(0o600)
    calendar.sweep_endings(services)
    assert closed_house.find_reason(services) is None


def test_who_is_erased_while_it_is_closed_is_erased(services: Services, cast: support.Cast, asa: str) -> None:
    """Also where the file holds what nobody can read; and the right file is told of it when it is back."""
    held = services.ended.path.read_bytes()
    services.ended.path.write_bytes(b"what was this?\n")
    calendar.sweep_endings(services)
    erasure.erase(services, asa, "test")
    cast.work()
    with services.store.read() as conn:
        assert conn.scalar(select(t.person.c.id).where(t.person.c.id == asa)) is None
    services.ended.path.write_bytes(held)
    calendar.sweep_endings(services)
    assert closed_house.find_reason(services) is None
    assert (asa, erasure.ERASED) in {(one.person_id, one.kind) for one in services.ended.lines()}


def test_pictures_that_came_meanwhile_are_held_when_it_opens(services: Services, cast: support.Cast, asa: str) -> None:
    """Somebody enrols by a link with pictures of Åsa: no templates are compared before the house is open."""
    held = _close(services)
    eva = cast.add("Eva")
    cast.sign(eva)
    pictures = [samples.portrait(one).read_bytes() for one in (samples.A_FRONT, samples.A_SPEECH)]
    source = reference_sets.PictureSource("link")
    with services.store.write() as tx:
        gallery.enrol_in(services, tx, eva, gallery.make_template(services, pictures), pictures, "person", source)
    assert _held(services, eva) is None
    services.ended.path.write_bytes(held)
    services.ended.path.chmod(0o600)
    calendar.sweep_endings(services)
    assert _held(services, eva) == asa


def _held(services: Services, person_id: str) -> str | None:
    with services.store.read() as conn:
        query = select(t.reference_set.c.near_id).where(t.reference_set.c.person_id == person_id)
        return conn.scalar(query)


def test_a_link_that_a_refused_form_gave_back_is_not_told_as_used(services: Services) -> None:
    """The line comes after all that may refuse, and before the commit."""
    link = links.Link(links.LinkKind.SIGN, "en", most_uses=1)
    with services.store.write() as tx:
        made = links.make(services, tx, link, "test")
    before = services.ended.mark()

    def sign(refused: bool) -> None:
        with services.store.write() as tx:
            links.count_use(services, tx, made.id)
            if refused:
                raise ValueError

    with suppress(ValueError):
        sign(refused=True)
    assert services.ended.mark() == before
    sign(refused=False)
    assert services.ended.mark().lines == before.lines + 1
    with services.store.read() as conn:
        assert house_state.read(conn).mark == services.ended.mark()


def _fill(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk that holds ended.log is full: as the kernel tells it, at the write itself."""
    real, path = os.write, services.ended.path

    def write(handle: int, data: bytes) -> int:
        if Path(f"/proc/self/fd/{handle}").resolve() == path:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(handle, data)

    monkeypatch.setattr(os, "write", write)


def test_the_line_is_on_the_disk_before_the_commit(
    services: Services, cast: support.Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it cannot be written nothing commits, a link's end included, and a sentence says so."""
    bo = cast.add("Bo")
    cast.sign(bo, recognition=False)
    with services.store.write() as tx:
        made = links.make(services, tx, links.Link(links.LinkKind.SIGN, "en", most_uses=1), "test")
    before = services.ended.path.read_bytes()
    with monkeypatch.context() as full:
        _fill(services, full)
        with pytest.raises(StoreError, match="No space left"), services.store.write() as tx:
            links.revoke(services, tx, made.id, "test")
        with pytest.raises(StoreError, match="nothing was ended"):
            withdrawal.withdraw(services, bo, None, "test")
    with services.store.read() as conn:
        query = select(t.invitation.c.revoked_at).where(t.invitation.c.id == made.id)
        assert conn.scalar(query) is None
    assert (closed_house.find_reason(services), services.ended.path.read_bytes()) == (None, before)
    assert withdrawal.withdraw(services, bo, None, "test") == 1
    assert bo in {one.person_id for one in services.ended.lines()}


def test_who_withdraws_while_no_file_can_be_written_has_withdrawn(services: Services, cast: support.Cast) -> None:
    """A closed house takes it without the line, and writes the line into the right file as soon as that is back."""
    people = [cast.add(name) for name in ("Bo", "Cee")]
    for person in people:
        cast.sign(person, recognition=False)
    held = services.ended.path.read_bytes()
    services.ended.path.unlink()
    services.ended.path.mkdir()  # as a disk that is not mounted, for one
    assert withdrawal.withdraw(services, people[0], None, "test") == 1
    calendar.sweep_endings(services)
    assert closed_house.find_reason(services) == "missing"
    assert withdrawal.object_to_recognition(services, people[1], "test") == 0
    assert withdrawal.withdraw(services, people[1], None, "test") == 1
    services.ended.path.rmdir()
    services.ended.path.write_bytes(held)
    services.ended.path.chmod(0o600)
    calendar.sweep_endings(services)
    assert closed_house.find_reason(services) is None
    assert set(people) <= {one.person_id for one in services.ended.lines()}


def test_two_who_open_it_at_once_begin_one_file(services: Services) -> None:
    """The second is told that the house is open, and sets nothing aside."""
    _close(services)
    ready = threading.Barrier(2)
    said: list[int | str] = []

    def begin() -> None:
        ready.wait()
        try:
            said.append(house_closing.open_without_ended_log(services, "the disk of keys died", "test").lines)
        except ConsentError as error:
            said.append(str(error)[:17])

    both = [threading.Thread(target=begin) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert set(said) == {1, "the house is open"}
    assert _rows(services, Action.HOUSE_OPEN) == 1


def test_who_began_it_anew_and_died_has_begun_it_anew(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """File and head are written, the commit never came: the house opens, and the doctor says since when it is so."""

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    _close(services)
    with monkeypatch.context() as dying, suppress(KeyboardInterrupt):
        dying.setattr(house_state, "set_restarted_at", die)
        house_closing.open_without_ended_log(services, "the disk of keys died", "test")
    assert closed_house.find_reason(services) is not None
    for _ in range(2):
        calendar.sweep_endings(services)
    with services.store.read() as conn:
        assert (closed_house.find_reason_in(services, conn), house_closing.find_new_log_start(conn) is None) == (
            None,
            False,
        )


def test_a_long_file_is_read_on_and_not_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process adds a line: only that one is read line by line. A byte that changed before it is seen."""
    log = EndedLog(tmp_path / "ended.log")
    log.write(*(Ending("", f"link{n}", _AT, "link") for n in range(100)))
    known, parsed, parse = log.mark(), [], endings._parse_line

    def count(line: bytes) -> Ending | None:
        parsed.append(line)
        return parse(line)

    monkeypatch.setattr(endings, "_parse_line", count)
    EndedLog(log.path).write(Ending("", "late", _AT, "link"))
    assert (log.lacks(known), log.mark().lines, len(parsed)) == (None, 101, 1)
    log.read_anew()
    assert (log.lacks(known), len(parsed)) == (None, 1)
    changed = log.path.read_bytes().replace(b"link7", b"link9", 1)
    log.path.write_bytes(changed + b"torn")
    assert (log.lacks(known), log.mark().lines) == ("different", 101)
    log.path.write_bytes(changed.replace(b"link9", b"link7", 1) + b"torn")
    assert log.lacks(known) is None
    assert log.mark() == EndedLog(log.path).mark()


def test_the_heads_hold_it_where_the_store_was_made_to_forget(services: Services) -> None:
    """The file is gone and the store's mark too; a signed head still knows."""
    keys, config = services.config.keys, services.config
    path = config.path(keys.heads_file)
    heads.write(services.store, services.head_key, path, 84, services.ended.mark())
    services.ended.path.unlink()
    with services.store.write() as tx:
        tx.execute(update(t.state).values(ended_lines=None, ended_hash=None))
    calendar.start_process(services)
    assert closed_house.find_reason(services) == "missing"


def test_the_console_and_the_program_are_told_why(
    services: Services, app: Flask, editor: FlaskClient, asa: str
) -> None:
    """On every page, in the language of whoever looks; a list says it, and is empty."""
    face = _suggested(services)
    _close(services)
    for at in ("/console/", "/console/clearance"):
        page = editor.get(at).get_data(as_text=True)
        assert "FaceLease is closed, because its record of who has withdrawn is missing" in page
    refused = staff.decide(editor, "confirm_chosen", face, person=asa)
    assert refused.status_code == 409
    assert "no name can be confirmed now" in refused.get_data(as_text=True)
    found = Api(services, app.test_client()).get("/clearance?channel=website")
    assert (found["items"], "is closed" in found["closed"]) == ([], True)


def test_by_command(tmp_path: Path, services: Services, asa: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Doctor fails, scan and lists refuse, withdrawing works; reopen says what it did, and asks for a reason."""
    toml = _file_of(tmp_path, services)

    def run(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(cli, ["--config", str(toml), *words])
        return done.exit_code, done.output + str(done.exception or "")

    held = services.ended.path.read_bytes()
    with monkeypatch.context() as read_only:
        read_only.setattr(os, "access", lambda path, _, **__: path != services.ended.path)
        assert "BAD  ended.log: " + f"{services.ended.path} cannot be written" in run("doctor")[1]
    assert run("reopen", "--yes", "--without-ended-log", "no need")[0] == 1
    assert run("reopen") == (0, "the house is open: ended.log is what was known of it, or longer\n")
    services.ended.path.unlink()
    code, said = run("doctor")
    assert code == 1
    assert "BAD  ended.log: the house is closed" in said
    for words in (("scan", "--yes"), ("clearance", "--all"), ("reopen",)):
        code, said = run(*words)
        assert (code, "house is closed" in said) == (1, True), words
    assert run("quitclaim", "withdraw", "--yes", "Åsa")[0] == 0
    assert asa in {one.person_id for one in services.ended.lines()}
    assert run("reopen", "--yes", "--without-ended-log", " ")[0] == 1
    code, said = run("reopen", "--yes", "--without-ended-log", "the disk of keys died")
    assert (code, "a new ended.log was begun with 3 endings" in said) == (0, True)
    assert "begun anew on" in run("doctor")[1]
    assert run("scan", "--yes")[0] == 0
    aside = [one for one in services.ended.path.parent.iterdir() if ".aside-" in one.name]
    assert len(aside) == 1
    assert held not in aside[0].read_bytes()


def _file_of(root: Path, services: Services) -> Path:
    path = root / "facelease.toml"
    path.write_text(
        f'data = "{services.config.data}"\n[folder]\npath = "{root / "photos"}"\n'
        '[clearance]\npurposes = ["communication"]\nchannels = ["website", "press"]\nneeds_confirmed = false\n'
        '[site]\ntimezone = "Europe/Amsterdam"\n' + support.store_lines(services.config)
    )
    return path


def test_a_file_of_another_kind_is_no_file(services: Services, tmp_path: Path) -> None:
    """A folder, a pipe that nobody writes, a link that leads nowhere: missing, and nothing hangs."""
    path = services.ended.path
    held = path.read_bytes()
    kinds: list[Callable[[], None]] = [
        path.mkdir,
        lambda: os.mkfifo(path),
        lambda: path.symlink_to(tmp_path / "nowhere"),
    ]
    for make in kinds:
        path.unlink()
        make()
        calendar.sweep_endings(services)
        assert closed_house.find_reason(services) == "missing"
        path.rmdir() if path.is_dir() else path.unlink()
        path.write_bytes(held)
        path.chmod(0o600)
        calendar.sweep_endings(services)
        assert closed_house.find_reason(services) is None


def test_lines_are_cut_at_line_feeds_alone(tmp_path: Path) -> None:
    """What another reader takes for the end of a line hides nothing from the hash."""
    log = EndedLog(tmp_path / "ended.log")
    log.write(*(Ending("", f"link{n}", _AT, "link") for n in range(3)))
    known = log.mark()
    data = log.path.read_bytes()
    for hidden in (b"\r", b"x\r", b"\x0b", b"\x1c", b"\xe2\x80\xa8"):
        log.path.write_bytes(hidden + data)
        assert log.lacks(known) == "different"
    log.path.write_bytes(data)
    assert log.lacks(known) is None
