"""S3: every page has its policy and is kept nowhere, and no form of a session is taken without its token."""

import re
from collections.abc import Callable, Iterator
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from plugin.clock import ManualClock
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.flows.mail import form_store
from plugin.flows.people import register
from plugin.flows.schedule import calendar
from plugin.flows.signing import invitations, key_links
from plugin.ledger import tables as t
from plugin.recognizer.process.examiner import Examiner
from sidecar.commands.demo import samples
from tests import sender, staff, support
from tests.signers import tree
from tests.visiting import PAGE, app_of, fresh, link_of, on, token

Promise = Callable[[str, str], None]
SIGNED = ("webhooks", "panel", "downloads", "inviting", "searches", "signin", "api")
"""What bears a signature or a token of its own instead of a session: by the first part of the endpoint's name."""


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """A house with every surface switched on."""
    secrets = {
        f"{name}_secret_file": sender.secret_file(tmp_path / f"{name}.secret", sender.SECRET)
        for name in ("events", "panel", "signin")
    }
    public = {"public_url": "http://127.0.0.1:8731"}
    config = support.configuration(tmp_path, webhooks=secrets, server=public)
    (tmp_path / "photos" / support.SHOOT).mkdir(parents=True)
    with support.opened(config, clock, examiner) as open_:
        yield open_


class Forms(HTMLParser):
    """What a page holds that its policy is about: inline script and style, and forms that send."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.inline: list[str] = []
        self.unguarded = 0
        self._sending = self._guarded = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.inline += [name for name in given if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and "src" not in given):
            self.inline.append(tag)
        if tag == "form":
            self._sending, self._guarded = (given.get("method") or "").lower() == "post", False
        self._guarded |= tag == "input" and given.get("name") == "csrf_token" and bool(given.get("value"))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.unguarded += self._sending and not self._guarded
            self._sending = False


def _lacks(answer: TestResponse) -> list[str]:
    """What a page lacks."""
    policy = answer.headers.get("Content-Security-Policy", "")
    page = Forms(answer.text)
    wanted = {
        "a strict policy": "default-src 'none'" in policy and "unsafe" not in policy and "*" not in policy,
        "no frames": "frame-ancestors 'none'" in policy and "base-uri 'none'" in policy,
        "no-store": "no-store" in answer.headers.get("Cache-Control", ""),
        "nosniff": answer.headers.get("X-Content-Type-Options") == "nosniff",
        "no referrer": answer.headers.get("Referrer-Policy") == "no-referrer",
        "nothing inline": not page.inline,
        "a token in each form": page.unguarded == 0,
    }
    return [what for what, there in wanted.items() if not there]


class Routes:
    """Every route of the app, its parts filled with what exists."""

    def __init__(self, app: Flask, parts: dict[str, str]) -> None:
        self._app = app
        self._parts = parts

    def paths(self, method: str) -> list[tuple[Rule, str]]:
        """(rule, path) of each route that takes `method`."""
        return [
            (rule, re.sub(r"<([^<>]+)>", self._part, str(rule)))
            for rule in self._app.url_map.iter_rules()
            if method in (rule.methods or ())
        ]

    def _part(self, found: re.Match[str]) -> str:
        kind, _, name = found[1].rpartition(":")
        words = re.match(r"any\((.*)\)", kind)
        if words:
            return words[1].split(",")[0].strip()
        return self._parts.get(name, "1" if kind else "x")


def _entries(services: Services) -> int:
    with services.store.read() as conn:
        return conn.scalar(select(func.count()).select_from(t.audit)) or 0


def _visitors(services: Services, app: Flask, adult: str, child: str) -> dict[str, tuple[FlaskClient, str]]:
    """Browsers of everybody who may come by a link, each with the token that it came by; and one that did not."""
    with services.store.read() as conn:
        guardian = str(register.guardians_of(services, conn, child)[0]["id"])
    page, hers = link_of(services, adult), link_of(services, child, guardian)
    form = form_store.add(services, tree(), "test").form.name
    sign = invitations.invite(
        services, invitations.InvitationRequest(form=form, person_id=adult, may_replace=True), "test"
    )
    with services.store.write() as tx:
        signed = roster.load(services, tx.connection, adult).quitclaims[0]
        key = key_links.make_key(services, tx, key_links.NewKey(adult, signed.id, "en"), "person")
    return {
        "nobody": (fresh(app), "x"),
        **{
            who: (on(services, link.token, app), link.token)
            for who, link in (("person", page), ("guardian", hers), ("signer", sign), ("key", key))
        },
    }


@pytest.fixture
def app(services: Services) -> Flask:
    return app_of(staff.with_accounts(services))


@pytest.mark.promise
def test_every_page_has_its_policy_and_every_form_its_token(
    services: Services, cast: support.Cast, photos: Path, app: Flask, promise: Promise
) -> None:
    """The whole URL map, as it is now, for each kind of visitor: pages, refusals and all. A route that is
    added later is swept as well."""
    adult = cast.add("Åsa")
    grants = cast.sign(adult)
    cast.enrol(adult)
    child = cast.add("Clara", birth_date=date(2012, 5, 1), guardians=("Gerda",))
    cast.open_collection()
    support.put(photos, "shoot/one.jpg", samples.A_STANDING)
    calendar.poll_dam(services)
    calendar.sweep_endings(services)
    cast.work()
    with services.store.read() as conn:
        photo = conn.scalar(select(t.resource.c.id))
    parts = {"grant": grants["website"], "photo": str(photo), "filename": "facelease.css"}
    pages, lacking, taken, posts = 0, [], [], 0
    for who, (browser, link) in _visitors(services, app, adult, child).items():
        routes = Routes(app, parts | {"token": link})
        for rule, path in routes.paths("GET"):
            answer = browser.get(path)
            assert answer.status_code < 500, path
            if answer.mimetype == "text/html" and not 300 <= answer.status_code < 400:
                pages += 1
                lacking += [f"{who} {rule}: {what}" for what in _lacks(answer)]
        before = _entries(services)
        for rule, path in routes.paths("POST"):
            for body in ({}, {"how": "withdraw", "csrf_token": "AAAA"}):
                answer = browser.post(path, data=body)
                posts += 1
                refused = (401, 403, 404, 409, 415, 422, 400) if rule.endpoint.startswith(SIGNED) else (400,)
                if answer.status_code not in refused:
                    taken.append(f"{who} {rule}: {answer.status_code}")
                if answer.mimetype == "text/html":
                    pages += 1
                    lacking += [f"{who} POST {rule}: {what}" for what in _lacks(answer)]
        taken += [f"{who}: rows written"] if _entries(services) != before else []
    promise(
        "S3",
        f"pages {pages}, without CSP/no-store/CSRF {len(lacking)}; posts without a token {posts}, taken {len(taken)}",
    )
    assert (lacking, taken) == ([], [])
    assert pages > 20


@pytest.mark.promise
@pytest.mark.parametrize("public", ["https://lease.example.org", "https://example.org/lease", "http://127.0.0.1:8731"])
def test_cookies_and_hsts_where_tls_is(
    tmp_path: Path, clock: ManualClock, examiner: Examiner, public: str, promise: Promise
) -> None:
    """Every answer of every surface says HSTS where TLS is, and none where it is not; cookies are then bound to this
    host (`__Host-`: Secure, for `/`, of no domain), and those of the names before are not read, and go."""
    tls = public.startswith("https")
    config = staff.configuration(tmp_path / "tls", server={"public_url": public})
    with support.opened(config, clock, examiner) as services:
        app, asa = staff.app(services), support.Cast(services).add("Åsa")
        link = link_of(services, asa).token
        browser = on(services, link, app)
        staff.Dam(clock, audience=public).sign_in(browser, groups=[1])
        answers = [browser.get(path) for path in (*_SURFACES, f"/s/{link}")]
        said = [answer.headers.get("Strict-Transport-Security") for answer in answers]
        wrong = sum(one != ("max-age=31536000" if tls else None) for one in said)
        cookies = _set_by(fresh(app), link, clock, public)
        assert len(cookies) == 2
        for cookie in cookies:
            name, *parts = re.split(r"; ?", cookie)
            assert {"HttpOnly", "SameSite=Lax"} <= {*parts}
            assert not any(part.startswith("Domain") for part in parts)
            assert (name.startswith("__Host-facelease_"), "Secure" in parts, "Path=/" in parts) == (tls, tls, tls)
        where = "with" if tls else "without"
        promise(
            "S3", f"{where} TLS: answers whose HSTS is wrong {wrong} of {len(said)}; cookies as they must be 2 of 2"
        )
        assert wrong == 0


_SURFACES = (
    "/",
    "/health",
    "/ready",
    "/metrics",
    "/console/",
    "/console/nothing",
    "/s/me",
    "/s/form",
    "/nothing",
    "/api/v1/people",
    "/static/people.css",
)


def _set_by(browser: FlaskClient, link: str, clock: ManualClock, public: str) -> list[str]:
    """What both surfaces set where somebody comes in."""
    answers = (browser.get(f"/s/{link}"), staff.Dam(clock, audience=public).sign_in(browser, groups=[1]))
    return [cookie for answer in answers for cookie in answer.headers.getlist("Set-Cookie")]


def test_a_cookie_of_the_name_before_tls_is_not_read_and_goes(
    tmp_path: Path, clock: ManualClock, examiner: Examiner
) -> None:
    """Also where its value would open something: any host of the domain can plant one of a plain name."""
    config = staff.configuration(tmp_path / "tls", server={"public_url": "https://lease.example.org"})
    with support.opened(config, clock, examiner) as services:
        app, asa = staff.app(services), support.Cast(services).add("Åsa Kanariefågel")
        browser = on(services, link_of(services, asa).token, app)
        staff.Dam(clock, audience="https://lease.example.org").sign_in(browser, groups=[1])
        for surface, page, path in (("sign", "/s/me", "/s"), ("staff", "/console/", "/console")):
            held = browser.get_cookie(f"__Host-facelease_{surface}")
            assert held is not None
            assert browser.get(page).status_code == 200
            other = fresh(app)
            other.set_cookie(f"facelease_{surface}", held.value, path=path)
            answer = other.get(page)
            assert answer.status_code in (401, 404)
            assert f"facelease_{surface}=;" in " ".join(answer.headers.getlist("Set-Cookie"))
            assert other.get_cookie(f"facelease_{surface}", path=path) is None


def test_a_surface_reads_its_own_session_alone(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> None:
    """Both cookies come with every request where TLS is: neither opens the other's pages, under either name."""
    public = "https://lease.example.org"
    config = staff.configuration(tmp_path / "tls", server={"public_url": public})
    with support.opened(config, clock, examiner) as services:
        app, asa = staff.app(services), support.Cast(services).add("Åsa Kanariefågel")
        person, chief = on(services, link_of(services, asa).token, app), fresh(app)
        staff.Dam(clock, audience=public).sign_in(chief, groups=[1])
        names = ("__Host-facelease_sign", "__Host-facelease_staff")
        values = [one.value for one in (person.get_cookie(names[0]), chief.get_cookie(names[1])) if one]
        assert [person.get("/console/").status_code, chief.get("/s/me").status_code] == [401, 404]
        both = fresh(app)
        for name, value in zip(names, reversed(values), strict=True):
            both.set_cookie(name, value)
        assert [both.get("/console/").status_code, both.get("/s/me").status_code] == [401, 404]
        assert both.get("/").headers.getlist("Set-Cookie") == []
        api = chief.get("/api/v1/people")
        assert api.status_code == 401


def test_a_token_of_another_visit_is_refused(services: Services, cast: support.Cast, app: Flask) -> None:
    """What guards the form of one visitor does not open that of another."""
    first, second = cast.add("Åsa"), cast.add("Bo")
    cast.sign(second)
    mine, theirs = (on(services, link_of(services, one).token, app) for one in (first, second))
    stolen = token(mine.get(PAGE).text)
    answer = theirs.post(f"{PAGE}/stop/all", data={"how": "withdraw", "csrf_token": stolen})
    assert answer.status_code == 400
    assert "Nothing was changed" in answer.text
    assert "Website: communication" in theirs.get(PAGE).text.split("What ended before")[0]
