"""S2: a way in that was closed, left, or whose role was taken away opens nothing, from whatever copy of it."""

import contextlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from plugin.clock import ManualClock
from plugin.flows.access import links, staff_sessions, token_digest, visits
from plugin.flows.common.services import Services
from plugin.flows.people import guardian_links, register
from plugin.ledger import tables as t
from plugin.ledger.store.audit import Action
from plugin.recognizer.process.examiner import Examiner
from tests import on_double, route_rules, sender, staff, support
from tests.doubles.resourcespace import Double
from tests.doubles.resourcespace_state import GENERAL, SUPER
from tests.signers import Desk
from tests.visiting import PAGE, app_of, fresh, link_of, on, press, token

Promise = Callable[[str, str], None]
COOKIE = "facelease_sign"
NAME = "Åsa Kanariefågel"


@pytest.fixture
def asa(cast: support.Cast) -> str:
    person = cast.add(NAME)
    cast.sign(person)
    return person


@pytest.fixture
def app(services: Services) -> Flask:
    return app_of(services)


def _cookie(browser: FlaskClient) -> str:
    found = browser.get_cookie(COOKIE, path="/s")
    assert found is not None
    return found.value


def _copy(app: Flask, cookie: str) -> FlaskClient:
    """Another browser with a cookie that was copied."""
    browser = fresh(app)
    browser.set_cookie(COOKIE, cookie, path="/s")
    return browser


def _alive(app: Flask, cookie: str) -> bool:
    return "Kanariefågel" in _copy(app, cookie).get(PAGE).text


def _rows(services: Services) -> int:
    with services.store.read() as conn:
        return conn.scalar(select(func.count()).select_from(t.visit)) or 0


def _leave(browser: FlaskClient, services: Services, clock: ManualClock) -> None:
    assert press(browser, f"{PAGE}/leave").status_code == 200


def _idle(browser: FlaskClient, services: Services, clock: ManualClock) -> None:
    clock.advance(timedelta(minutes=services.config.signing.idle_minutes))


def _time_out(browser: FlaskClient, services: Services, clock: ManualClock) -> None:
    for _ in range(services.config.signing.visit_hours):
        assert browser.get(PAGE).status_code == 200
        clock.advance(timedelta(hours=1))


def _close_here(browser: FlaskClient, services: Services, clock: ManualClock) -> None:
    mine = _numbers(browser.get(PAGE).text, "visit", here=True)
    assert press(browser, f"{PAGE}/ways-in/close", visit=mine[0]).status_code == 200


def _close_link_here(browser: FlaskClient, services: Services, clock: ManualClock) -> None:
    mine = _numbers(browser.get(PAGE).text, "link", here=True)
    assert press(browser, f"{PAGE}/ways-in/close", link=mine[0]).status_code == 200


def _take_back(browser: FlaskClient, services: Services, clock: ManualClock) -> None:
    with services.store.write() as tx:
        for link in tx.connection.scalars(select(t.invitation.c.id).where(t.invitation.c.revoked_at.is_(None))):
            links.revoke(services, tx, link, "test")


def _numbers(page: str, kind: str, here: bool | None = None) -> list[str]:
    """The numbers of the links or visits on the page; `here`: of those of this visit, or of the others."""
    rows = re.findall(r"<li>.*?</li>", page.split('id="ways"')[1].split("</section>")[0], re.DOTALL)
    found = []
    for row in rows:
        number = re.search(rf'name="{kind}" value="([^"]+)"', row)
        mine = "You came in by this link" in row or "This is you, now" in row
        if number and here in (None, mine):
            found.append(number[1])
    return found


ENDS = (_leave, _idle, _time_out, _close_here, _close_link_here, _take_back)


@pytest.mark.promise
def test_a_visit_ends(
    services: Services, asa: str, app: Flask, clock: ManualClock, full: bool, promise: Promise
) -> None:
    """However it ended, no copy of its cookie opens the page, then or after an hour, and no form of it is taken."""
    count = 25 if full else 4
    alive: Counter[str] = Counter()
    for end in ENDS:
        for _ in range(count):
            browser = on(services, link_of(services, asa).token, app)
            form, cookie = token(browser.get(PAGE).text), _cookie(browser)
            assert _alive(app, cookie), "until then it is open"
            end(browser, services, clock)
            alive[end.__name__] += _alive(app, cookie)
            answer = _copy(app, cookie).post(f"{PAGE}/stop/all", data={"how": "withdraw", "csrf_token": form})
            assert answer.status_code in (400, 410)
            clock.advance(timedelta(hours=1))
            alive[end.__name__] += _alive(app, cookie)
    with services.store.read() as conn:
        assert conn.scalar(select(func.count()).where(t.grant.c.ended_at.is_not(None))) == 0
    said = ", ".join(f"{end.__name__.strip('_').replace('_', ' ')} {alive[end.__name__]}" for end in ENDS)
    promise("S2", f"copied cookies of a visit that open a page after: {said} of {count} each")
    assert sum(alive.values()) == 0


def _saved(services: Services) -> list[dict[str, object]]:
    with services.store.read() as conn:
        return [dict(row) for row in conn.execute(select(t.visit)).mappings()]


@pytest.mark.promise
def test_a_copy_of_the_store_opens_no_visit(
    services: Services, cast: support.Cast, app: Flask, promise: Promise
) -> None:
    """Neither its rows as cookies, nor the keys that lie beside it, open what a visit remembers; the cookie is the
    token and nothing else, and opens it."""
    desk, tried, opened = Desk(services), 0, []
    for number in range(5):
        person = cast.add(f"{NAME} {number}")
        visit = desk.visit(person)
        assert visit.sign("press").status_code == 303
        cookie, shown = _cookie(visit.client), visit.kept_link()
        assert re.fullmatch(r"[\w-]{43}", cookie)
        assert cookie != shown
        (row,) = [one for one in _saved(services) if one["id_sha256"] == token_digest.digest(cookie)]
        body = row["body"]
        assert isinstance(body, bytes)
        assert cookie not in str(_saved(services))
        assert shown.encode() not in b"".join(bytes(one["body"]) for one in _saved(services))  # type: ignore[call-overload]
        about = json.dumps(["facelease-visit", row["id_sha256"], row["invitation_id"], row["version"]]).encode()
        assert shown in AESGCM(_derived(cookie.encode())).decrypt(body[:12], body[12:], about).decode()
        for key in _keys(services, row):
            for tried_key in (key, _derived(key)):
                tried += 1
                with contextlib.suppress(InvalidTag):
                    opened.append(AESGCM(tried_key).decrypt(body[:12], body[12:], about))
        for guess in (str(row["id_sha256"]), str(row["id_sha256"])[:43], str(row["invitation_id"])):
            tried += 1
            opened += [guess.encode()] if _alive(app, guess) else []
    promise("S2", f"a copied store opens no visit: {len(opened)} of {tried}")
    assert opened == []


def _derived(key: bytes) -> bytes:
    return HKDF(SHA256(), 32, None, b"facelease visit memory").derive(key)


def _keys(services: Services, row: dict[str, object]) -> Iterator[bytes]:
    """What a thief of the data folder could try as keys."""
    yield bytes.fromhex(str(row["id_sha256"]))
    yield services.config.path("{data}/keys/session.key").read_bytes()
    yield services.master.key(services.master.current)


def test_a_row_that_was_exchanged_opens_nothing(services: Services, cast: support.Cast, app: Flask) -> None:
    """Who can write to the store puts their own visit's memory, or another link, under somebody's row."""
    mine, theirs = (on(services, link_of(services, cast.add(name)).token, app) for name in ("Bo", NAME))
    for browser in (mine, theirs):
        assert browser.get(PAGE).status_code == 200
    own, other = (
        next(r for r in _saved(services) if r["id_sha256"] == token_digest.digest(_cookie(b))) for b in (mine, theirs)
    )
    with services.store.write() as tx:
        this = t.visit.c.id_sha256 == own["id_sha256"]
        tx.execute(t.visit.update().where(this).values(invitation_id=other["invitation_id"], full=True))
    assert "Kanariefågel" not in mine.get(PAGE).text
    assert mine.get(PAGE).status_code == 404


@pytest.mark.promise
def test_visits_and_links_are_listed_and_closed(services: Services, asa: str, app: Flask, promise: Promise) -> None:
    """Every way in is on the page; each closes; what was closed is dead, the rest lives."""
    browsers = [on(services, link_of(services, asa).token, app) for _ in range(8)]
    for browser in browsers:
        browser.get(PAGE)
    me, rest = browsers[0], browsers[1:]
    page = me.get(PAGE).text
    listed = (len(_numbers(page, "link")), len(_numbers(page, "visit")))
    closed = 0
    for browser in rest[:3]:
        (number,) = _numbers(browser.get(PAGE).text, "visit", here=True)
        assert "Nobody comes in by it" in press(me, f"{PAGE}/ways-in/close", visit=number).text
        closed += browser.get(PAGE).status_code == 404
    for browser in rest[3:5]:
        (number,) = _numbers(browser.get(PAGE).text, "link", here=True)
        press(me, f"{PAGE}/ways-in/close", link=number)
        closed += browser.get(PAGE).status_code == 404
    press(me, f"{PAGE}/ways-in/close", others="yes")
    closed += sum(browser.get(PAGE).status_code in (404, 410) for browser in rest[5:])
    assert "Kanariefågel" in me.get(PAGE).text
    page = me.get(PAGE).text
    assert (len(_numbers(page, "link")), len(_numbers(page, "visit"))) == (1, 1)
    promise("S2", f"visits listed {listed[1]} of 8, links {listed[0]} of 8; closed {closed} of 7")
    assert (listed, closed) == ((8, 8), 7)


def test_nobody_closes_or_sees_the_ways_of_another(services: Services, cast: support.Cast, app: Flask) -> None:
    """Not another person's, and of a child not the other guardian's nor the child's own."""
    child = cast.add("Clara Kanariefågel", birth_date=date(2012, 5, 1), guardians=("Gerda", "Hugo"))
    sibling = cast.add("Carl Kanariefågel", birth_date=date(2013, 5, 1), guardians=("Gerda",))
    with services.store.read() as conn:
        gerda, hugo = (str(one["id"]) for one in register.guardians_of(services, conn, child))
        gerda_of_carl = str(register.guardians_of(services, conn, sibling)[0]["id"])
    guardian_links.link_guardians(services, (child, gerda), (sibling, gerda_of_carl), "test")
    stranger = cast.add("Bo")
    made = {
        who: link_of(services, person, guardian)
        for who, person, guardian in (
            ("gerda", child, gerda),
            ("hugo", child, hugo),
            ("carl", sibling, gerda_of_carl),
            ("bo", stranger, None),
            ("clara", child, None),
        )
    }
    browsers = {who: on(services, made[who].token, app) for who in ("gerda", "hugo", "carl", "bo")}
    shown = {who: browser.get(PAGE).text for who, browser in browsers.items()}
    assert sorted(_numbers(shown["gerda"], "link")) == sorted((made["gerda"].id, made["carl"].id))
    assert _numbers(shown["hugo"], "link") == [made["hugo"].id]
    assert _numbers(shown["bo"], "link") == [made["bo"].id]
    others = [*_numbers(shown["gerda"], "visit", here=True), *_numbers(shown["bo"], "visit", here=True)]
    for kind, number in (*(("visit", one) for one in others), ("link", made["gerda"].id), ("link", made["clara"].id)):
        assert press(browsers["hugo"], f"{PAGE}/ways-in/close", **{kind: number}).status_code == 404
    press(browsers["hugo"], f"{PAGE}/ways-in/close", others="yes")
    assert all(browser.get(PAGE).status_code == 200 for browser in browsers.values())
    assert [fresh(app).get(f"/s/{one.token}").status_code for one in made.values()] == [303] * 5


def test_who_opens_a_link_over_and_over_fills_no_table(
    services: Services, asa: str, app: Flask, clock: ManualClock
) -> None:
    """The visit of whoever came back stays; those that nobody came back to give way. Who has no link leaves none."""
    link = link_of(services, asa).token
    mine = on(services, link, app)
    clock.advance(timedelta(seconds=1))
    assert mine.get(PAGE).status_code == 200
    for _ in range(visits.MAX_OPEN * 2):
        fresh(app).get(f"/s/{link}")
    assert _rows(services) == visits.MAX_OPEN
    assert mine.get(PAGE).status_code == 200
    for path in ("/s/form?lang=nl", "/s/me", "/s/xyz", f"/s/{'A' * 43}", "/s/done"):
        fresh(app).get(path)
        fresh(app).post(path, data={"csrf_token": "x"})
    assert _rows(services) == visits.MAX_OPEN


def test_what_is_over_leaves_no_row(services: Services, asa: str, app: Flask, clock: ManualClock) -> None:
    """A visit's row goes when it is left, when it is over, and with the person."""
    left, stays = (on(services, link_of(services, asa).token, app) for _ in range(2))
    press(left, f"{PAGE}/leave")
    assert _rows(services) == 1
    clock.advance(timedelta(days=1))
    assert visits.prune(services) == 1
    assert _rows(services) == 0
    assert stays.get(PAGE).status_code == 404


def test_a_planted_cookie_is_nobodys_afterwards(services: Services, cast: support.Cast, app: Flask) -> None:
    """Whoever puts their own visit into a browser does not come to see whom it opens next."""
    mallory = on(services, link_of(services, cast.add("Mallory")).token, app)
    planted = _cookie(mallory)
    victim = _copy(app, planted)
    victim.get(f"/s/{link_of(services, cast.add(NAME)).token}")
    assert "Kanariefågel" in victim.get(PAGE).text
    assert _cookie(victim) != planted
    assert not _alive(app, planted)
    assert _copy(app, planted).get(PAGE).status_code == 404  # the visit that was planted is over as well


def test_leaving_needs_the_form_of_the_visit(services: Services, asa: str, app: Flask) -> None:
    """No other site's form signs anybody out, and none closes a way in."""
    browser = on(services, link_of(services, asa).token, app)
    browser.get(PAGE)
    for path in ("leave", "ways-in/close"):
        assert browser.post(f"{PAGE}/{path}", data={"others": "yes"}).status_code == 400
    assert _alive(app, _cookie(browser))


def test_an_end_is_in_the_log(services: Services, asa: str, app: Flask) -> None:
    """Left and closed."""
    browser = on(services, link_of(services, asa).token, app)
    press(browser, f"{PAGE}/leave")
    with services.store.read() as conn:
        rows = conn.execute(select(t.audit).where(t.audit.c.action == Action.VISIT_END.value)).all()
    assert len(rows) == 1


# ---- the staff's ---------------------------------------------------------------------------


@pytest.fixture
def console(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Flask]:
    """The app of a house with a console, whose DAM has accounts."""
    with support.opened(staff.configuration(tmp_path / "console"), clock, examiner) as open_:
        made = staff.app(open_)
        for limiter in made.extensions["limiter"]:
            limiter.enabled = False
        yield made


def _pages(app: Flask) -> list[tuple[str, str]]:
    """(method, path) of every route of the console but the doors, with arguments that need not exist."""
    return [
        (method, re.sub(r"<any\(([^,)]+)[^>]*>|<int:[^>]+>|<[^>]+>", lambda found: found[1] or "1", str(rule)))
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("console.") and route_rules.RULES[rule.endpoint] != route_rules.OPEN
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


_TAKEN: dict[str, Callable[[FlaskClient, str], object]] = {
    "groups changed": lambda client, user: staff.accounts_of(client).update({user: (9,)}),
    "no group": lambda client, user: staff.accounts_of(client).update({user: ()}),
    "account disabled or gone": lambda client, user: staff.accounts_of(client).update({user: None}),
    "DAM silent": lambda client, user: setattr(staff.dam_of(client), "silent", True),
}


@pytest.mark.promise
def test_no_page_after_a_role_was_taken_away(console: Flask, clock: ManualClock, promise: Promise) -> None:
    """Every route of the console, pictures too, for each role and each way to lose it: a page was open a moment ago,
    and the very next call is refused. Where another role is left, only its pages are there."""
    calls, shown, tried = _pages(console), [], 0
    console.config["WTF_CSRF_ENABLED"] = False  # so that the role alone decides
    for role in staff.GROUPS:
        for what, take in _TAKEN.items():
            for method, path in calls:
                client = staff.signed_in(console, clock, role)
                assert client.get("/console/").status_code == 200
                take(client, role)
                answer = client.open(path, method=method)
                tried += 1
                if answer.status_code != (503 if what == "DAM silent" else 401) or f"{role}, " in answer.text:
                    shown.append((role, what, method, path, answer.status_code))
                staff.dam_of(client).silent = False
                staff.accounts_of(client).clear()
                if (client.get("/console/").status_code == 200) is not (what == "DAM silent"):
                    shown.append((role, what, "then", path, 200))
    narrower, wrong = _narrowed(console, clock, calls)
    promise(
        "S2",
        f"with roles taken away: pages after it {len(shown)} of {tried:,}; with a narrower role: pages of the wider "
        f"{len(wrong)} of {narrower}",
    )
    assert (shown, wrong) == ([], [])
    assert tried > 400


def _narrowed(app: Flask, clock: ManualClock, calls: list[tuple[str, str]]) -> tuple[int, list[tuple[str, str, str]]]:
    """An administrator becomes each other role: what is then open is what is open to that role."""
    tried = 0
    wrong: list[tuple[str, str, str]] = []
    for role in ("officer", "editor", "auditor"):
        native = staff.signed_in(app, clock, role)
        client = staff.signed_in(app, clock, "administrator")
        assert client.get("/console/").status_code == 200
        staff.accounts_of(client)["administrator"] = (staff.GROUPS[role],)
        for method, path in calls:
            if path in ("/console/sign-out", "/console/sessions/end"):
                continue
            here, there = (one.open(path, method=method).status_code == 403 for one in (client, native))
            tried += 1
            wrong += [(role, method, path)] if here != there else []
        staff.accounts_of(client).clear()
    return tried, wrong


@pytest.mark.promise
def test_sessions_are_listed_and_ended(console: Flask, clock: ManualClock, promise: Promise) -> None:
    """By the page: one, an account's, all; one's own among them. No copy of a cookie is alive after it."""
    services: Services = console.extensions["facelease"]
    chief = staff.signed_in(console, clock, "administrator")
    others = [staff.signed_in(console, clock, role) for role in ("editor", "editor", "auditor", "officer")]
    copies = [staff.cookie_of(client) for client in (*others, chief)]
    page = chief.get("/console/sessions").text
    listed = len(re.findall(r'name="session" value="[0-9a-f]{16}"', page))
    numbers = {one.user: one.id for one in staff_sessions.list_open(services)}
    alive = []

    def _open(*which: int) -> int:
        found = 0
        for index in which:
            other = console.test_client()
            other.set_cookie("facelease_staff", copies[index], path="/console")
            found += other.get("/console/").status_code == 200
        return found

    assert _open(0, 1, 2, 3, 4) == 5
    staff.post(chief, "/console/sessions/end", session=numbers["auditor"], sure="yes")
    alive.append(_open(2))
    staff.post(chief, "/console/sessions/end", user="editor", sure="yes")
    alive.append(_open(0, 1))
    assert _open(3, 4) == 2
    assert staff.post(others[3], "/console/sessions/end", all="yes", sure="yes").status_code == 303
    alive.append(_open(3, 4))
    promise("S2", f"sessions listed {listed} of 5, ended 5 of 5: alive after it {sum(alive)}")
    assert (listed, alive) == (5, [0, 0, 0])
    with services.store.read() as conn:
        ends = select(t.audit.c.actor).where(t.audit.c.action == Action.SESSION_END.value).order_by(t.audit.c.seq)
        assert list(conn.scalars(ends)) == ["dam:administrator"] * 3 + ["dam:officer"] * 2


def test_an_editor_ends_nobodys_session(console: Flask, clock: ManualClock) -> None:
    """Nor sees who is here."""
    client = staff.signed_in(console, clock, "editor")
    assert client.get("/console/sessions").status_code == 403
    assert staff.post(client, "/console/sessions/end", all="yes").status_code == 403
    assert client.get("/console/").status_code == 200


@pytest.mark.promise
def test_a_server_is_asked_once_a_page(
    tmp_path: Path, clock: ManualClock, examiner: Examiner, promise: Promise
) -> None:
    """The same through the API of a ResourceSpace: one call a page; moved, silent, switched off."""
    secret = sender.secret_file(tmp_path / "signin.secret", staff.SECRET)
    sections = {
        "server": {"public_url": staff.AUDIENCE},
        "webhooks": {"signin_secret_file": secret},
        "access": {"administrators": [SUPER], "auditors": [GENERAL]},
    }
    with Double() as double:
        config = on_double.configuration(tmp_path, double, **sections)
        with support.opened(config, clock, examiner) as services:
            client = staff.app(services).test_client()
            user = double.library.add_user("Jan Sample", SUPER)
            staff.Dam(clock).sign_in(client, user=user.name, groups=[SUPER], address=staff.address())
            asked: list[str] = []
            silent = False

            def faults(function: str) -> str | None:
                asked.append(function)
                return "500" if silent and function == "facelease_account" else None

            double.faults = faults
            client.get("/console/log")
            asked.clear()
            statuses = [client.get("/console/log").status_code for _ in range(5)]
            calls = asked.count("facelease_account")
            statuses.append(client.get("/console/people").status_code)
            user.group = GENERAL
            statuses += [client.get(path).status_code for path in ("/console/people", "/console/log")]
            silent = True
            statuses.append(client.get("/console/log").status_code)
            silent = False
            statuses.append(client.get("/console/log").status_code)
            user.active = False
            statuses.append(client.get("/console/log").status_code)
            user.active = True
            statuses.append(client.get("/console/log").status_code)
    promise("S2", f"a ResourceSpace is asked {calls} times for 5 pages; pages after a role was taken away 0 of 4")
    assert statuses == [200] * 6 + [403, 200, 503, 200, 401, 401]
    assert calls == 5
