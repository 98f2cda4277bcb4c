"""Mail as it is lived with: the worker's calendar, the commands, and what is measured."""

import json
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner

from plugin.flows.schedule import calendar
from sidecar.app import create_app
from sidecar.commands.common import Shell
from sidecar.commands.mail import mail
from sidecar.commands.people.people import person
from sidecar.running.runner import Runner
from sidecar.running.scheduler import Timetable
from tests.posting import Post

Run = Callable[..., str]


@pytest.fixture
def run(post: Post) -> Run:
    """`run(command, "list")` in the same house and at the same time."""

    def call(command: Any, *words: str, code: int = 0) -> str:
        shell = Shell(post.services.config, post.clock)
        done = CliRunner().invoke(command, list(words), obj=shell)
        assert done.exit_code == code, done.output
        return done.output

    return call


def test_the_worker_sends_what_is_due_when_it_starts(post: Post) -> None:
    """After days without it nobody waits for tomorrow."""
    asa = post.cast.add("Åsa", email="asa@example.org")
    post.cast.sign(asa, recognition=False, lasts=timedelta(days=100))
    post.cast.work()  # else the owner may also be told that this is overdue, if the worker is no faster
    post.clock.advance(timedelta(days=90))
    stop = threading.Event()
    worker = threading.Thread(target=Runner(post.services).run, args=(stop,))
    worker.start()
    try:
        end = time.monotonic() + 60
        while len(post.box.got) < 2 and time.monotonic() < end:
            time.sleep(0.02)
    finally:
        stop.set()
        worker.join()
    assert sorted(str(one["To"]) for one in post.box.letters) == ["asa@example.org", "owner@example.org"]


def test_the_worker_asks_every_day(post: Post) -> None:
    """By day, so that nobody's telephone rings at night."""
    daily = Timetable(post.services, lambda: None).times
    assert daily["remind"] == "cron[hour='9']"
    assert daily["remind at start"].startswith("date")


def test_the_commands(post: Post, run: Run) -> None:
    """What is due goes at once; what went wrong is listed without an address; a test letter says what to do."""
    asa = post.cast.add("Åsa", email="asa@example.org")
    post.cast.sign(asa, recognition=False, lasts=timedelta(days=100))
    post.clock.advance(timedelta(days=90))
    post.box.rcpt = lambda address: "550 no" if address.startswith("asa") else "250 taken"
    sent, refused = run(mail, "due", code=1).splitlines()
    assert (sent, "1 was not sent" in refused) == ("ending 1, ending-owner 1", True)
    assert run(mail, "due") == "nothing is due\n"
    listed = run(mail, "list")
    assert "1 sent" in listed
    assert "refuses the address (it answered 550)" in listed
    assert "asa@" not in listed
    (failed,) = json.loads(run(mail, "list", "--json"))["others"]
    assert (failed["kind"], failed["person"], failed["state"]) == ("ending", asa, "failed")
    assert "look whether it arrives" in run(mail, "test", "admin@example.org")


def test_without_a_mail_server_the_commands_say_what_to_do(post: Post, run: Run) -> None:
    """Links are handed over by hand."""
    post.services.config.mail.__dict__["host"] = ""
    assert "hand them over" in run(mail, "due", code=1)
    assert calendar.send_reminders(post.services) == {"waiting": 0}


def test_people_in_a_spreadsheet(post: Post, run: Run) -> None:
    """Every cell quoted, and no name a formula."""
    post.cast.add("=1+1")
    heads, first = run(person, "list", "--csv").removeprefix("\ufeff").splitlines()
    assert heads == '"id","name","recognition","publication","enrolled","namesake","age_known"'
    assert first.endswith(""""'=1+1","no","no","no","no","yes\"""")


def test_letters_are_measured(post: Post) -> None:
    """By state, and nobody's name."""
    post.box.rcpt = lambda _address: "550 no"
    post.put("changed", post.cast.add("Åsa", email="asa@example.org"))
    post.work()
    body = create_app(post.services.config, post.services).test_client().get("/metrics").text
    assert 'facelease_mails{state="failed"} 1.0' in body
    assert 'facelease_mails{state="sent"} 0.0' in body
