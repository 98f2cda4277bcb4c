"""Asking people: by the command line, by mail, by a code; one-time codes; receipts that come by mail."""

import json
import os
import re
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from plugin.errors import ConsentError, NotFound
from plugin.flows.access import links
from plugin.flows.collections import modes
from plugin.flows.mail import form_store
from plugin.flows.mail.papers import receipts
from plugin.flows.people import register
from plugin.flows.signing import invitations
from plugin.flows.signing.invitations import InvitationRequest
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.scope import Basis, BasisEvidence, Mode
from plugin.quitclaim.forms.templates import parse
from tests import support
from tests.posting import Post
from tests.signers import Desk, Visit, tree

ROOT = Path(__file__).parents[2]


# ---- forms and the command line ------------------------------------------------------------------


def test_a_form_says_everything_that_is_missing() -> None:
    """All at once, each with where it belongs."""
    broken = tree(uses=[{"purpose": "communication", "channels": ["website", "intranet", "website"]}])
    del broken["officer"]
    broken["surprise"] = True
    broken["duration"] = {}
    with pytest.raises(ConsentError) as told:
        parse(broken)
    for words in ("officer: is missing", "surprise: nobody reads this key", "give one of days"):
        assert words in str(told.value)
    broken = tree(uses=[{"purpose": "communication", "channels": ["website", "intranet", "website"]}])
    del broken["texts"]["nl"]["recognition"]
    with pytest.raises(ConsentError) as told:
        parse(broken)
    for words in ("texts.nl.recognition", "texts.en.words: 'intranet'", "website for communication is asked twice"):
        assert words in str(told.value)


def test_a_form_keeps_its_versions(services: Any) -> None:
    """A change is a new version, which is what people are asked from then on; the same again is none."""
    first = form_store.add(services, tree(), "test")
    assert form_store.add(services, tree(), "test") == first
    second = form_store.add(services, tree(officer="another@example.org"), "test")
    assert [one.form.version for one in form_store.list_versions(services)] == [2, 1]
    assert form_store.find_in_use(services) == second
    assert form_store.load(services, first.id).form == first.form
    with pytest.raises(ConsentError, match="channel 'print' is not configured"):
        form_store.add(services, tree(uses=[{"purpose": "communication", "channels": ["print"]}]), "test")
    form_store.retire(services, "Photographs", "test")
    with pytest.raises(NotFound):
        form_store.find_in_use(services)


def test_it_goes_by_the_command_line(tmp_path: Path) -> None:
    """A form is added and shown, people are asked by link and by a code, a paper form is recorded by its name."""
    (tmp_path / "photos" / "spring").mkdir(parents=True)
    (tmp_path / "facelease.toml").write_text(
        f'data = "data"\n[folder]\npath = "{tmp_path}/photos"\n[server]\npublic_url = "https://lease.example.org"\n'
    )

    def run(*words: str, ok: bool = True) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "sidecar", *words],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert (done.returncode == 0) == ok, done.stdout + done.stderr
        return done.stdout + done.stderr

    run("init")
    (tmp_path / "form.toml").write_text(run("form", "sample"))
    added = json.loads(run("form", "add", "form.toml", "--json"))
    assert (added["name"], added["version"]) == ("Photographs", 1)
    assert "Mogen wij foto's van u gebruiken?" in run("form", "show", "Photographs", "--language", "nl")
    run("person", "add", "Åsa")
    asked = json.loads(run("quitclaim", "invite", "Åsa", "--json"))
    assert re.fullmatch(r"https://lease\.example\.org/s/[\w-]{43}", asked["link"])
    assert "mail.host" in run("quitclaim", "invite", "Åsa", "--mail", ok=False)
    assert [one["id"] for one in json.loads(run("quitclaim", "invited", "Åsa", "--json"))] == [asked["id"]]
    run("quitclaim", "uninvite", "--yes", asked["id"])
    assert json.loads(run("quitclaim", "invited", "Åsa", "--json")) == []
    assert "list those that are out" in run("quitclaim", "uninvite", "--yes", "x", ok=False)
    assert "no sign-up shoot" in run("quitclaim", "invite", "--shoot", "spring", ok=False)
    run("collection", "set", "spring", "suggest", "--basis", "shoot", "--reference", "spring")
    run("quitclaim", "invite", "--shoot", "spring", "--qr", "code.svg")
    assert (tmp_path / "code.svg").read_text().startswith("<?xml")
    assert [one["kind"] for one in json.loads(run("quitclaim", "invited", "--shoot", "spring", "--json"))] == ["shoot"]
    (tmp_path / "scan.pdf").write_bytes(b"%PDF sample")
    paper = ("--form", "Photographs", "--evidence", "scan.pdf", "--signed", "2026-01-05")
    run("quitclaim", "add", "Åsa", "--publication", "communication:website", *paper)
    refused = run("quitclaim", "add", "Åsa", "--publication", "commercial:website", *paper, ok=False)
    assert "does not ask for commercial:website" in refused
    (line,) = json.loads(run("quitclaim", "list", "Åsa", "--json"))
    assert line["until"].startswith("2028-01-05")


# ---- mail ----------------------------------------------------------------------------------------


def test_an_invitation_is_mailed_and_its_link_opens(post: Post) -> None:
    """To the person, in their language; the link in it is the one that signs, and the receipt comes back."""
    services = post.services
    desk = Desk(services)
    asa = post.cast.add("Åsa", language="nl", email="asa@example.org")
    made = invitations.invite(services, InvitationRequest(asa, by_mail=True), "test")
    post.work()
    letter, text = post.box.last()
    assert (letter["To"], made.token in text, "mogen wij" in letter["Subject"]) == ("asa@example.org", True, True)
    Visit(desk.app, made.token).sign("press")
    post.work()
    letter, text = post.box.last()
    assert letter["To"] == "asa@example.org"
    attached = {part.get_filename(): part.get_content() for part in letter.iter_attachments()}
    assert receipts.verify(attached["ontvangstbewijs.json"])
    assert attached["ontvangstbewijs.pdf"].startswith(b"%PDF")
    page = re.search(r"https://lease\.example\.org/s/([\w-]{43})", text)
    assert page is not None
    assert Visit(desk.app, page[1]).opened.location == "me"


def test_the_second_guardian_is_written_to(post: Post) -> None:
    """Where mail can be sent, the other guardian gets a link of their own; it is not shown to the first."""
    desk = Desk(post.services, guardians=2)
    clara = post.cast.add("Clara", birth_date=date(2014, 5, 1))
    visit = desk.visit(clara)
    visit.sign("press", signer="Greta", email="g@example.org", other_signer="Hugo", other_email="h@example.org")
    shown = visit.client.get("/s/done").get_data(as_text=True)
    kept = {links.find_open(post.services, one).kind for one in re.findall(r"/s/([\w-]{43})", shown)}
    assert kept == {"key"}, "the first one's own; the link of the other is not shown"
    post.work()
    letter, text = post.box.last()
    assert letter["To"] == "h@example.org"
    found = re.search(r"/s/([\w-]{43})", text)
    assert found is not None
    assert Visit(desk.app, found[1]).sign("press", typed="Hugo").status_code == 303
    post.work()
    assert post.box.letters[-1]["To"] == "h@example.org"


def test_a_minor_is_asked_through_the_guardian(post: Post) -> None:
    """The invitation of a child goes to the guardian who can be written to, and greets them."""
    Desk(post.services)
    clara = post.cast.add("Clara", birth_date=date(2014, 5, 1), email="clara@example.org")
    register.add_guardian(post.services, clara, "Greta Sample", "test", "greta@example.org")
    invitations.invite(post.services, InvitationRequest(clara, by_mail=True), "test")
    post.work()
    letter, text = post.box.last()
    assert letter["To"] == "greta@example.org"
    assert "Greta Sample" in text


def test_who_cannot_be_written_to_is_not_invited_by_mail(post: Post) -> None:
    """Said in one sentence, and no link stays behind."""
    Desk(post.services)
    bo = post.cast.add("Bo")
    with pytest.raises(ConsentError, match="no e-mail address is known"):
        invitations.invite(post.services, InvitationRequest(bo, by_mail=True), "test")
    with post.services.store.read() as conn:
        assert conn.execute(select(t.invitation)).first() is None


# ---- one-time codes ------------------------------------------------------------------------------


def code_of(post: Post) -> str:
    found = re.search(r"\b\d{6}\b", post.box.last()[1])
    assert found is not None
    return found[0]


def ask(visit: Visit, email: str = "") -> Any:
    token = {"X-CSRFToken": visit.hidden()["csrf_token"]}
    return visit.client.post("/s/code", data={"email": email}, headers=token).get_json()


def test_a_code_proves_the_address(post: Post) -> None:
    """Without it nothing is signed; with it once, and the proof says so; the address that is known is the one."""
    desk = Desk(post.services, code_by_mail=True)
    asa = post.cast.add("Åsa", email="asa@example.org")
    visit = desk.visit(asa)
    assert "a•••@example.org" not in visit.page(), "whoever holds a link that was handed over is told of no address"
    assert "Fill in the code" in visit.sign("press").get_data(as_text=True)
    assert ask(visit, "mallory@example.org")["sent"]
    assert post.box.letters[-1]["To"] == "asa@example.org"
    code = code_of(post)
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    assert "not right" in visit.sign("press", code=wrong).get_data(as_text=True)
    other = desk.visit(asa)  # a code belongs to the link that it was asked for by
    assert other.sign("press", code=code).status_code == 422
    assert visit.sign("press", code=code).status_code == 303
    assert other.sign("press", code=code).status_code == 422


@pytest.mark.parametrize("how", ["late", "five wrong", "newer"])
def test_a_code_has_an_end(post: Post, how: str) -> None:
    """Ten minutes, five tries, and only the newest."""
    desk = Desk(post.services, code_by_mail=True)
    visit = desk.visit(post.cast.add("Åsa", email="asa@example.org"))
    ask(visit)
    code = code_of(post)
    if how == "late":
        post.clock.advance(timedelta(minutes=10))
    elif how == "five wrong":
        for number in range(5):
            assert visit.sign("press", code=f"{(int(code) + 1 + number) % 10**6:06d}").status_code == 422
    else:
        ask(visit)
    assert visit.sign("press", code=code).status_code == 422


def test_a_code_at_a_shoot_goes_to_the_address_that_was_typed(post: Post) -> None:
    """Nothing of who has not signed is kept: neither address nor code can be read from the store."""
    ruling = modes.Ruling(Mode.SUGGEST, Basis.SHOOT, BasisEvidence("shoot", "photographer"))
    modes.decide(post.services, support.SHOOT, ruling, "test")
    desk = Desk(post.services, code_by_mail=True)
    visit = desk.visit(collection_ref=support.SHOOT)
    before = desk.kept()
    page = visit.sign("press", name="Bo", email="bo@example.org", send_code="yes").get_data(as_text=True)
    assert "We have sent a code" in page
    assert 'value="bo@example.org"' in page
    code = code_of(post)
    assert desk.kept() == before
    with post.services.store.read() as conn:
        row = dict(conn.execute(select(t.code)).mappings().one())
    assert not [value for value in row.values() if str(value) in (code, "bo@example.org")]
    assert visit.sign("press", name="Bo", email="other@example.org", code=code).status_code == 422
    assert visit.sign("press", name="Bo", email="bo@example.org", code=code).status_code == 303
    told = [ask(desk.visit(collection_ref=support.SHOOT), "eva@example.org")["sent"] for _ in range(4)]
    assert told == [True, True, True, False]  # by whatever link: it is one mailbox


def test_codes_cannot_be_had_without_end(post: Post) -> None:
    """Three an hour to one address; a mail server that refuses is told to who waits."""
    desk = Desk(post.services, code_by_mail=True)
    visit = desk.visit(post.cast.add("Åsa", email="asa@example.org"))
    assert [ask(visit)["sent"] for _ in range(5)] == [True] * 3 + [False] * 2
    post.box.rcpt = lambda _: "550 no such user"
    other = desk.visit(post.cast.add("Bo", email="bo@example.org"))
    assert "No e-mail can be sent there" in ask(other)["words"]
    assert ask(desk.visit(post.cast.add("Eva")), "nonsense")["words"].startswith("This is not")
