"""What cannot be taken back says what it ends, and asks: on a terminal, and where nobody can answer."""

import os
import pty
import re
import select
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from plugin.clock import ManualClock
from plugin.flows.access import links
from plugin.flows.access.links import Link, LinkKind
from plugin.flows.access.programs import api_tokens
from plugin.flows.collections import modes
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.mail import form_store
from plugin.flows.schedule import calendar
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.scope import Basis, BasisEvidence, Mode
from sidecar.cli import cli
from sidecar.commands.common import Shell
from sidecar.commands.demo import samples
from tests import nothing, support

ENDS = frozenset({
    "quitclaim withdraw", "quitclaim restrict", "quitclaim uninvite", "quitclaim add", "person objects", "person erase",
    "person lock", "person refuse", "person vouch", "person enrol", "person address", "person requests decide",
    "form retire", "collection set", "collection gone", "tags remove", "token revoke", "session end", "audit begin",
    "staff reset", "staff remove",
    "keys rotate", "keys heads", "restore", "reopen", "quitclaim import table", "quitclaim import pdf",
})  # fmt: skip
KEEPS = frozenset({
    "init", "migrate", "serve", "work", "scan", "sweep", "doctor", "demo", "clearance", "reconcile", "backup",
    "person add", "person age", "person list", "person show", "person export", "person guardian", "person distinct",
    "person page", "person siblings", "person requests list", "person recognised", "person declared",
    "person certificate", "quitclaim list", "quitclaim invite", "quitclaim invited", "quitclaim import consentmanager",
    "form add", "form list", "form show", "form sample",
    "collection list", "collection history", "collection lost", "collection held", "review list", "review again",
    "review confirm", "review reject", "review dismiss", "review undo", "tags list", "tags keep", "mail test",
    "mail list", "mail due", "token add", "token list", "session list",
    "staff add", "staff list", "staff role", "audit verify", "audit export", "audit heads",
    "audit verifier", "report accuracy", "engine list", "engine install", "engine remove",
    "engine use", "engine pause", "engine resume", "engine status", "jobs list", "jobs retry",
})  # fmt: skip
"""They look, add, or can be taken back (`review undo`, `tags remove`); what the calendar ends nobody is asked about."""


def _command(words: str) -> click.Command:
    here: click.Command = cli
    for word in words.split():
        assert isinstance(here, click.Group)
        here = here.commands[word]
    return here


def test_each_command_is_one_that_ends_something_or_one_that_does_not() -> None:
    """Whoever adds a command decides which; those that end something have --yes."""
    every = set(nothing.leaves(cli))
    assert every >= ENDS
    assert not every - ENDS - KEEPS - {"review dismiss-small", "review dismiss_small", "review small"}
    for words in ENDS:
        assert any("--yes" in parameter.opts for parameter in _command(words).params), words


@pytest.fixture
def house(services: Services, cast: support.Cast, photos: Path) -> Services:
    """Åsa is enrolled and named on one photograph by the machine; there is a form, a token and a key of hers."""
    ref = support.put(photos, "shoot/one.jpg", samples.A_STANDING)
    asa = cast.add("Åsa")
    cast.sign(asa)
    cast.enrol(asa, samples.A_FRONT)
    cast.open_collection()
    calendar.poll_dam(services)
    cast.work()
    with services.store.write() as tx:
        links.make(services, tx, Link(LinkKind.KEY, "en", asa), "test")
    assert services.dam.look(ref).names
    return services


def run(services: Services, words: list[str]) -> Result:
    """In the shell of the house, where nobody sits at a terminal; a `y` that is piped in is nobody's answer."""
    shell = Shell(services.config, services.clock)
    return CliRunner().invoke(cli.commands[words[0]], words[1:], obj=shell, input="y\n")


ASKS: tuple[tuple[list[str], list[str]], ...] = (
    (["quitclaim", "withdraw", "Åsa"], ["1 grant of recognition", "1 photograph loses", "1 reference photograph"]),
    (["quitclaim", "restrict", "Åsa", "--json"], ["1 grant of recognition", "1 photograph loses the name"]),
    (["person", "objects", "Åsa"], ["1 grant of recognition", "no guardian can take it back"]),
    (["person", "erase", "Åsa"], ["everything that is known of Åsa", "1 link opens nothing"]),
    (["person", "lock", "Åsa"], ["1 link opens nothing"]),
    (["person", "enrol", "Åsa", "{portrait}"], ["1 reference photograph, and its template, is destroyed"]),
    (["collection", "set", "shoot", "never"], ["1 photograph loses the names that the machine gave"]),
    (["keys", "rotate"], ["version 1 of the master key"]),
    (["keys", "heads", "--replace"], ["signs no head"]),
    (["audit", "begin", "--reason", "lost"], ["the log is proven from here on only"]),
)


def test_where_nobody_can_answer_nothing_is_done(house: Services) -> None:
    """Exit code 2; what would have ended is said, in numbers, with what to add; and nothing moved."""
    before = _rows(house)
    for words, ends in ASKS:
        done = run(house, [word.format(portrait=samples.portrait(samples.A_FRONT)) for word in words])
        assert done.exit_code == 2, (words, done.output)
        assert all(part in done.stderr for part in [*ends, "nothing was done", "add --yes"]), (words, done.stderr)
        assert done.stdout == ""
        assert _rows(house) == before, words


def _rows(services: Services) -> dict[str, list[object]]:
    tables = (t.grant, t.invitation, t.sealed, t.tag, t.person, t.collection, t.person_key)
    with services.store.read() as conn:
        rows: dict[str, list[object]] = {one.name: list(map(tuple, conn.execute(one.select()))) for one in tables}
    return rows | {"ended": [services.ended.mark()], "master": [services.master.current]}


def test_what_would_end_nothing_asks_nothing(house: Services, cast: support.Cast) -> None:
    """So a script may repeat what it said once with --yes."""
    assert run(house, ["quitclaim", "withdraw", "Åsa", "--yes"]).exit_code == 0
    assert "had ended already" in run(house, ["quitclaim", "withdraw", "Åsa"]).output
    assert run(house, ["person", "lock", "Åsa", "--yes"]).exit_code == 0
    assert run(house, ["person", "lock", "Åsa"]).exit_code == 0


def test_token_form_and_a_narrower_version_are_asked_about(house: Services, tmp_path: Path) -> None:
    """By what they are called; a version that holds all that is in force needs no question."""
    token = api_tokens.create(house, "the website", [api_tokens.TokenScope.GATE_USE], "test").id
    form = form_store.add(house, nothing._suited(house), "test").form.name
    assert "the token of the website (gate:use)" in run(house, ["token", "revoke", token]).stderr
    assert f"new invitations that ask {form}" in run(house, ["form", "retire", form]).stderr
    proof = tmp_path / "form.pdf"
    proof.write_bytes(b"%PDF sample")
    add = ["quitclaim", "add", "Åsa", "--text-version", "2", "--evidence", str(proof), "--publication", "*:*"]
    assert "1 grant of recognition" in run(house, add).stderr
    assert run(house, [*add, "--recognition"]).exit_code == 0


def test_the_numbers_are_what_then_ends(house: Services, cast: support.Cast) -> None:
    """What is announced is what the withdrawal does."""
    with house.store.read() as conn:
        asa = conn.execute(t.person.select()).one().id
    said = run(house, ["quitclaim", "withdraw", "Åsa"]).stderr
    ends = re.findall(r"(\d+)\s+grants?\b", said)
    assert withdrawal.withdraw(house, asa, None, "test") == sum(map(int, ends)) > 0
    modes.decide(house, support.SHOOT, modes.Ruling(Mode.SUGGEST, Basis.ALL_ASKED, BasisEvidence("x", "y")), "test")


def test_a_version_that_ends_sooner_is_asked_about(house: Services, tmp_path: Path) -> None:
    """As one that leaves something out: what of before would have gone on ends; and who goes on is not asked."""
    proof = tmp_path / "form.pdf"
    proof.write_bytes(b"%PDF sample")
    add = ["quitclaim", "add", "Åsa", "--text-version", "2", "--evidence", str(proof), "--publication", "*:*"]
    with house.store.read() as conn:
        before = conn.execute(t.quitclaim.select()).all()
    sooner = run(house, [*add, "--recognition", "--until", "2026-12-31"]).stderr
    assert "1 grant of recognition in force or to come, 1 grant of publication" in sooner
    assert "photograph" not in sooner  # until then the name stands
    without = run(house, add).stderr
    assert "1 photograph loses the name, 1 reference photograph, and its template, is destroyed" in without
    with house.store.read() as conn:
        assert conn.execute(t.quitclaim.select()).all() == before
    assert run(house, [*add, "--recognition", "--from", "2026-09-01"]).exit_code == 0


def test_rows_that_replace_are_asked_about(house: Services, tmp_path: Path, clock: ManualClock) -> None:
    """A table whose row says that it stands alone ends what its person agreed to before."""
    clock.advance(timedelta(days=2))
    table = tmp_path / "list.csv"
    table.write_text("name,channels,keep\nÅsa,website,replace\nBo Sample,website,\n", encoding="utf-8")
    said = ["--purpose", "communication", "--signed", "2026-03-03", "--text-version", "1", "--list-is-proof"]
    words = ["quitclaim", "import", "table", str(table), *said, "--apply"]
    before = _rows(house)
    asked = run(house, words)
    assert (asked.exit_code, "by rows that say keep replace: Åsa" in asked.stderr) == (2, True), asked.output
    assert _rows(house) == before
    assert run(house, words[:-1]).exit_code == 0
    assert run(house, [*words, "--yes"]).exit_code == 0
    assert run(house, words).exit_code == 0  # all of it is imported: nothing is left to ask about


def _at_a_terminal(toml: Path, answer: str) -> tuple[int, str]:
    """`quitclaim withdraw` where somebody sits; they type `answer` when they are asked."""
    master, slave = pty.openpty()
    words = [sys.executable, "-m", "sidecar", "--config", str(toml), "quitclaim", "withdraw", "Bo Sample"]
    process = subprocess.Popen(words, stdin=slave, stdout=slave, stderr=slave, cwd=Path(__file__).parents[2])
    os.close(slave)
    said = b""
    while select.select([master], [], [], 60)[0]:
        try:
            said += os.read(master, 4096)
        except OSError:
            break
        if said.rstrip().endswith(b"[y/N]:") and answer:
            os.write(master, f"{answer}\n".encode())
            answer = ""
    os.close(master)
    return process.wait(60), said.decode()


def test_at_a_terminal_it_asks_and_no_is_no(tmp_path: Path) -> None:
    """With n nothing ends; with y it does."""
    toml, proof = tmp_path / "facelease.toml", tmp_path / "form.pdf"
    (tmp_path / "photos").mkdir()
    toml.write_text('[folder]\npath = "photos"\n')
    proof.write_bytes(b"%PDF sample")
    signed = ["--publication", "communication:website", "--text-version", "1", "--evidence", str(proof)]
    for words in (["init"], ["person", "add", "Bo Sample", "--of-age"], ["quitclaim", "add", "Bo Sample", *signed]):
        assert CliRunner().invoke(cli, ["--config", str(toml), *words]).exit_code == 0
    code, said = _at_a_terminal(toml, "n")
    assert code == 1
    assert "This ends: of Bo Sample: 1 grant of publication" in said
    code, said = _at_a_terminal(toml, "y")
    assert (code, "1 grant withdrawn" in said) == (0, True)
