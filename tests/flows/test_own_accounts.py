"""Accounts of our own: the link, the password, the second factor, the session."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from flask.testing import FlaskClient

from plugin.clock import ManualClock
from plugin.errors import LinkRefused
from plugin.flows.access.own_accounts import register, sign_in
from plugin.flows.access.own_accounts.guesses import Origin
from plugin.flows.access.staff import Role
from plugin.flows.common.services import Services
from plugin.recognizer.process.examiner import Examiner
from sidecar.commands.common import Shell
from sidecar.commands.staff import staff
from tests import own_accounts, support
from tests.own_accounts import Account


@pytest.fixture(autouse=True)
def _weak(monkeypatch: pytest.MonkeyPatch) -> None:
    own_accounts.weaken(monkeypatch)


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """A folder of photographs, without an address of ours: no DAM has a door to it."""
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


def test_without_an_account_the_page_says_how_to_make_one(client: FlaskClient) -> None:
    """The console of a folder is there from the start."""
    page = client.get("/console/")
    assert page.status_code == 401
    assert "facelease staff add ann --role administrator" in page.text
    assert "<form" not in page.text


@pytest.mark.parametrize("role", ["administrator", "officer"])
def test_from_the_link_to_the_console(services: Services, client: FlaskClient, clock: ManualClock, role: str) -> None:
    """Link, password, second factor, recovery codes: then the console is open."""
    ann = own_accounts.join(client, clock, own_accounts.add(services, "Ann", role), "ann")
    assert len(set(ann.codes)) == 10
    page = client.get("/console/")
    assert page.status_code == 200
    assert "ann" in page.text


def test_who_needs_no_second_factor_is_in_with_the_password(
    services: Services, app: Flask, client: FlaskClient, clock: ManualClock
) -> None:
    """An editor may have one; it is required for officers and administrators."""
    bea = own_accounts.make(services, app, clock, "bea", "editor")
    assert bea.secret == ""
    assert own_accounts.sign_in(client, clock, bea).headers["Location"] == "/console/"
    assert client.get("/console/").status_code == 200


def test_signing_in_takes_both_steps(app: Flask, client: FlaskClient, clock: ManualClock, ann: Account) -> None:
    """After the password alone nothing is open."""
    assert own_accounts.try_password(client, "ann", ann.password).status_code == 303
    assert client.get("/console/").status_code == 401
    own_accounts.try_password(client, "ann", ann.password)
    clock.advance(timedelta(minutes=1))
    assert own_accounts.try_code(client, ann.code(clock)).status_code == 303
    assert client.get("/console/").status_code == 200


def test_a_role_is_the_one_of_this_request(
    services: Services, client: FlaskClient, clock: ManualClock, ann: Account
) -> None:
    """A role taken away is gone with the next click; a removed account ends its sessions."""
    own_accounts.sign_in(client, clock, ann)
    assert client.get("/console/jobs").status_code == 200
    register.set_role(services, "ann", Role.EDITOR, "cli:test")
    assert client.get("/console/jobs").status_code == 403
    register.remove(services, "ann", "cli:test")
    assert client.get("/console/").status_code == 401


def test_an_editor_who_becomes_an_officer_sets_up_a_second_factor(
    services: Services, app: Flask, client: FlaskClient, clock: ManualClock
) -> None:
    """The session without one ends, and the next sign-in asks for it."""
    bea = own_accounts.make(services, app, clock, "bea", "editor")
    own_accounts.sign_in(client, clock, bea)
    register.set_role(services, "bea", Role.OFFICER, "cli:test")
    assert client.get("/console/").status_code == 401
    assert own_accounts.try_password(client, "bea", bea.password).headers["Location"].endswith("/sign-in/code")
    assert "otpauth://" in client.get("/console/sign-in/code").text


def test_a_recovery_code_is_used_up_by_one_of_many_at_once(
    services: Services, clock: ManualClock, ann: Account
) -> None:
    """Four browsers give the same code at the same moment: one of them is in."""
    proof = sign_in.check_password(services, "ann", ann.password, Origin("10.0.0.1"))
    assert proof is not None
    with ThreadPoolExecutor(4) as pool:
        origins = [Origin(f"10.0.{number}.1") for number in range(4)]
        opened = list(pool.map(lambda one: sign_in.finish(services, proof, ann.codes[0], one, "en"), origins))
    assert sum(one is not None for one in opened) == 1


def test_a_link_is_used_by_one_of_two_at_once(services: Services) -> None:
    """Two people open the same link and choose a password: one of them is asked for another link."""
    token = own_accounts.add(services, "bea", "editor").rpartition("/")[2]

    def use(typed: str) -> bool:
        try:
            return bool(register.use_link(services, token, typed))
        except LinkRefused:
            return False

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(use, ("seven green bicycles", "eight blue tricycles"))) == [False, True]


def test_commands_make_list_change_and_remove(services: Services, app: Flask, clock: ManualClock) -> None:
    """As other commands: JSON, questions, exit codes."""
    runner = CliRunner()

    def run(*words: str) -> Result:
        return runner.invoke(staff, [*words], obj=_Here(services), standalone_mode=True)

    made = run("add", "Cas", "--role", "editor", "--collection", "12", "--json")
    assert made.exit_code == 0, made.output
    told = json.loads(made.stdout)
    assert told["name"] == "cas"
    assert told["link"].startswith("http://127.0.0.1:8731/console/join/")
    (cas,) = json.loads(run("list", "--json").stdout)
    assert (cas["role"], cas["state"], cas["collections"]) == ("editor", "invited", ["12"])
    assert "already" in run("role", "cas", "--role", "editor", "--collection", "12").stdout
    assert "is officer now" in run("role", "cas", "--role", "officer").stdout
    own_accounts.join(app.test_client(), clock, told["link"].partition("8731")[2], "cas")
    refused = run("remove", "cas")
    assert (refused.exit_code, "add --yes" in refused.output) == (2, True)
    assert json.loads(run("remove", "cas", "--yes", "--json").stdout) == {"name": "cas", "sessions_ended": 1}
    assert json.loads(run("list", "--json").stdout) == []


class _Here(Shell):
    """The command line of this house."""

    def __init__(self, services: Services) -> None:
        super().__init__(services.config, services.clock)
        self._services = services

    @contextmanager
    def house(self, catch_up: bool = True) -> Iterator[Services]:
        """As it is open."""
        yield self._services
