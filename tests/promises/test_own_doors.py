"""S2 over accounts of our own: nothing is guessed, nothing works twice, a session ends where it must."""

import re
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from plugin.clock import ManualClock
from plugin.errors import GuessRefused, LinkRefused, PasswordRefused
from plugin.flows.access import staff_sessions
from plugin.flows.access.own_accounts import passwords, register, sign_in
from plugin.flows.access.own_accounts.guesses import Origin
from plugin.flows.access.staff import Role
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.recognizer.process.examiner import Examiner
from tests import own_accounts, staff, support
from tests.own_accounts import PASSWORD, Account

Promise = Callable[[str, str], None]


@pytest.fixture(autouse=True)
def _weak(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """But where time is what is looked at."""
    if request.node.name != "test_an_unknown_name_takes_as_long":
        own_accounts.weaken(monkeypatch)


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    with support.opened(support.configuration(tmp_path), clock, examiner) as open_:
        yield open_


@pytest.fixture
def app(services: Services) -> Flask:
    return own_accounts.app(services)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def ann(services: Services, app: Flask, clock: ManualClock) -> Account:
    return own_accounts.make(services, app, clock, "ann", "administrator")


def _prove(services: Services, name: str = "ann") -> sign_in.Proof:
    proof = sign_in.check_password(services, name, PASSWORD, Origin("10.9.9.9"))
    assert proof is not None
    return proof


@pytest.mark.promise
def test_a_password_is_not_guessed_and_nobody_is_locked_out(
    services: Services, app: Flask, clock: ManualClock, ann: Account, full: bool, promise: Promise
) -> None:
    """In a day of tries from ever other networks few are looked at; the owner's browser is let in."""
    known = app.test_client()
    assert own_accounts.sign_in(known, clock, ann).status_code == 303
    count, looked = (5_000 if full else 400), 0
    accepted, longest = 0, 0
    for number in range(count):
        clock.advance(timedelta(seconds=86_400 / count))
        origin = Origin(f"10.{number >> 8 & 255}.{number & 255}.1")
        try:
            accepted += sign_in.check_password(services, "ann", f"guess number {number}", origin) is not None
            looked += 1
        except GuessRefused as error:
            longest = max(longest, error.seconds)
    assert 0 < longest <= 900
    assert looked <= 20 + 96 + 12, "more than one in a quarter of an hour, beyond what is free"
    with pytest.raises(GuessRefused):
        sign_in.check_password(services, "ann", PASSWORD, Origin("10.255.255.1"))
    assert own_accounts.sign_in(known, clock, ann).status_code == 303, "the owner is kept out"
    promise(
        "S2", f"own accounts: accepted {accepted} of {count:,} guesses through as many addresses, {looked} looked at"
    )
    assert accepted == 0


@pytest.mark.promise
def test_nothing_works_twice(
    services: Services, app: Flask, clock: ManualClock, ann: Account, promise: Promise
) -> None:
    """A link, a code of the app, a recovery code: each opens once."""
    reused = 0
    link = own_accounts.add(services, "bea", "editor")
    own_accounts.join(app.test_client(), clock, link, "bea")
    reused += app.test_client().get(link).status_code != 404
    with pytest.raises(LinkRefused):
        register.use_link(services, link.rpartition("/")[2], "another seven bicycles")
    clock.advance(timedelta(minutes=1))
    code = ann.code(clock)
    opened = [sign_in.finish(services, _prove(services), code, Origin(""), "en") for _ in range(3)]
    reused += sum(one is not None for one in opened[1:])
    assert opened[0] is not None, "the right code opens"
    clock.advance(timedelta(seconds=-30))
    reused += sign_in.finish(services, _prove(services), ann.code(clock), Origin(""), "en") is not None  # an older one
    opened = [sign_in.finish(services, _prove(services), ann.codes[0], Origin(""), "en") for _ in range(3)]
    reused += sum(one is not None for one in opened[1:])
    assert opened[0] is not None, "a recovery code opens"
    promise("S2", f"own accounts: links, codes and recovery codes reused {reused} of 7")
    assert reused == 0


@pytest.mark.promise
def test_a_session_ends_where_it_must(
    services: Services, app: Flask, clock: ManualClock, ann: Account, promise: Promise
) -> None:
    """After signing out, a lost role, a reset, a removal or another password no cookie opens anything."""
    alive = 0
    ends: list[Callable[[FlaskClient], object]] = [
        lambda client: own_accounts.post(client, "/console/", "/console/sign-out"),
        lambda client: register.set_role(services, "cas", Role.OFFICER, "cli:test"),
        lambda client: register.reset(services, "cas", "cli:test"),
        lambda client: register.remove(services, "cas", "cli:test"),
    ]
    for end in ends:
        link = own_accounts.add(services, "cas", "editor")
        client = app.test_client()
        own_accounts.join(client, clock, link, "cas")
        assert client.get("/console/").status_code == 200
        with client.session_transaction("/console/") as session:
            token = session["staff"]
        end(client)
        thief = app.test_client()
        with thief.session_transaction("/console/") as session:
            session["staff"] = token
        alive += thief.get("/console/").status_code != 401
        if any(one.name == "cas" for one in register.list_all(services)):
            register.remove(services, "cas", "cli:test")
    promise(
        "S2", f"own accounts: sessions alive after sign-out, a lost role, a reset or a removal {alive} of {len(ends)}"
    )
    assert alive == 0


def test_a_new_password_ends_the_other_sessions(
    services: Services, app: Flask, clock: ManualClock, ann: Account
) -> None:
    """Whoever changes it stays; whoever else was in is out."""
    here, there = app.test_client(), app.test_client()
    for client in (here, there):
        assert own_accounts.sign_in(client, clock, ann).status_code == 303
    new = "eight blue tricycles"
    fields = {"old": PASSWORD, "password": new, "again": new}
    assert own_accounts.post(here, "/console/account", "/console/account/password", **fields).status_code == 303
    assert (here.get("/console/").status_code, there.get("/console/").status_code) == (200, 401)


def test_a_session_is_not_fixed(app: Flask, clock: ManualClock, ann: Account) -> None:
    """What a stranger put into the browser before is gone after each step."""
    client = app.test_client()
    with client.session_transaction("/console/") as session:
        session["staff"], session["planted"] = "mallory", "yes"
    own_accounts.sign_in(client, clock, ann)
    with client.session_transaction("/console/") as session:
        assert session["staff"] != "mallory"
        assert set(session) <= {"staff", "csrf_token"}


def test_a_sign_in_is_posted_by_our_page_alone(client: FlaskClient, ann: Account) -> None:
    """Another site cannot sign a browser in under a name of its own."""
    answer = client.post("/console/sign-in", data={"name": "ann", "password": ann.password})
    assert answer.status_code == 400
    assert client.get("/console/").status_code == 401


@pytest.mark.parametrize(
    "onward",
    ["https://evil.example/", "//evil.example/console/", "/\\evil.example", "/console/\\..\\evil", "\t//evil.example",
     "javascript:alert(1)", "/consolex", "/console/\r\nSet-Cookie: a=b", "", "http:/console/", "/s/form"],
)  # fmt: skip
def test_the_way_on_stays_in_the_house(
    services: Services, app: Flask, clock: ManualClock, client: FlaskClient, onward: str
) -> None:
    """After signing in one lands in the console, whatever the form says."""
    own_accounts.make(services, app, clock, "bea", "editor")
    answer = own_accounts.try_password(client, "bea", PASSWORD, onward=onward)
    assert answer.headers["Location"] == "/console/"


def test_the_page_that_was_wanted_is_shown_afterwards(
    services: Services, app: Flask, clock: ManualClock, client: FlaskClient
) -> None:
    """A link to a page of the console leads there, by way of the door."""
    own_accounts.make(services, app, clock, "bea", "editor")
    page = client.get("/console/people?q=an")
    assert 'name="onward" value="/console/people?q=an"' in page.text
    answer = own_accounts.try_password(client, "bea", PASSWORD, onward="/console/people?q=an")
    assert answer.headers["Location"] == "/console/people?q=an"


def test_an_unknown_name_takes_as_long(services: Services, ann: Account) -> None:
    """By processor time, of many in turn: as long as one that exists, and with the same answer."""
    spent = {"ann": 0.0, "nobody": 0.0}
    for number in range(6):
        for name in spent:
            began = time.process_time()
            assert sign_in.check_password(services, name, "wrong, wrong, wrong", Origin(f"10.1.{number}.1")) is None
            spent[name] += time.process_time() - began
    assert 0.5 < spent["nobody"] / spent["ann"] < 2


def test_a_wrong_name_and_a_wrong_password_get_one_answer(client: FlaskClient, ann: Account) -> None:
    """No page tells who has an account."""
    pages = [own_accounts.try_password(client, name, "wrong, wrong, wrong") for name in ("ann", "bob")]
    assert {page.status_code for page in pages} == {422}
    plain = [re.sub(r'value="[^"]*"', "", page.text) for page in pages]
    assert plain[0] == plain[1]


@pytest.mark.parametrize("host", ["evil.example", "192.168.1.7", "localhost.evil.example", "[::2]"])
def test_without_an_address_the_console_is_for_this_machine(client: FlaskClient, ann: Account, host: str) -> None:
    """A name that was turned to this machine gets no sign-in page, and no password travels in the open."""
    page = client.get("/console/", headers={"Host": host})
    assert (page.status_code, "password" in page.text) == (421, False)
    assert client.get("/console/", headers={"Host": "127.0.0.1:8731"}).status_code == 401


def test_an_act_that_cannot_be_taken_back_takes_a_fresh_proof(
    services: Services, app: Flask, clock: ManualClock, ann: Account
) -> None:
    """Six minutes after signing in another account is made with a code only, and with the same code once."""
    client = app.test_client()
    own_accounts.sign_in(client, clock, ann)
    clock.advance(timedelta(minutes=6))
    about = {"name": "dan", "role": "editor"}
    asked = own_accounts.post(client, "/console/staff", "/console/staff/add", **about)
    assert "Is it you?" in asked.text
    assert [one.name for one in register.list_all(services)] == ["ann"]
    wrong = own_accounts.post(client, "/console/staff", "/console/staff/add", **about, proof="000000")
    assert wrong.status_code == 401
    code = ann.code(clock)
    made = own_accounts.post(client, "/console/staff", "/console/staff/add", **about, proof=code)
    assert "/console/join/" in made.text
    clock.advance(timedelta(minutes=6))
    clock.advance(timedelta(minutes=-6))
    assert sign_in.finish(services, _prove(services), code, Origin(""), "en") is None


def test_a_hand_over_older_than_five_minutes_is_asked_anew(
    tmp_path: Path, clock: ManualClock, examiner: Examiner
) -> None:
    """Who came from the DAM comes once more before changing the staff."""
    with support.opened(staff.configuration(tmp_path), clock, examiner) as open_:
        client = staff.signed_in(staff.app(open_), clock, "administrator")
        made = staff.post(client, "/console/staff/add", name="eva", role="editor")
        assert "/console/join/" in made.text
        clock.advance(timedelta(minutes=6))
        asked = staff.post(client, "/console/staff/eva/remove", sure="yes")
        assert "Open FaceLease from the DAM once more" in asked.text
        assert [one.name for one in register.list_all(open_)] == ["eva"]


def test_the_log_tells_who_without_more(services: Services, app: Flask, clock: ManualClock, ann: Account) -> None:
    """Each act has its row; no password, code or token is in one."""
    client = app.test_client()
    own_accounts.try_password(client, "ann", "wrong, wrong, wrong")
    own_accounts.sign_in(client, clock, ann)
    with services.store.read() as conn:
        rows = conn.execute(select(t.audit).where(t.audit.c.action.like("staff:%")).order_by(t.audit.c.seq)).all()
    acts = [(row.action, row.actor) for row in rows]
    assert acts == [
        ("staff:account:add", "cli:test"),
        ("staff:account:renew", "staff:ann"),
        ("staff:account:factor", "staff:ann"),
        ("staff:session:open", "staff:ann"),
        ("staff:session:refuse", "staff:ann"),
        ("staff:session:open", "staff:ann"),
    ]
    told = " ".join(row.details for row in rows)
    assert not any(secret in told for secret in (ann.password, ann.secret, *ann.codes))


@pytest.mark.parametrize(
    ("typed", "why"),
    [("short", "short"), ("a" * 201, "long"), ("aaaaaaaaaaaaaaaa", "plain"), ("annemarie 1234", "name")],
)
def test_a_password_that_is_easy_to_guess_is_refused(typed: str, why: str) -> None:
    """Too short, too long, too few signs, or little more than the name."""
    with pytest.raises(PasswordRefused) as caught:
        passwords.check(typed, "annemarie")
    assert caught.value.why == why


def test_ones_own_sessions_are_listed_and_ended(
    services: Services, app: Flask, clock: ManualClock, ann: Account
) -> None:
    """Those of others are not shown, and not ended from here."""
    here, there = app.test_client(), app.test_client()
    own_accounts.join(there, clock, own_accounts.add(services, "bea", "editor"), "bea")
    own_accounts.sign_in(here, clock, ann)
    (bea,) = [one for one in staff_sessions.list_open(services) if one.user == "bea"]
    assert bea.id not in here.get("/console/account").text
    answer = own_accounts.post(here, "/console/account", "/console/account/sessions", session=bea.id)
    assert answer.status_code == 404
    own_accounts.post(here, "/console/account", "/console/account/sessions", others="yes")
    assert [one.user for one in staff_sessions.list_open(services)] == ["ann", "bea"]
    assert there.get("/console/").status_code == 200
