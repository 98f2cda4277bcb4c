"""The number of an erasure, its last letter, and what a run that was interrupted leaves to the next."""

import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select, update

from plugin.clock import ManualClock
from plugin.errors import NotFound
from plugin.flows.common.services import Services
from plugin.flows.mail import delivery
from plugin.flows.rights import certificate, erasure, erasure_register, erasure_requests, erasure_rows, name_search
from plugin.flows.schedule import calendar
from plugin.ledger import tables as t
from plugin.ledger.store.store import Store
from plugin.recognizer.process.examiner import Examiner
from sidecar.cli import cli
from tests import mailbox, raw_search, support
from tests.posting import Post
from tests.visiting import PAGE, send, visit


class Killed(BaseException):
    """The process died here."""


def _dies(*_: object, **__: object) -> None:
    raise Killed


def _held(services: Services) -> int:
    with services.store.read() as conn:
        return conn.scalar(select(func.count()).where(t.erasure.c.held.is_not(None))) or 0


def test_a_number_is_spoken_kept_and_found_however_it_is_typed(services: Services, cast: support.Cast) -> None:
    """Beginning twice gives no second one, and the moment it was asked for stays."""
    asa, bo = cast.add("Åsa Sample"), cast.add("Bo Sample")
    first = erasure.begin(services, asa, "test")
    with services.store.read() as conn:
        asked = erasure_register.find_by_number(conn, first).asked_at
    services.clock._inner.advance(timedelta(days=2))  # type: ignore[attr-defined]
    assert erasure.begin(services, asa, "test") == first
    cast.work()
    made = erasure_register.read_certificate(services, f" {first.lower().replace('-', ' ')} ", "test")
    assert (made.number, made.asked_at, made.finished_at is not None) == (first, asked, True)
    second = erasure.begin(services, bo, "test")
    assert (first[:9], second[:9]) == ("2026-0001", "2026-0002")
    with pytest.raises(NotFound, match="looks like"):
        erasure_register.read_certificate(services, "2026-0009-XX", "test")


def test_numbers_that_are_given_at_once_differ(store: Store, services: Services) -> None:
    """On both kinds of store, by many at a time."""
    busy = replace(services, store=store)
    found: list[str] = []

    def give(number: int) -> None:
        with store.write() as tx:
            found.append(erasure_register.enter(busy, tx, f"person{number}", "test", erasure_register.NOTHING_FILED))

    threads = [threading.Thread(target=give, args=(number,)) for number in range(12)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len({number[:9] for number in found}) == 12


@pytest.mark.parametrize("at", ["rows", "store", "finish", "settle"])
def test_a_run_that_dies_anywhere_is_certified_by_the_next(
    services: Services, cast: support.Cast, photos: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    """Also after the rows are gone: what is held still tells which name to look for, and goes with the certificate."""
    asa = cast.add("Åsa Sample")
    cast.sign(asa, recognition=False)
    (photos / "shoot" / "list.txt").write_text("Åsa Sample", "utf-8")
    module, name = {
        "rows": (erasure_rows, "delete_rows"),
        "store": (name_search, "search_store"),
        "finish": (erasure_register, "finish"),
        "settle": (erasure, "make_unreadable"),
    }[at]
    with monkeypatch.context() as patch:
        patch.setattr(module, name, _dies)
        with pytest.raises(Killed):
            erasure.erase(services, asa, "test")
    cast.work()
    (number,) = certificate.list_numbers(services)
    made = certificate.load(services, number)
    assert made.finished_at is not None
    assert "shoot/list.txt" in "\n".join(made.not_reached)
    assert "not yet overwritten" not in "\n".join(made.not_reached)
    overwritten = "the store's file and its log: overwritten" in made.reached
    assert overwritten == services.store.is_sqlite  # a server's files are not ours to overwrite
    assert _held(services) == 0


def test_an_old_store_that_was_put_back_erases_under_the_number_of_before(
    services: Services, cast: support.Cast
) -> None:
    """The store does not know it any more; the certificate does."""
    asa = cast.add("Åsa Sample")
    number = erasure.erase(services, asa, "test").number
    with services.store.write() as tx:
        tx.execute(t.erasure.delete())
        tx.execute(
            t.person.insert().values(
                id=asa,
                display_name="Åsa Sample",
                name_key="åsa sample",
                language="nl",
                created_at=tx.now,
                node_adopted=False,
            )
        )
    calendar.start_process(services)
    cast.work()
    made = certificate.load(services, number)
    assert (certificate.list_numbers(services), made.number, made.language) == ([number], number, "nl")
    assert made.text().startswith("VERKLARING VAN WISSING")


def test_the_last_letter_brings_the_number_and_its_address_goes_with_it(post: Post) -> None:
    """Until it is sent the address stands in the store, sealed for the house, and the certificate says so."""
    asa = post.cast.add("Åsa Sample", email="asa@example.org", language="nl")
    post.box.data = lambda number: "451 busy" if number < 2 else mailbox.TAKEN
    number = erasure.begin(post.services, asa, "test", tell=True)
    post.cast.work()
    made = certificate.load(post.services, number)
    assert any("laatste brief" in line for line in made.not_reached)
    assert _held(post.services) == 1
    with post.services.store.read() as conn:
        rows = [*conn.execute(select(t.erasure)), *conn.execute(select(t.mail))]
    assert "asa@" not in str(rows)
    post.clock.advance(timedelta(minutes=5))
    post.work()
    letter = post.box.letters[-1]
    assert (str(letter["To"]), number in mailbox.text_of(letter)) == ("asa@example.org", True)
    assert "Åsa Sample" in mailbox.text_of(letter)
    made = certificate.load(post.services, number)
    assert not any("laatste brief" in line for line in made.not_reached)
    assert any("laatste brief: vernietigd" in line for line in made.reached)
    assert _held(post.services) == 0
    assert raw_search.in_tables(post.services.config.store_url, "asa@example.org") == {}


def test_a_last_letter_that_nobody_takes_is_given_up_and_its_address_goes(post: Post) -> None:
    """After five days: the address of somebody who is forgotten is kept no longer."""
    post.box.data = lambda number: "451 busy"
    asa = post.cast.add("Åsa Sample", email="asa@example.org")
    number = erasure.begin(post.services, asa, "test", tell=True)
    post.cast.work()
    post.clock.advance(timedelta(days=6))
    with post.services.store.write() as tx:
        tx.execute(update(t.job).where(t.job.c.kind == "mail").values(state="dead"))
    delivery.resume(post.services)
    assert _held(post.services) == 0
    assert any("last letter: destroyed" in line for line in certificate.load(post.services, number).reached)


def test_who_asks_on_their_page_is_shown_the_number(post: Post) -> None:
    """At once, and for as long as the request waits; a refusal takes it back."""
    asa = post.cast.add("Åsa Sample", email="asa@example.org")
    post.cast.sign(asa, recognition=False)
    browser = visit(post.services, asa)
    send(browser, f"{PAGE}/forget")
    (waiting,) = erasure_requests.list_waiting(post.services)
    assert waiting.number.startswith("2026-0001-")
    assert waiting.number in browser.get(PAGE).text
    assert erasure_requests.decide(post.services, waiting.id, False, "officer", "a contract runs") is None
    with pytest.raises(NotFound):
        erasure_register.read_certificate(post.services, waiting.number, "test")
    send(browser, f"{PAGE}/forget")
    (again,) = erasure_requests.list_waiting(post.services)
    assert erasure_requests.decide(post.services, again.id, True, "officer") == again.number


def test_the_certificate_at_a_terminal_in_both_languages(
    tmp_path: Path, clock: ManualClock, examiner: Examiner
) -> None:
    """Erasing prints it; its number prints it again."""
    config = support.configuration(tmp_path)
    (tmp_path / "facelease.toml").write_text(
        f'data = "{tmp_path}/data"\n[folder]\npath = "{tmp_path}/photos"\n' + support.store_lines(config)
    )

    def run(*words: str, code: int = 0) -> str:
        done = CliRunner().invoke(cli, ["--config", str(tmp_path / "facelease.toml"), *words])
        assert done.exit_code == code, done.output
        return done.output + str(done.exception or "")

    with support.opened(config, clock, examiner) as services:
        support.Cast(services).add("Åsa Sample")
    printed = run("person", "erase", "Åsa Sample", "--yes")
    number = next(line.removeprefix("Number: ") for line in printed.splitlines() if line.startswith("Number: "))
    assert "CERTIFICATE OF ERASURE" in run("person", "certificate", number)
    assert "VERKLARING VAN WISSING" in run("person", "certificate", number.lower(), "--language", "nl")
    assert "looks like" in run("person", "certificate", "nonsense", code=1)
    assert "Sample" not in printed
