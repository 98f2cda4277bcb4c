"""V4: nothing says that it is done where nothing was done; what was handed on says that it is not finished."""

import json
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from flask import Flask
from sqlalchemy import select

from plugin.clock import ManualClock
from plugin.flows.common.services import Services
from plugin.flows.schedule import calendar
from plugin.ledger import tables as t
from plugin.ledger.keys.master_keys import MasterKeys
from plugin.recognizer.process.examiner import Examiner
from sidecar import api
from sidecar.api.routes import PREFIX
from sidecar.app import create_app
from sidecar.cli import cli
from sidecar.commands.common import Shell
from sidecar.doctor import checks
from sidecar.running import bootstrap
from tests import nothing, on_double, staff, support
from tests.doubles.resourcespace import Double
from tests.program import Api

Promise = Callable[[str, str], None]
BO, CEE = "Bo", "Cee"
_LOOKS = ("look", "sweep", "export", "head", "import")
"""Actions that a refused act may still log: somebody looked, or tried."""


@pytest.fixture(params=["folder", "double"])
def over(
    request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock, examiner: Examiner
) -> Iterator[nothing.Over]:
    """The house with things that are over, on each kind of DAM."""
    if request.param == "folder":
        with support.opened(staff.configuration(tmp_path), clock, examiner) as services:
            yield nothing.Over(services, tmp_path).prepare()
        return
    with Double() as double:
        config = on_double.configuration(tmp_path, double, server={"public_url": staff.AUDIENCE})
        with support.opened(config, clock, examiner) as services:
            yield nothing.Over(services, tmp_path).prepare()


def run(services: Services, line: str) -> Result:
    """A command line in the house; an error of ours is a sentence and exit code 1, as `main` makes it."""
    words = shlex.split(line)
    shell = Shell(services.config, services.clock)
    return CliRunner().invoke(cli.commands[words[0]], words[1:], obj=shell)


def _said(done: Result) -> str:
    return done.output + (str(done.exception) if not isinstance(done.exception, SystemExit | None) else "")


def _acts(services: Services) -> int:
    """Rows of the log that are no look."""
    with services.store.read() as conn:
        actions = conn.scalars(select(t.audit.c.action)).all()
    return sum(not any(word in action for word in _LOOKS) for action in actions)


@pytest.mark.promise
def test_every_command_says_when_there_was_nothing(over: nothing.Over, promise: Promise) -> None:
    """Not there: a sentence, exit code not 0, and no act in the log. So already: that is what is said."""
    kind, wrong, tried = over.services.config.dam.kind, [], 0
    for told in nothing.COMMANDS.values():
        for ask in told.asks:
            if ask.only and ask.only != kind:
                continue
            line, before = ask.words.format(**over.names), _acts(over.services)
            done, tried = run(over.services, line), tried + 1
            right = done.exit_code != 0 if ask.code is None else done.exit_code == ask.code
            refused = done.exit_code == 0 or _acts(over.services) == before
            if not (right and refused and ask.says in _said(done) and _said(done).strip()):
                wrong.append((line, done.exit_code, _said(done)[-300:]))
    promise("V4", f"commands on {kind}: said done and did nothing {len(wrong)} of {tried}")
    assert wrong == []


def test_a_new_command_has_to_say_what_it_says_when_there_is_nothing() -> None:
    """One that is not in the table is found, and so is an entry for a command that is gone."""
    assert nothing.untold(cli) == set()
    assert nothing.COMMANDS.keys() - set(nothing.leaves(cli)) == set()
    grown = click.Group("cli", commands={**cli.commands, "new": click.Command("new")})
    assert nothing.untold(grown) == {"new"}


# ---- the API -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Call:
    """A request on nothing: the status, and what a success says that shows that nothing was done."""

    path: str
    body: Any
    status: int
    says: tuple[str, Any] | None = None


def _signed(person: str) -> Call:
    body = {
        "recognition": False,
        "publications": [],
        "signed_at": "2026-03-01T12:00:00Z",
        "text_version": "1",
        "language": "en",
        "evidence": [{"name": "form", "content": "c2FtcGxl"}],
    }
    return Call(f"/people/{person}/quitclaims", body, 409 if person != "nobody" else 404)


def _calls(over: nothing.Over) -> dict[str, tuple[Call, ...]]:
    bo, cee, dag = (over.people[name] for name in ("Bo", "Cee", "Dag"))
    ended, before = {"grants": "all"}, ("count", 0)
    return {
        "person_add": (Call("/people", {"name": "Bo"}, 409),),
        "person_age": (
            Call(f"/people/{bo}/age", {"of_age": True}, 200, ("changed", False)),
            Call("/people/nobody/age", {"of_age": True}, 404),
        ),
        "guardian_add": (Call("/people/nobody/guardians", {"name": "Sample"}, 404),),
        "person_object": (Call(f"/people/{dag}/objection", {}, 200, before), Call("/people/nobody/objection", {}, 404)),
        "quitclaim_record": (_signed(bo), _signed("nobody")),
        "quitclaim_withdraw": (
            Call(f"/people/{bo}/withdrawal", ended, 409),
            Call("/people/nobody/withdrawal", ended, 404),
            Call(f"/people/{cee}/withdrawal", ended, 200, before),
            Call(f"/people/{cee}/withdrawal", {"grants": ["nosuch"]}, 404),
        ),
        "quitclaim_restrict": (
            Call(f"/people/{bo}/restriction", ended, 409),
            Call(f"/people/{cee}/restriction", ended, 409),
            Call(f"/people/{dag}/restriction", ended, 200, before),
        ),
        "invitation_make": (Call("/invitations", {"person_id": "nobody", "by_mail": True}, 409),),
        "invitation_hand_over": (Call("/invitations:hand-over", {"person_id": "nobody"}, 404),),
        "invitation_revoke": (
            Call("/invitations/nosuch", None, 404),
            Call(f"/invitations/{over.names['link']}", None, 200, ("changed", False)),
        ),
        "collection_set": (Call("/collections/nosuch", {"mode": "off"}, 404),),
        "face_confirm": (Call("/faces/999/confirm", {}, 404),),
        "face_reject": (Call("/faces/999/reject", {}, 404),),
        "face_dismiss": (Call("/faces/999/dismiss", {"dismissal": "other"}, 404),),
        "faces_dismiss_small": (Call("/resources/nosuch.jpg/small-faces/dismiss", {}, 404),),
        "face_undo": (Call("/faces/999/undo", {}, 404),),
        "form_add": (Call("/forms", {"body": {}}, 409),),
        "form_retire": (
            Call("/forms/nosuch/retirement", {}, 404),
            Call(f"/forms/{over.names['name']}/retirement", {}, 200, ("name", over.names["name"])),
        ),
        "person_erase": (Call("/people/nobody/erasure", {}, 404),),
        "erasure_decide": (Call("/erasures/nosuch/decision", {"forget": True}, 404),),
    }


def _changing(app: Flask, services: Services) -> dict[str, str]:
    """The method of each route of the API that changes something, by the name of its view."""
    known = {name: route for part in api._PARTS for name, route in part.routes(services).known.items()}
    return {
        rule.endpoint.rsplit(".", 1)[-1]: method
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(PREFIX)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.endpoint in known and (known[rule.endpoint].changes or method == "DELETE")
    }


@pytest.mark.promise
def test_every_route_of_the_api_says_when_there_was_nothing(over: nothing.Over, promise: Promise) -> None:
    """404 or 409, or a success whose fields say that nothing was changed; a route without an entry fails."""
    app = create_app(over.services.config, over.services)
    methods, calls, wrong = _changing(app, over.services), _calls(over), []
    assert methods.keys() == calls.keys()
    with app.test_client() as client:
        program = Api(over.services, client)
        for name, asked in calls.items():
            for call in asked:
                answer = program.ask(methods[name], call.path, call.body)
                said = call.says is None or answer.json.get(call.says[0]) == call.says[1]
                if answer.status_code != call.status or not said:
                    wrong.append((call.path, answer.status_code, answer.get_data(as_text=True)))
        ended = program.ask("POST", f"/people/{over.people[CEE]}/withdrawal", {"grants": "all"}).json
        retired = program.ask("POST", f"/forms/{over.names['name']}/retirement", {}).json
    tried = sum(map(len, calls.values()))
    kind = over.services.config.dam.kind
    promise("V4", f"routes of the API on {kind}: said done and did nothing {len(wrong)} of {tried}")
    assert wrong == []
    assert all((ended["ended_before"], retired["ended_before"]))


def test_what_the_api_hands_on_is_not_finished(over: nothing.Over) -> None:
    """A withdrawal is in force with the answer, and its names go by a job: until then `finished` is false."""
    cast = support.Cast(over.services)
    eve = cast.add("Eve")
    cast.sign(eve)
    cast.work()
    with create_app(over.services.config, over.services).test_client() as client:
        program = Api(over.services, client)
        first = program.post(f"/people/{eve}/withdrawal", {"grants": "all"})
        again = program.post(f"/people/{eve}/withdrawal", {"grants": "all"})
        cast.work()
        done = program.post(f"/people/{eve}/withdrawal", {"grants": "all"})
    assert (first["count"], first["finished"], first["ended_before"]) == (2, False, None)
    assert (again["count"], again["finished"], bool(again["ended_before"])) == (0, False, True)
    assert (done["count"], done["finished"]) == (0, True)


# ---- the console ---------------------------------------------------------------------------------


def _forms(over: nothing.Over) -> dict[str, tuple[tuple[str, dict[str, Any]], ...]]:
    """By route: what is posted, on nothing, by an administrator or an officer."""
    bo, cee = over.people[BO], over.people[CEE]
    ask = {"all": "yes", "sure": "yes", "asked_by": "person"}
    return {
        "person_end": (
            (f"/people/{bo}/withdraw", ask),
            (f"/people/{bo}/restrict", ask),
            (f"/people/{cee}/withdraw", ask),
            (f"/people/{cee}/restrict", ask),
            ("/people/nobody/withdraw", ask),
        ),
        "person_export": (("/people/nobody/export", {}),),
        "person_evidence": ((f"/people/{bo}/evidence/nosuch", {}),),
        "person_add": (("/people/new", {"name": "Bo"}),),
        "person_invite": ((f"/people/{bo}/invite", {}), ("/people/nobody/invite", {})),
        "person_address": (
            (f"/people/{bo}/address", {"email": ""}),
            (f"/people/{cee}/address", {"email": "cee@example.org"}),
        ),
        "person_recognised": (("/people/nobody/recognised", {"how": "met"}),),
        "person_letter": ((f"/people/{bo}/letter", {}),),
        "shoot_invite": (("/collections/one/invite", {"ref": "nosuch"}),),
        "collection_set": (("/collections/one", {"ref": "nosuch", "mode": "off"}),),
        "person_name": ((f"/people/{bo}/name", {"name": "Bo"}), ("/people/nobody/name", {"name": "Eve"})),
        "person_birth": ((f"/people/{bo}/birth", {}), ("/people/nobody/birth", {"birth": "2001-02-03"})),
        "person_link_close": (
            (f"/people/{bo}/links/nosuch/close", {}),
            (f"/people/{cee}/links/{over.names['link']}/close", {}),
            (f"/people/nobody/links/{over.names['link']}/close", {}),
        ),
        "invitation_act": (
            ("/invitations/nosuch/remind", {}),
            ("/invitations/nosuch/withdraw", {}),
            (f"/invitations/{over.names['link']}/remind", {}),
            (f"/invitations/{over.names['link']}/withdraw", {}),
        ),
        "invitations_send": (
            ("/invitations/list", {}),
            ("/invitations/list", {"send": "yes", "name": "Eve", "email": "eve@example.org", "language": "en"}),
        ),
        "collection_scan_now": tuple(
            (f"/collections/one/{act}", {"ref": ref}) for act in ("scan", "pause") for ref in ("nosuch", "")
        ),
        "review_decide": tuple(
            ("/review/decide", {"act": act, "shown": ["999:"], "face": ["999"], "dismissal": "other", "person": "Bo"})
            for act in ("confirm", "name", "reject", "dismiss", "later")
        ),
        "review_small": (("/review/photographs/999/small", {}),),
        "review_undo": (("/review/undo", {}), ("/review/undo", {"face": "999"})),
        "account_codes": (("/account/codes", {}),),
        "account_password": (("/account/password", {"password": "x", "new": "another password of mine"}),),
        "account_sessions": (("/account/sessions", {}), ("/account/sessions", {"session": "nosuch"})),
        "join_finish": (("/password", {"password": "another password of mine"}),),
        "sign_in_password": (("/sign-in", {"name": "nosuch", "password": "another password of mine"}),),
        "sign_in_finish": (("/sign-in/code", {"code": "123456"}),),
        "staff_add": (("/staff/add", {"name": "fay", "role": "editor"}),),
        "staff_change": (
            ("/staff/fay/role", {"role": "editor"}),
            *((f"/staff/nosuch/{act}", {"role": "editor", "sure": "yes"}) for act in ("role", "reset", "remove")),
        ),
        "names_decide": (("/names/keep", {}), ("/names/keep", {"tag": "999"}), ("/names/remove", {"tag": "999"})),
        "reference_decide": (
            ("/references/nosuch/vouch", {"how": "met"}),
            ("/references/nosuch/refuse", {"sure": "yes"}),
        ),
        "references_confirm": (("/references/photographs", {}), ("/references/photographs", {"set": "nosuch"})),
        "shoot_seen": (("/shoot/nosuch/seen", {}),),
        "form_add": (("/forms", {"text": "no form"}),),
        "form_retire": (("/forms/nosuch/retire", {}),),
        "request_decide": (("/requests/nosuch/grant", {"sure": "yes"}), ("/requests/nosuch/refuse", {"reason": "x"})),
        "jobs_retry": (("/jobs/retry", {"job": "999"}), ("/jobs/retry", {"all": "yes"}), ("/jobs/retry", {})),
        "session_end": (
            ("/sessions/end", {"session": "nosuch"}),
            ("/sessions/end", {"user": "nosuch"}),
            ("/sessions/end", {}),
            ("/sessions/end", {"session": over.names["session"]}),
        ),
    }


_ALWAYS = {"sign_out", "log_verify", "log_export", "people_export", "form_preview"}
"""There is always a session to leave, and a log, a list or a form that is written to look at."""


@pytest.mark.promise
def test_every_form_of_the_console_says_when_there_was_nothing(
    tmp_path: Path, clock: ManualClock, examiner: Examiner, promise: Promise
) -> None:
    """A page that refuses, or one that says that it was so already; never the sentence of what is done."""
    with support.opened(staff.configuration(tmp_path), clock, examiner) as services:
        over = nothing.Over(services, tmp_path).prepare()
        app = staff.app(services)
        posts = {
            rule.endpoint.removeprefix("console.")
            for rule in app.url_map.iter_rules()
            if rule.endpoint.startswith("console.") and "POST" in (rule.methods or ())
        }
        assert posts - _ALWAYS == _forms(over).keys()
        browser, wrong = staff.signed_in(app, clock, "administrator"), []
        asked = [one for some in _forms(over).values() for one in some]
        for path, fields in asked:
            answer = staff.post(browser, f"/console{path}", **fields)
            already = answer.status_code == 303 and "so already" in browser.get(answer.location).text
            if answer.status_code < 400 and not already:
                wrong.append((path, answer.status_code, answer.location))
    promise("V4", f"forms of the console: said done and did nothing {len(wrong)} of {len(asked)}")
    assert wrong == []


@pytest.mark.promise
def test_forms_of_own_pages_and_the_dam_do_nothing_without_who_asks(over: nothing.Over, promise: Promise) -> None:
    """Each that takes a post, without a visit, a guard or a signature: refused."""
    app = create_app(over.services.config, over.services)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    posts = [
        rule
        for rule in app.url_map.iter_rules()
        if "POST" in (rule.methods or ()) and rule.endpoint.split(".")[0] in {"sign", "me", "key", "panel", "webhooks"}
    ]
    before, wrong = _acts(over.services), []
    with app.test_client() as client:
        for rule in posts:
            path = app.url_map.bind("localhost").build(
                rule.endpoint, {name: "1" if name in {"photo", "number"} else "x" for name in rule.arguments}
            )
            status = client.post(path, data={"how": "withdraw"}).status_code
            if status < 400:
                wrong.append((path, status))
    kind = over.services.config.dam.kind
    promise("V4", f"forms of own pages on {kind}: taken from nobody {len(wrong)} of {len(posts)}")
    assert (wrong, _acts(over.services)) == ([], before)


# ---- with something away -------------------------------------------------------------------------


@pytest.mark.promise
def test_with_the_dam_away_what_is_left_is_said(
    tmp_path: Path, clock: ManualClock, examiner: Examiner, promise: Promise
) -> None:
    """Exit code 3 and what waits, for everything that has to reach the DAM; 0 once it has."""
    acts = (
        "quitclaim withdraw Åsa --yes",
        "quitclaim restrict Åsa --yes",
        "person objects Åsa --yes",
        "person erase Åsa --yes",
    )
    wrong = []
    for number, act in enumerate(acts):
        root = tmp_path / str(number)
        root.mkdir()
        with Double() as double, on_double.house(root, double, clock, examiner) as services:
            cast = support.Cast(services)
            double.library.create(1)
            calendar.poll_dam(services)
            cast.work()
            asa = cast.add("Åsa")
            cast.sign(asa)
            cast.work()
            on_double.tag(services, asa, "Åsa")
            with services.store.write() as tx:  # as the machine tags, so that an objection takes it off too
                tx.execute(t.tag.update().values(origin="machine"))
            double.faults = lambda function: "500"
            done = run(services, act)
            if done.exit_code != 3 or not any(word in _said(done) for word in ("not finished", "NOT FINISHED")):
                wrong.append((act, done.exit_code, _said(done)))
            ready = create_app(services.config, services).test_client().get("/ready")
            found = {one.what: one for one in checks.run_checks(services.config, clock)}
            if ready.status_code != 503 or found["DAM"].ok:
                wrong.append(("ready", ready.status_code, found["DAM"].said))
    promise("V4", f"with the DAM away: said done and was not {len(wrong)} of {2 * len(acts)}")
    assert wrong == []


@pytest.mark.parametrize("over", ["folder"], indirect=True)
@pytest.mark.promise
def test_with_the_folder_away_no_command_says_done(over: nothing.Over, promise: Promise) -> None:
    """What needs no folder says what it says with it; anything else speaks of the folder, and is not done."""
    photos = over.services.config.path(over.services.config.folder.path)
    photos.rename(photos.with_name("away"))
    wrong, alike, tried = [], 0, 0
    for told in nothing.COMMANDS.values():
        for ask in told.asks:
            if ask.only not in {None, "", "folder"}:
                continue
            line, tried = ask.words.format(**over.names), tried + 1
            done = run(over.services, line)
            same = (done.exit_code != 0 if ask.code is None else done.exit_code == ask.code) and ask.says in _said(done)
            speaks = done.exit_code in {1, 3} and str(photos) in _said(done)
            alike += same
            if not (same or speaks):
                wrong.append((line, done.exit_code, _said(done)[-200:]))
    promise("V4", f"with the folder away: commands that say done and are not {len(wrong)} of {tried}")
    named = tried - alike - len(wrong)
    promise("O1", f"with the folder away, of {tried} commands: as before {alike}, naming it {named}, else {len(wrong)}")
    assert wrong == []
    assert alike > 70


@pytest.mark.promise
def test_ready_and_doctor_are_green_about_what_they_looked_at(
    over: nothing.Over, clock: ManualClock, promise: Promise
) -> None:
    """Worker, master key and store, each away alone: neither says that all is well."""
    services = over.services
    client = create_app(services.config, services).test_client()
    Path(services.config.data).chmod(0o700)
    calendar.sweep_endings(services)
    assert client.get("/ready").status_code == 200
    assert [one.what for one in checks.run_checks(services.config, clock) if not one.ok] == []
    wrong = [name for name, away in _AWAY.items() if not away(over, clock)]
    promise("V4", f"{services.config.dam.kind}: green with something away {len(wrong)} of {len(_AWAY)}")
    assert wrong == []


def _red(services: Services, clock: ManualClock, what: str) -> bool:
    status = create_app(services.config, services).test_client().get("/ready").status_code
    found = [one for one in checks.run_checks(services.config, clock) if one.what == what]
    return status == 503 and not any(one.ok for one in found)


def _worker_away(over: nothing.Over, clock: ManualClock) -> bool:
    """A command sweeps meanwhile, and is no worker."""
    with over.services.store.write() as tx:
        tx.execute(t.state.update().values(worked_at=None))
    run(over.services, "sweep")
    red = _red(over.services, clock, "worker")
    calendar.sweep_endings(over.services)
    return red


def _another_configuration(over: nothing.Over, clock: ManualClock) -> bool:
    config = over.services.config.model_copy(
        update={"site": over.services.config.site.model_copy(update={"name": "another"})}
    )
    return _red(replace(over.services, config=config), clock, "worker")


def _master_away(over: nothing.Over, clock: ManualClock) -> bool:
    """Another key of the same version: it is a good file, and opens nothing."""
    path = over.services.config.path(over.services.config.keys.master_file)
    kept = path.read_bytes()
    tree = json.loads(kept)
    other = path.with_name("other.json")
    MasterKeys.create(other)
    assert json.loads(other.read_bytes()).keys() == tree.keys()
    path.write_bytes(other.read_bytes())
    with bootstrap.open_house(over.services.config, clock) as opened:
        red = _red(opened, clock, "people's keys")
    path.write_bytes(kept)
    return red


_AWAY: dict[str, Callable[[nothing.Over, ManualClock], bool]] = {
    "worker": _worker_away,
    "configuration": _another_configuration,
    "master key": _master_away,
}


@pytest.mark.promise
def test_the_store_away_is_a_sentence(over: nothing.Over, promise: Promise) -> None:
    """Neither a page of ours nor a command ends in something nobody foresaw."""
    services = over.services
    client = create_app(services.config, services).test_client()
    services.store.close()
    path = Path(services.config.store_url.removeprefix("sqlite:///"))
    for file in path.parent.glob(path.name + "*"):
        file.rename(file.with_name("away-" + file.name))
    path.mkdir()  # what is there is no store
    done = run(services, "quitclaim withdraw Bo")
    status = client.get("/ready").status_code
    promise("V4", f"{services.config.dam.kind} without its store: /ready {status}, command {done.exit_code}")
    assert (status, done.exit_code) == (503, 1)
