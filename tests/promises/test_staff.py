"""S1, S2, S3 and S6: who comes in from the DAM, how a session ends, and what each role may do."""

import random
import re
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from plugin.clock import ManualClock
from plugin.flows.common import worker_state
from plugin.flows.common.services import Services
from plugin.flows.mail import form_store
from plugin.flows.rights import erasure_requests
from plugin.flows.schedule import calendar
from plugin.flows.views.people import person_file
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.scope import Mode
from plugin.recognizer.process.examiner import Examiner
from tests import sender, signers, staff, support
from tests.crowd import A, Crowd
from tests.route_rules import ADMINISTRATOR, NOBODY, OPEN, RULES, SIGNED_OUT, let_in
from tests.staff import AUDIENCE, Dam
from tests.url_map import Routes

Promise = Callable[[str, str], None]


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """A house with everything switched on that a route needs."""
    files = {
        f"{name}_secret_file": sender.secret_file(tmp_path / f"{name}.secret", staff.SECRET)
        for name in ("events", "panel", "signin")
    }
    with support.opened(staff.configuration(tmp_path, webhooks=files), clock, examiner) as open_:
        yield open_


# ---- S6 ------------------------------------------------------------------------------------

_TYPE = "application/x-www-form-urlencoded"


class Forger:
    """Makes what must not be accepted from what must: one way each, by chance."""

    def __init__(self, dam: Dam, chance: random.Random) -> None:
        self.dam, self.chance = dam, chance
        self.used: list[dict[str, str]] = []

    def ways(self) -> dict[str, Callable[[], bytes]]:
        """Each way of going wrong."""
        return {
            "replayed": lambda: _body(self.chance.choice(self.used)),
            "expired": lambda: self._at(-self.chance.randint(61, 10**8)),
            "from the future": lambda: self._at(self.chance.randint(6, 10**8)),
            "another audience": lambda: self._told(audience=self.chance.choice(_AUDIENCES)),
            "wrong group": lambda: self._told(groups=self.chance.choice(([], [5], [10, 99], [11]))),
            "another secret": self._otherwise_signed,
            "altered field": self._altered_field,
            "altered body": self._altered_body,
            "respelt": self._respelt,
            "swapped": self._swapped,
            "unsigned": lambda: _body({"payload": self.dam.form()["payload"]}),
        }

    def _told(self, **change: Any) -> bytes:
        return _body(self.dam.form(**change))

    def _at(self, seconds: int) -> bytes:
        return self._told(issued=max(int(self.dam.clock.now().timestamp()) + seconds, 0))

    def _otherwise_signed(self) -> bytes:
        secret = f"whsec_{b64encode(self.chance.randbytes(32)).decode()}"
        return _body(Dam(self.dam.clock, secret).form())

    def _altered_field(self) -> bytes:
        form = self.dam.form()
        name = self.chance.choice(("payload", "signature"))
        place, bit = self.chance.randrange(len(form[name])), 1 << self.chance.randrange(7)
        text = form[name]
        return _body(form | {name: text[:place] + chr(ord(text[place]) ^ bit) + text[place + 1 :]})

    def _altered_body(self) -> bytes:
        """Any byte of what is sent; one that spells the same fields in another way is not altered."""
        good = _body(self.dam.form())
        while True:
            place, bit = self.chance.randrange(len(good)), 1 << self.chance.randrange(8)
            changed = good[:place] + bytes([good[place] ^ bit]) + good[place + 1 :]
            if parse_qs(changed.decode("latin-1")) != parse_qs(good.decode()):
                return changed

    def _respelt(self) -> bytes:
        """The same bits to a lenient reader of base64: other unused bits, other padding, noise."""
        form = self.dam.form()
        payload, signature = form["payload"], form["signature"]
        unused = _ALPHABET[_ALPHABET.index(signature[-2]) ^ 1]
        other = self.chance.choice(
            (
                {"signature": signature[:-2] + unused + "="},
                {"signature": signature.rstrip("=")},
                {"signature": f"{signature[:20]} {signature[20:]}"},
                {"payload": payload + "=" * 4},
                {"payload": f"{payload[:40]}\n{payload[40:]}"},
                {"payload": f" {payload}"},
            )
        )
        return _body(form | other)

    def _swapped(self) -> bytes:
        """The signature of one hand-over under another."""
        return _body(self.dam.form() | {"signature": self.dam.form()["signature"]})


_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_AUDIENCES = (f"{AUDIENCE}/", "https://localhost", "http://localhost:80", "http://localhost.example.org", "")


def _body(form: dict[str, str]) -> bytes:
    return urlencode(form).encode()


@pytest.mark.promise
def test_a_hand_over_works_once_for_us_for_a_minute(
    app: Flask, services: Services, clock: ManualClock, full: bool, promise: Promise
) -> None:
    """What was used, is old, altered, for another address, from another secret, without a role or from the future
    opens no session; between them every genuine one does; and nothing is answered with a 5xx."""
    count = 10_000 if full else 1_000
    dam, chance = Dam(clock), random.Random(6)
    forger, addresses = Forger(dam, chance), staff.addresses()
    statuses: Counter[int] = Counter()
    accepted: list[str] = []
    genuine = [0, 0]
    for number in range(count):
        if number % 10 == 0:
            form = dam.form(groups=chance.choice(([1], [2], [3, 99], [4])))
            genuine[0] += 1
            genuine[1] += _opens(app, _body(form), next(addresses))[1]
            forger.used.append(form)
        way, forge = chance.choice(list(forger.ways().items()))
        status, opened = _opens(app, forge(), next(addresses))
        statuses[status] += 1
        accepted += [way] * opened
        clock.advance(timedelta(seconds=chance.randint(0, 5)))
    broken = sum(n for status, n in statuses.items() if status >= 500)
    promise("S6", f"accepted {len(accepted)} of {count:,}; {genuine[1]} of {genuine[0]} genuine; 500s {broken}")
    assert (accepted, broken) == ([], 0)
    assert genuine[0] == genuine[1] > 0


def _opens(app: Flask, body: bytes, address: str) -> tuple[int, bool]:
    """How it was answered, and whether the console is open to that browser now."""
    client = app.test_client()
    answer = client.post(staff.PATH, data=body, content_type=_TYPE, environ_base={"REMOTE_ADDR": address})
    return answer.status_code, client.get("/console/").status_code == 200


# ---- S2, the session's half ------------------------------------------------------------------


@pytest.mark.promise
def test_a_session_ends(app: Flask, services: Services, clock: ManualClock, full: bool, promise: Promise) -> None:
    """Signed out, idle for too long or past its end, a session opens nothing, from whatever copy of its cookie;
    its id is another at each sign-in; and no cookie that somebody makes up opens anything."""
    count = 200 if full else 25
    alive: Counter[str] = Counter()
    ids: set[str] = set()
    for _ in range(count):
        for end in (_sign_out, _idle, _time_out):
            client = staff.signed_in(app, clock, "editor")
            copied = staff.cookie_of(client)
            ids.add(staff.token_of(client))
            assert client.get("/console/").status_code == 200
            end(client, clock)
            other = app.test_client()
            other.set_cookie("facelease_staff", copied, path="/console")
            alive[end.__name__] += other.get("/console/").status_code != 401
    guessed = sum(_guess(app) for _ in range(count * 4))
    promise(
        "S2",
        f"sessions alive after sign-out {alive['_sign_out']} of {count}, idle {alive['_idle']}, past their end "
        f"{alive['_time_out']}; ids kept over a sign-in {3 * count - len(ids)}; guessed {guessed} of {count * 4}",
    )
    assert sum(alive.values()) == guessed == 0
    assert len(ids) == 3 * count


def _sign_out(client: FlaskClient, clock: ManualClock) -> None:
    assert staff.post(client, "/console/sign-out").status_code == 303


def _idle(client: FlaskClient, clock: ManualClock) -> None:
    clock.advance(timedelta(minutes=60))


def _time_out(client: FlaskClient, clock: ManualClock) -> None:
    for _ in range(16):
        clock.advance(timedelta(minutes=30))
        client.get("/console/")


def _guess(app: Flask) -> bool:
    """A cookie with a token that nobody was given, signed even with our own key."""
    client = app.test_client()
    with client.session_transaction("/console/") as session:
        session["staff"] = uuid4().hex * 2
    return client.get("/console/").status_code == 200


# ---- S1 and S3 -------------------------------------------------------------------------------

_UNSIGNED = {"POST": {"payload": "a", "signature": "b"}}
"""What is sent along: what bears a signature elsewhere, without one that fits."""


@pytest.fixture
def routes(app: Flask, services: Services, cast: support.Cast, photos: Path, examiner: Examiner) -> Routes:
    """Every route, on a house with a person, their evidence, and a face that waits."""
    asa = cast.add("Åsa")
    cast.sign(asa)
    cast.enrol(asa)
    cast.open_collection(mode=Mode.SUGGEST)
    Crowd(examiner).put(photos, "shoot/one.jpg", Crowd(examiner).row([A[0]]))
    calendar.poll_dam(services)
    cast.work()
    calendar.start_process(services)
    proof = person_file.open_file(services, asa, "test").proofs[0].id
    with services.store.write() as tx:
        worker_state.note_sweep(services, tx)
        asked = erasure_requests.request_in(services, tx, asa, "person", erasure_requests.read_filed(services, asa))
        pictures = tx.connection.scalar(select(t.reference_set.c.id))
    form = form_store.add(services, signers.tree(), "test").id
    return Routes(
        app,
        {
            "person_id": asa,
            "face_id": "1",
            "number": "1",
            "sealed_id": proof,
            "request_id": asked.id,
            "form_id": form,
            "filename": "facelease.css",
            "ref": "shoot/one.jpg",
            "photo": "1",
            "photo_id": "1",
            "grant": "x",
            "token": "x" * 43,
            "rest": "x",
            "quitclaim": "x",
            "kind": "json",
            "name": "x",
            "link_id": "x",
            "set_id": str(pictures),
            "certificate": asked.number,
        },
    )


@pytest.mark.promise
def test_nobody_does_what_the_role_does_not_permit(
    app: Flask, routes: Routes, clock: ManualClock, promise: Promise
) -> None:
    """Every route of the map, by every role and by nobody: open to those whom the rule names, and 401 or 403 to
    the others. A route that has no rule here fails."""
    app.config["WTF_CSRF_ENABLED"] = False  # so that the role alone decides
    calls = routes.calls()
    unruled = sorted({rule.endpoint for rule, _, _ in calls} - RULES.keys())
    gone = sorted(RULES.keys() - {rule.endpoint for rule, _, _ in calls})
    checks, unexpected = 0, []
    for rule, method, path in calls:
        for role in sorted(OPEN):
            status = _asked(_as(app, clock, role), method, path)
            checks += 1
            if let_in(rule.endpoint, status) != (role in RULES.get(rule.endpoint, OPEN)) or status >= 500:
                unexpected.append((role, method, str(rule), status))
    promise("S1", f"{checks} checks; unexpected {len(unexpected)}; routes without rule {len(unruled)}")
    assert (unexpected, unruled, gone) == ([], [], []), f"{unexpected[:20]} {unruled} {gone}"


def _asked(client: FlaskClient, method: str, path: str) -> int:
    """From an address of its own each time: how often one may ask is not the question here."""
    where = {"REMOTE_ADDR": staff.address()}
    return client.open(path, method=method, data=_UNSIGNED.get(method), environ_base=where).status_code


def _as(app: Flask, clock: ManualClock, role: str) -> FlaskClient:
    if role == NOBODY:
        return app.test_client()
    client = staff.signed_in(app, clock, ADMINISTRATOR if role == SIGNED_OUT else role)
    if role == SIGNED_OUT:
        cookie = staff.cookie_of(client)
        staff.post(client, "/console/sign-out")
        client.set_cookie("facelease_staff", cookie, path="/console")
    return client


@pytest.mark.promise
def test_headers_and_csrf_on_every_page(app: Flask, routes: Routes, clock: ManualClock, promise: Promise) -> None:
    """Every answer has a policy that runs no foreign or inline script and is stored nowhere; every form bears its
    guard, and no form of the staff is taken without it; no page holds a script or a style of its own."""
    bare, unguarded, inline, pages = [], [], [], 0
    for rule, method, path in routes.calls():
        answer = staff.signed_in(app, clock, ADMINISTRATOR).open(path, method=method)
        pages += 1
        if not _covered(answer):
            bare.append((method, path))
        if method != "GET" and answer.status_code < 400:
            unguarded.append((method, path))
        if method == "POST" and rule.endpoint.startswith("console.") and answer.status_code != 400:
            unguarded.append((method, path))
        inline += [(path, what) for what in _inline(answer.text)] if answer.mimetype == "text/html" else []
    promise("S3", f"pages {pages}, without CSP/no-store/CSRF {len(bare) + len(unguarded) + len(inline)} (console)")
    assert (bare, unguarded, inline) == ([], [], [])


def _covered(answer: TestResponse) -> bool:
    policy = answer.headers.get("Content-Security-Policy", "")
    return (
        policy.startswith("default-src 'none'")
        and "unsafe" not in policy
        and "frame-ancestors 'none'" in policy
        and "no-store" in answer.headers.get("Cache-Control", "")
        and answer.headers.get("X-Content-Type-Options") == "nosniff"
        and answer.headers.get("Referrer-Policy") == "no-referrer"
    )


def _inline(page: str) -> list[str]:
    """What a strict policy would not run, and forms without their guard."""
    found = re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", page)
    forms = re.findall(r'<form[^>]*method="post".*?</form>', page, re.DOTALL)
    return found + [form[:80] for form in forms if 'name="csrf_token"' not in form]
