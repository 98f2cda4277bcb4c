"""The hand-over from the DAM: whom it lets in, as what, and how a session ends."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from plugin.clock import ManualClock
from plugin.config.sections import AccessSection
from plugin.flows.access import staff_sessions, token_digest
from plugin.flows.access.staff_sessions import Role
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.recognizer.process.examiner import Examiner
from sidecar.app import create_app
from sidecar.doctor import checks
from tests import staff, support
from tests.expired_rows import delete_expired
from tests.staff import AUDIENCE, Dam


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """A house with a console."""
    with support.opened(staff.configuration(tmp_path), clock, examiner) as open_:
        yield open_


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def dam(clock: ManualClock) -> Dam:
    return Dam(clock)


def audit(services: Services) -> list[tuple[str, str]]:
    with services.store.read() as conn:
        query = select(t.audit.c.action, t.audit.c.actor).where(t.audit.c.action.like("staff:%"))
        return [(row.action, row.actor) for row in conn.execute(query.order_by(t.audit.c.seq))]


def test_a_genuine_hand_over_signs_in(services: Services, client: FlaskClient, dam: Dam) -> None:
    """It leads to the console, in the language that the DAM speaks with this user."""
    answer = dam.sign_in(client, groups=[3], language="nl")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{AUDIENCE}/console/")
    page = client.get("/console/")
    assert page.status_code == 200
    assert "Wat op u wacht" in page.text
    assert audit(services) == [("staff:session:open", "dam:jan")]


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        ([1], Role.ADMINISTRATOR),
        ([2], Role.OFFICER),
        ([3], Role.EDITOR),
        ([4], Role.AUDITOR),
        ([4, 3, 2, 1], Role.ADMINISTRATOR),
        ([3, 4], Role.EDITOR),
        ([9, 2, 3], Role.OFFICER),
        ([9], None),
        ([], None),
    ],
)
def test_the_widest_role_of_the_groups_counts(groups: list[int], role: Role | None) -> None:
    """And a group that nobody mapped has none."""
    access = AccessSection(administrators=(1,), officers=(2,), editors=(3,), auditors=(4,))
    assert staff_sessions.role_of(access, groups) is role


def test_a_group_without_a_role_is_told_so(services: Services, client: FlaskClient, dam: Dam) -> None:
    """No entry no access: a page in their language says so, and the log has it."""
    answer = dam.sign_in(client, groups=[99], language="nl")
    assert answer.status_code == 403
    assert "U hebt geen toegang tot FaceLease" in answer.text
    assert client.get("/console/").status_code == 401
    assert audit(services) == [("staff:session:refuse", "dam:jan")]


def test_used_twice(services: Services, client: FlaskClient, dam: Dam) -> None:
    """The same hand-over opens nothing a second time, in any browser; another nonce does."""
    form = dam.form()
    assert client.post(staff.PATH, data=form).status_code == 303
    second = client.application.test_client()
    assert second.post(staff.PATH, data=form).status_code == 401
    assert second.get("/console/").status_code == 401
    assert dam.sign_in(second).status_code == 303
    assert audit(services)[1] == ("staff:session:refuse", "dam:jan")


def test_it_may_lead_to_the_review_of_a_collection(client: FlaskClient, dam: Dam) -> None:
    """A page of ours that the DAM signed with the rest; without one, the first page."""
    answer = dam.sign_in(client, to="/console/review?collection=12")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{AUDIENCE}/console/review?collection=12")
    assert dam.sign_in(client, to="").headers["Location"] == f"{AUDIENCE}/console/"


@pytest.mark.parametrize(("seconds", "status"), [(0, 303), (-60, 303), (-61, 401), (5, 303), (6, 401), (-(10**8), 401)])
def test_its_minute(client: FlaskClient, dam: Dam, seconds: int, status: int) -> None:
    """It holds for sixty seconds, and allows the DAM's clock five of advance."""
    issued = int(dam.clock.now().timestamp()) + seconds
    assert dam.sign_in(client, issued=issued).status_code == status


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"user": ""},
        {"user": "a\nb"},
        {"user": "x" * 101},
        {"user": 7},
        {"groups": [-1]},
        {"groups": "3"},
        {"groups": [True]},
        {"nonce": "0" * 31},
        {"nonce": "G" * 32},
        {"audience": f"{AUDIENCE}/"},
        {"audience": ""},
        {"issued": "1790000000"},
        {"issued": 1.5},
        {"issued": 10**30},
        {"more": 1},
        {"language": "nl\n"},
        {"to": "https://elsewhere.example/"},
        {"to": "//elsewhere.example/console/review"},
        {"to": "/console/../signin"},
        {"to": "/console/review?collection=1&next=//x"},
        {"to": "/console/review\n"},
        {"to": "/console/people/x%2f"},
    ],
)
def test_signed_but_not_what_it_takes(client: FlaskClient, dam: Dam, change: dict[str, Any]) -> None:
    """Who has the secret and sends something else is refused all the same."""
    assert dam.sign_in(client, **change).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"payload=",
        b"payload=a&signature=b&more=c",
        b"payload=a&payload=b&signature=c",
        b"\xff\xfe=1",
        b"signature=b",
        b"a" * 20_000,
        b"payload=%ff&signature=%ff",
        b"payload=" + b"a" * 9_000 + b"&signature=b",
    ],
)
def test_a_malformed_body_is_the_senders_fault(client: FlaskClient, body: bytes) -> None:
    """Whatever is sent, the answer is a 4xx and a page."""
    answer = client.post(staff.PATH, data=body, content_type="application/x-www-form-urlencoded")
    assert 400 <= answer.status_code < 500
    assert b"<html" in answer.data


def test_several_secrets_while_one_is_rotated(services: Services, client: FlaskClient, dam: Dam) -> None:
    """The file is read at each request: the old one holds until it is taken out."""
    file = services.config.path(services.config.webhooks.signin_secret_file)
    other = Dam(dam.clock, staff.OTHER)
    assert other.sign_in(client).status_code == 401
    file.write_text(f"{staff.OTHER}\n{staff.SECRET}\n")
    assert [one.sign_in(client).status_code for one in (dam, other)] == [303, 303]
    file.write_text(f"{staff.OTHER}\n")
    assert [one.sign_in(client).status_code for one in (dam, other)] == [401, 303]


@pytest.mark.usefixtures("one_minute")
def test_too_many_from_one_address(client: FlaskClient, dam: Dam) -> None:
    """The thirty-first within a minute is refused, whatever it bears; another address is not."""
    for _ in range(30):
        client.post(staff.PATH, data={"payload": "a", "signature": "b"})
    refused = dam.sign_in(client)
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) <= 60
    assert dam.sign_in(client, address="127.0.0.9").status_code == 303


@pytest.mark.usefixtures("one_minute")
def test_too_many_from_one_network(client: FlaskClient, dam: Dam) -> None:
    """200 from one /64, each from an address of its own: thirty pass; the neighbouring network is not in their way."""
    statuses = [dam.sign_in(client, address=f"2001:db8:1:2::{number:x}").status_code for number in range(200)]
    assert statuses == [303] * 30 + [429] * 170
    assert dam.sign_in(client, address="2001:db8:1:3::1").status_code == 303


def test_forged_ones_do_not_fill_the_log(services: Services, client: FlaskClient, clock: ManualClock) -> None:
    """Anybody can send them: the log has one row a minute."""
    for minute in range(2):
        for _ in range(5):
            client.post(staff.PATH, data={"payload": "a", "signature": "b"})
        clock.advance(timedelta(minutes=1))
        assert len(audit(services)) == minute + 1


def test_nothing_of_it_beside_a_folder(services: Services) -> None:
    """A folder has no accounts: there is nobody who could say at each request what somebody may."""
    client = create_app(services.config, services).test_client()
    assert client.post(staff.PATH, data={}).status_code == 404
    page = client.get("/console/")
    assert (page.status_code, "From the DAM" in page.text) == (401, False)


def test_nothing_of_it_without_an_address_of_ours(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> None:
    """No door of the DAM where `server.public_url` or the secret is missing."""
    for number, tables in enumerate(({"server": {"public_url": ""}}, {"webhooks": {"signin_secret_file": ""}})):
        config = staff.configuration(tmp_path / str(number), **tables)
        with support.opened(config, clock, examiner) as open_:
            client = staff.app(open_).test_client()
            assert client.post(staff.PATH, data={}).status_code == 404
            page = client.get("/console/")
            assert (page.status_code, "From the DAM" in page.text) == (401, False)


class TestSession:
    """A session, from sign-in to its end."""

    def test_the_store_knows_the_hash_alone(self, services: Services, client: FlaskClient, dam: Dam) -> None:
        """No copy of the store opens a session."""
        dam.sign_in(client)
        token = staff.token_of(client)
        with services.store.read() as conn:
            row = conn.execute(select(t.session)).one()
        assert row.id_sha256 == token_digest.digest(token)
        assert token not in str(row)

    def test_its_id_changes_at_sign_in(self, client: FlaskClient, dam: Dam) -> None:
        """Whoever planted a session of theirs in a browser is not in the one that is opened there."""
        dam.sign_in(client, user="mallory")
        planted, form = staff.cookie_of(client), staff.token_of(client)
        dam.sign_in(client, user="jan")
        assert staff.token_of(client) != form
        assert "jan, editor" in client.get("/console/").text
        client.set_cookie("facelease_staff", planted, path="/console")
        assert "mallory, editor" in client.get("/console/").text

    def test_signing_out_ends_it_everywhere(self, services: Services, client: FlaskClient, dam: Dam) -> None:
        """A copy of the cookie opens nothing any more."""
        dam.sign_in(client)
        copied = staff.cookie_of(client)
        assert staff.post(client, "/console/sign-out").status_code == 303
        client.set_cookie("facelease_staff", copied, path="/console")
        assert client.get("/console/").status_code == 401
        assert audit(services)[-1] == ("staff:session:end", "dam:jan")

    @pytest.mark.parametrize(("minutes", "status"), [(59, 200), (60, 401)])
    def test_idle(self, client: FlaskClient, dam: Dam, clock: ManualClock, minutes: int, status: int) -> None:
        """It ends after an hour without a click."""
        dam.sign_in(client)
        clock.advance(timedelta(minutes=minutes))
        assert client.get("/console/").status_code == status

    def test_a_click_carries_it_on_until_its_end(self, client: FlaskClient, dam: Dam, clock: ManualClock) -> None:
        """With a click now and then it lasts eight hours, and not a minute more."""
        dam.sign_in(client)
        statuses = []
        for _ in range(17):
            clock.advance(timedelta(minutes=30))
            statuses.append(client.get("/console/").status_code)
        assert statuses == [200] * 15 + [401] * 2

    def test_the_role_is_read_at_each_request(self, services: Services, client: FlaskClient, dam: Dam) -> None:
        """What the DAM says of the account now holds, not what it said at sign-in."""
        dam.sign_in(client, groups=[1])
        accounts = staff.accounts_of(client)
        assert client.get("/console/people").status_code == 200
        accounts["jan"] = (4,)
        assert client.get("/console/people").status_code == 403
        assert "jan, auditor" in client.get("/console/").text
        assert audit(services)[-1] == ("staff:session:role", "dam:jan")
        accounts["jan"] = (1, 4)
        assert client.get("/console/people").status_code == 200

    @pytest.mark.parametrize("now", [None, (), (9,)])
    def test_without_a_role_it_ends(
        self, services: Services, client: FlaskClient, dam: Dam, now: tuple[int, ...] | None
    ) -> None:
        """The account is gone, disabled, or in no group that has a role: its session is over, for good."""
        dam.sign_in(client, groups=[1])
        staff.accounts_of(client)["jan"] = now
        assert client.get("/console/").status_code == 401
        assert audit(services)[-1] == ("staff:session:end", "system")
        staff.accounts_of(client)["jan"] = (1,)
        assert client.get("/console/").status_code == 401

    def test_while_the_dam_is_silent_nothing_is_shown(self, services: Services, client: FlaskClient, dam: Dam) -> None:
        """The session stays, for when it answers again."""
        dam.sign_in(client, groups=[1])
        staff.dam_of(client).silent = True
        answer = client.get("/console/people")
        assert (answer.status_code, "The DAM does not answer" in answer.text) == (503, True)
        assert "/console/" not in answer.text
        staff.dam_of(client).silent = False
        assert client.get("/console/people").status_code == 200

    def test_the_cookie(self, client: FlaskClient, dam: Dam) -> None:
        """For the staff's pages alone, out of reach of scripts and of other sites' forms."""
        said = dam.sign_in(client).headers["Set-Cookie"]
        assert {"HttpOnly", "Path=/console", "SameSite=Lax"} <= {part.strip() for part in said.split(";")}

    def test_its_row_goes_a_day_after(
        self, services: Services, client: FlaskClient, dam: Dam, clock: ManualClock
    ) -> None:
        """Nothing is kept of a session but what the log says."""
        dam.sign_in(client)
        left = []
        for hours in (8, 24, 1):
            clock.advance(timedelta(hours=hours))
            with services.store.write() as tx:
                delete_expired(tx, services.config, tx.now)
            with services.store.read() as conn:
                left.append(len(conn.execute(select(t.session)).all()))
        assert left == [1, 1, 0]


_OWN = "accounts of our own (facelease staff list)"
_NO_SECRET = "webhooks.signin_secret_file names no secret"
_SERVER: dict[str, Any] = {
    "dam": {"kind": "resourcespace"},
    "resourcespace": {"url": "http://127.0.0.1:9", "user": "facelease", "plain_http": True},
}


@pytest.mark.parametrize(
    ("tables", "ok", "said"),
    [
        ({}, True, f"on at http://localhost/console/ for {_OWN}; a folder has no accounts"),
        (_SERVER, True, f"on at http://localhost/console/ for {_OWN}, 1 secret, 4 groups of the DAM"),
        (
            {"server": {"public_url": ""}},
            True,
            f"on at this machine alone/console/ for {_OWN}; not from the DAM: server.public_url is empty",
        ),
        (
            {"webhooks": {"signin_secret_file": ""}},
            True,
            f"on at http://localhost/console/ for {_OWN}; not from the DAM: {_NO_SECRET}",
        ),
        (_SERVER | {"access": {}}, False, f"on at http://localhost/console/ for {_OWN}, 1 secret, 0 groups of the DAM"),
    ],
)
def test_doctor_says_who_comes_into_the_console(
    tmp_path: Path, clock: ManualClock, tables: dict[str, Any], ok: bool, said: str
) -> None:
    """For whom it is on; and that nobody could come in from the DAM, where no group has a role."""
    config = staff.configuration(tmp_path, **tables)
    (found,) = [one for one in checks.run_checks(config, clock) if one.what == "console"]
    assert (found.ok, found.said) == (ok, said)
