"""What a person asks for on their page, as letters by a real mail server, and as the officer decides at a terminal."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select

from plugin.clock import ManualClock
from plugin.flows.people import register
from plugin.flows.rights import erasure_requests
from plugin.ledger import tables as t
from plugin.recognizer.process.examiner import Examiner
from sidecar.cli import cli
from tests import support
from tests.mailbox import text_of
from tests.posting import Post
from tests.visiting import PAGE, on, send, visit


@pytest.fixture
def asa(post: Post) -> str:
    """Åsa, who reads Dutch, agreed, and has an address."""
    person = post.cast.add("Åsa", email="asa@example.org", language="nl")
    post.cast.sign(person, recognition=False, channels=("website", "press"))
    return person


def last(post: Post) -> tuple[str, str]:
    """Whom the last letter went to, and its words."""
    post.work()
    letter = post.box.letters[-1]
    return str(letter["To"]), f"{letter['Subject']}\n{text_of(letter)}"


def test_a_change_is_confirmed_by_mail_with_a_link_to_the_page(post: Post, asa: str) -> None:
    """To whoever made it, in their language: what stands now, and a link that opens."""
    browser = visit(post.services, asa)
    send(browser, f"{PAGE}/stop/all", how="withdraw")
    to, words = last(post)
    assert to == "asa@example.org"
    assert "niets" in words, "what stands now"
    link = next(word for word in words.split() if "/s/" in word)
    assert "Uw pagina" in on(post.services, link.rsplit("/", 1)[1]).get(PAGE).text


def test_a_refused_request_is_told_with_its_reason(post: Post, asa: str) -> None:
    """First that it came and by when it is answered; then why not."""
    send(visit(post.services, asa), f"{PAGE}/forget")
    assert "1 april 2026" in last(post)[1]
    erasure_requests.decide(
        post.services, erasure_requests.list_waiting(post.services)[0].id, False, "officer", "een contract loopt nog"
    )
    assert "een contract loopt nog" in last(post)[1]


def test_a_granted_request_is_told_with_the_last_letter(post: Post, asa: str) -> None:
    """Sent as the erasure begins, for the address goes with all else; nothing of it stays in the store."""
    send(visit(post.services, asa), f"{PAGE}/forget")
    post.work()
    erasure_requests.decide(post.services, erasure_requests.list_waiting(post.services)[0].id, True, "officer")
    to, words = last(post)
    assert (to, "vergeten" in words) == ("asa@example.org", True)
    post.cast.work()
    with post.services.store.read() as conn:
        assert conn.scalar(select(func.count()).select_from(t.mail).where(t.mail.c.person_id == asa)) == 0


def test_a_guardians_request_is_answered_to_the_guardian(post: Post) -> None:
    """Not to the child."""
    from datetime import date

    child = post.cast.add("Clara", birth_date=date(2012, 5, 1), email="clara@example.org")
    guardian = register.add_guardian(post.services, child, "Gerda", "test", "gerda@example.org")
    send(visit(post.services, child, guardian), f"{PAGE}/forget")
    assert last(post)[0] == "gerda@example.org"
    erasure_requests.decide(post.services, erasure_requests.list_waiting(post.services)[0].id, True, "officer")
    to, words = last(post)
    assert (to, "Gerda" in words, "Clara" in words) == ("gerda@example.org", True, True)


def test_links_and_requests_at_a_terminal(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> None:
    """No link to a page is printed; a request is listed with its term and decided, a refusal with a reason."""
    address = "http://127.0.0.1:8731"
    config = support.configuration(tmp_path, server={"public_url": address})
    (tmp_path / "facelease.toml").write_text(
        f'data = "{tmp_path}/data"\n[folder]\npath = "{tmp_path}/photos"\n[server]\npublic_url = "{address}"\n'
        + support.store_lines(config)
    )

    def run(*words: str, code: int = 0) -> str:
        done = CliRunner().invoke(cli, ["--config", str(tmp_path / "facelease.toml"), *words])
        assert done.exit_code == code, done.output
        return done.output + str(done.exception or "")

    with support.opened(config, clock, examiner) as services:
        person = support.Cast(services).add("Åsa")
        with services.store.write() as tx:
            asked = erasure_requests.request_in(
                services, tx, person, "person", erasure_requests.read_filed(services, person)
            )
    assert "nobody of the staff sees" in run("person", "page", "Åsa", code=1)
    scan = tmp_path / "scan.pdf"
    scan.write_bytes(b"a signed form: sample")
    slip = tmp_path / "slip.svg"
    signed = (
        "quitclaim",
        "add",
        "Åsa",
        "--publication",
        "*",
        "--evidence",
        str(scan),
        "--text-version",
        "1",
        "--slip",
        str(slip),
    )
    assert f"{address}/s/" in run(*signed)
    assert "<svg" in slip.read_text()
    run("person", "address", "Åsa", "asa@example.org")
    assert "say why" in run("person", "recognised", "Åsa", "--how", "met", code=1)
    run("person", "recognised", "Åsa", "--how", "met", "--reason", "I am alone here")
    assert json.loads(run("person", "lock", "--yes", "Åsa", "--json"))["revoked"] == 1
    assert json.loads(run("person", "lock", "--yes", "Åsa", "--json"))["revoked"] == 0
    assert "mail.host" in run("person", "page", "Åsa", "--mail", code=1)
    (line,) = json.loads(run("person", "requests", "list", "--json"))
    assert (line["id"], line["name"], line["asks"]) == (asked.id, "Åsa", "erasure")
    assert "reason" in run("person", "requests", "decide", asked.id, "--refuse", code=1)
    run("person", "requests", "decide", asked.id, "--grant", "--yes")
    assert "Åsa" not in run("person", "list")
    assert "no such request" in run("person", "requests", "decide", asked.id, "--grant", "--yes", code=1)
