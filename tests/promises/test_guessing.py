"""P1: a link that was not given opens nothing, and a link that was opens nothing of anybody else."""

import hashlib
import random
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import pytest
from flask import Flask
from flask.json.tag import TaggedJSONSerializer
from flask.testing import FlaskClient
from itsdangerous import URLSafeSerializer, URLSafeTimedSerializer
from sqlalchemy import Engine, MetaData, event, insert, select

from plugin.clock import ManualClock
from plugin.flows.access import links
from plugin.flows.collections import modes
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.flows.mail import form_store
from plugin.flows.people import addresses, register
from plugin.flows.schedule import calendar
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.scope import Basis, BasisEvidence, Mode
from plugin.quitclaim.consent.model import name_key
from sidecar.commands.demo import samples
from tests import support
from tests.signers import Desk, Visit, tree
from tests.visiting import PAGE, app_of, confirm, fresh, link_of, on, token, visit

Promise = Callable[[str, str], None]
COOKIE = "facelease_sign"
NAMES = ("Åsa Kanariefågel", "Bo Kanariefågel")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def _told(text: str) -> bool:
    """Whether an answer says whom it is about."""
    return "Kanariefågel" in text


def _opens(app: Flask, link: str) -> bool:
    """Whether a fresh browser that follows this link comes to see somebody's page or form."""
    browser = fresh(app)
    first = browser.get(f"/s/{link}")
    if _told(first.text) or _told(browser.get(PAGE).text) or _told(browser.get("/s/form").text):
        return True
    return browser.get("/s/key").status_code == 200  # a key's page names nobody


def _mutated(real: str, dice: random.Random, count: int) -> set[str]:
    """Tokens near to a real one: a letter changed, left out, added or swapped; another case; padded; decoded."""
    found = {
        real[:-1],
        real[1:],
        real + "A",
        "A" + real,
        real.swapcase(),
        real.lower(),
        real.upper(),
        real[::-1],
        real + "=",
        real + "%00",
        real + "%20",
        real.replace(real[0], "%2e", 1),
        hashlib.sha256(real.encode()).hexdigest(),
    }
    while len(found) < count:
        place = dice.randrange(len(real))
        other = dice.choice(_LETTERS)
        found.add(real[:place] + other + real[place + 1 :])
        swapped = dice.sample(real, len(real))
        found.add("".join(swapped) if dice.random() < 0.1 else real[:place] + real[place + 1 :])
    return found - {real}


@pytest.fixture
def two(services: Services, cast: support.Cast, photos: Path) -> list[str]:
    """Two people, each agreed, enrolled, on a photograph of their own, with a request open."""
    cast.open_collection()
    asa, bo = (cast.add(name, email=f"{number}@example.org") for number, name in enumerate(NAMES))
    cast.sign(asa, channels=("website", "press"))
    cast.enrol(asa)
    support.put(photos, "shoot/one.jpg", samples.A_STANDING)
    calendar.poll_dam(services)
    cast.work()
    cast.sign(bo, channels=("website", "press"))
    cast.enrol(bo, samples.B_STANDING)
    support.put(photos, "shoot/two.jpg", samples.B_STANDING)
    calendar.poll_dam(services)
    cast.work()
    return [asa, bo]


def _dead_links(services: Services, person: str) -> tuple[list[str], list[str]]:
    """Links that were real, one of each kind: taken back, and used up; and such as will soon be over."""
    form = form_store.add(services, tree(), "test").id
    confirm(services, person)
    with services.store.write() as tx:
        row, claims = (
            addresses.find_on_file(tx.connection, person),
            roster.load(services, tx.connection, person).quitclaims,
        )
        assert row is not None

        def make(kind: links.LinkKind, uses: int | None = None) -> links.MadeLink:
            link = _link(person, kind, form, uses)
            to = row.id if kind is links.LinkKind.PAGE else None
            key = claims[0].id if kind is links.LinkKind.KEY else None
            return links.make(services, tx, replace(link, address_id=to, quitclaim_id=key), "test")

        back, used = [make(kind) for kind in links.LinkKind], [make(kind, 1) for kind in links.LinkKind]
        mortal = [make(kind) for kind in links.LinkKind]
        for one in back:
            links.revoke(services, tx, one.id, "test")
        for one in used:
            links.count_use(services, tx, one.id)
    return [one.token for one in (*back, *used)], [one.token for one in mortal]


def _link(person: str, kind: links.LinkKind, form: str, uses: int | None) -> links.Link:
    who = None if kind is links.LinkKind.SHOOT else person
    asks = None if kind in (links.LinkKind.PAGE, links.LinkKind.KEY) else form
    return links.Link(kind, "en", who, asks, most_uses=uses, lasts=timedelta(days=1))


@pytest.mark.promise
def test_a_link_that_was_not_given_opens_nothing(
    services: Services, two: list[str], clock: ManualClock, full: bool, promise: Promise
) -> None:
    """Random tokens, tokens near to real ones, ids and hashes from a copy of the store, links taken back,
    over, or used up: none opens anything. The real ones do."""
    count, dice = (100_000 if full else 1_500), random.Random(8)
    app = app_of(services)
    dead, mortal = _dead_links(services, two[0])
    real = [link_of(services, person) for person in two]
    with services.store.read() as conn:
        kept = conn.execute(select(t.invitation.c.id, t.invitation.c.token_sha256)).all()
    guesses = [secrets.token_urlsafe(32) for _ in range(count)]
    guesses += [near for one in real for near in sorted(_mutated(one.token, dice, count // 10))]
    guesses += [text for row in kept for text in row] + [*two, "me", "form", ".", "..", "0", "null"]
    accepted = [guess for guess in guesses if _opens(app, guess)]
    revived = [one for one in dead if _opens(app, one)]
    assert sum(_opens(app, one) for one in mortal) >= len(mortal) - 1, "the code of a shoot names nobody"
    clock.advance(timedelta(days=1))
    revived += [one for one in mortal if _opens(app, one)]
    opened = sum(_opens(app, one.token) for one in real)
    promise(
        "P1",
        f"tokens guessed ({len(accepted)} of {len(guesses)} accepted); taken back, over or used "
        f"({len(revived)} of {len(dead) + len(mortal)}); real ones {opened} of {len(real)}",
    )
    assert (accepted, revived, opened) == ([], [], len(real))


def _signed(app: Flask, body: dict[str, Any], key: bytes | str, salt: str = "cookie-session") -> str:
    options = {"key_derivation": "hmac", "digest_method": hashlib.sha1}
    made = URLSafeTimedSerializer(key, salt=salt, serializer=TaggedJSONSerializer(), signer_kwargs=options)
    return str(made.dumps(body))


def _forged(app: Flask, genuine: str, kept: str, body: dict[str, Any]) -> Iterator[str]:
    """Cookies that name a link, with our key as well; changes of a genuine one; what a copy of the store has."""
    key = app.config["SECRET_KEY"]
    for other in (b"x", b"\0" * 32, secrets.token_bytes(32), b"secret", b"dev", key):
        yield _signed(app, body, other)
        for salt in ("another-salt", "facelease-visitor"):
            yield _signed(app, body, other, salt=salt)
            yield str(URLSafeSerializer(other, salt=salt).dumps(body))
    for place in range(len(genuine)):
        yield f"{genuine[:place]}{'A' if genuine[place] != 'A' else 'B'}{genuine[place + 1 :]}"
    yield from (genuine[:-1], f"{genuine}=", f" {genuine}A", kept, kept[:43], bytes.fromhex(kept).hex().upper())
    yield urlsafe_b64encode(bytes.fromhex(kept)).decode().rstrip("=")


@pytest.mark.promise
def test_a_forged_cookie_opens_nothing(services: Services, two: list[str], promise: Promise) -> None:
    """A visit is a token of which the store has the SHA-256. Who knows link and row, from a copy of the store, and the
    key of our cookies as well, opens none."""
    made, other = (link_of(services, person) for person in two)
    app = app_of(services)
    browser = on(services, made.token, app)
    genuine = browser.get_cookie(COOKIE, path="/s")
    assert genuine is not None
    with services.store.read() as conn:
        kept = conn.scalars(select(t.visit.c.id_sha256)).one()
    tried, accepted = 0, []
    for cookie in _forged(app, genuine.value, kept, {"link": other.id}):
        browser_of_theirs = fresh(app)
        browser_of_theirs.set_cookie(COOKIE, cookie, path="/s")
        tried += 1
        accepted += [cookie] if _told(browser_of_theirs.get(PAGE).text) else []
    staff = fresh(app)
    staff.set_cookie("facelease_staff", genuine.value, path="/")
    accepted += [genuine.value] if _told(staff.get(PAGE).text) else []
    promise("P1", f"sessions forged or altered ({len(accepted)} of {tried + 1} accepted); the genuine one opens")
    assert accepted == []
    assert _told(browser.get(PAGE).text)


# ---- the other person's ids ----------------------------------------------------------------------


def _ids(services: Services, person: str) -> dict[str, list[str]]:
    """Everything that could be named in an address or a form to mean this person."""
    with services.store.read() as conn:

        def of(column: Any, owner: Any) -> list[str]:
            return [str(value) for value in conn.scalars(select(column).where(owner == person))]

        return {
            "person": [person],
            "grant": of(t.grant.c.id, t.grant.c.person_id),
            "quitclaim": of(t.quitclaim.c.id, t.quitclaim.c.person_id),
            "photo": of(t.tag.c.resource_id, t.tag.c.person_id),
            "face": of(t.face.c.id, t.face.c.person_id),
            "link": of(t.invitation.c.id, t.invitation.c.person_id),
            "sealed": of(t.sealed.c.id, t.sealed.c.person_id),
        }


def _state(services: Services, person: str) -> dict[str, list[Any]]:
    """Every row of the ledger that is about this person."""
    meta: MetaData = t.metadata
    with services.store.read() as conn:
        return {
            name: sorted(map(repr, conn.execute(select(table).where(table.c.person_id == person))))
            for name, table in meta.tables.items()
            if "person_id" in table.c
        }


def _paths(app: Flask, ids: dict[str, list[str]]) -> Iterator[tuple[str, set[str]]]:
    """Every address under /s/me, each of its parts filled with each id of the other person."""
    every = [one for group in ids.values() for one in group]
    for rule in app.url_map.iter_rules():
        if not str(rule).startswith(PAGE):
            continue
        methods = set(rule.methods or ()) & {"GET", "POST"}
        for one in every if rule.arguments else [""]:
            if "<int:" in str(rule) and not one.isdigit():
                continue
            yield re.sub(r"<[^>]+>", one, str(rule)), methods


def _try(browser: FlaskClient, path: str, methods: set[str], fields: dict[str, str]) -> list[str]:
    said: list[Any] = []
    if "GET" in methods:
        said.append(browser.get(path))
    if "POST" in methods and not path.endswith(("/leave", "/forget", "/all", "/object")):
        form = token(browser.get(PAGE).text)
        said.append(browser.post(path, data=fields | {"csrf_token": form}, follow_redirects=True))
    return [answer.data.decode(errors="replace") for answer in said]


@pytest.mark.promise
def test_a_visitor_touches_nothing_of_anybody_else(services: Services, two: list[str], promise: Promise) -> None:
    """Every address under a person's page, with every id of somebody else in it and in its form: nothing of
    theirs is told, and no row of theirs is another afterwards."""
    asa, bo = two
    link_of(services, bo)
    theirs = _ids(services, bo)
    assert all(theirs.values()), theirs
    browser = visit(services, asa)
    before, tried, told = _state(services, bo), 0, 0
    fields = [
        {key: one, "how": "withdraw"}
        for group in theirs.values()
        for one in group[:1]
        for key in ("child", "person", "person_id", "grant", "photo", "link", "guardian")
    ]
    for path, methods in list(_paths(browser.application, theirs)):
        for form in fields if "POST" in methods else [{}]:
            answers = _try(browser, path, methods, form)
            tried += len(answers)
            told += sum(NAMES[1] in text or bo in text for text in answers)
    changed = [name for name, rows in _state(services, bo).items() if rows != before[name]]
    promise("P1", f"asked for with somebody else's ids {tried} times: told {told}, rows changed {len(changed)}")
    assert (told, changed) == (0, [])
    assert tried > 100
    assert NAMES[0] in browser.get(PAGE).text


def test_a_guardians_session_reaches_no_child_of_others(services: Services, cast: support.Cast) -> None:
    """Their own child only, whatever the form says; and no page of the child's own link."""
    from datetime import date

    clara = cast.add("Clara", birth_date=date(2012, 5, 1), guardians=("Gerda",))
    cleo = cast.add("Cleo", birth_date=date(2012, 5, 1), guardians=("Greet",))
    with services.store.read() as conn:
        gerda = str(register.guardians_of(services, conn, clara)[0]["id"])
    browser = visit(services, clara, gerda)
    form = token(browser.get(PAGE).text)
    assert browser.post(f"{PAGE}/child", data={"child": cleo, "csrf_token": form}).status_code == 404
    assert "Cleo" not in browser.get(PAGE).text


# ---- whether a name is known ---------------------------------------------------------------------

_KNOWN, _UNKNOWN = "Rita Sample", "Nora Sample"


class _Guests:
    """People who sign up at a shoot, each from a browser of their own; and the statements that it takes."""

    def __init__(self, services: Services) -> None:
        self.services = services
        ruling = modes.Ruling(Mode.SUGGEST, Basis.SHOOT, BasisEvidence("shoot", "photographer"))
        modes.decide(services, support.SHOOT, ruling, "test")
        self.desk = Desk(services)
        self.link = self.desk.invite(collection_ref=support.SHOOT)

    def sign(self, name: str) -> tuple[list[str], str, float]:
        """What the store was sent, all that the browser was shown afterwards, and the seconds that signing took."""
        visit = Visit(self.desk.app, self.link)
        page, sent = visit.page(), []

        def heard(*args: Any) -> None:
            sent.append(str(args[2]))

        event.listen(Engine, "before_cursor_execute", heard)
        begun = perf_counter()
        fields = {"name": name, "typed": name, "of_age": "yes"}
        answer = visit.send(fields | {"choice": "communication:press"}, page)
        took = perf_counter() - begun
        event.remove(Engine, "before_cursor_execute", heard)
        assert answer.status_code == 303, answer.text
        shown = [answer.text, visit.client.get("/s/done").text]
        shown += [visit.client.get("/s/receipt.json").text, visit.client.get("/s/key").text]
        return sent, "\n".join(shown), took

    def people(self) -> list[Any]:
        with self.services.store.read() as conn:
            return list(conn.execute(select(t.person).order_by(t.person.c.created_at)))


def _named_by_hand(services: Services, name: str) -> None:
    """A photograph that bears a name which nobody owns here."""
    with services.store.write() as tx:
        made = tx.execute(
            insert(t.resource).values(ref="shoot/hers.jpg", file_version="v", kind="photo", seen_at=tx.now)
        )
        number = made.inserted_primary_key[0]  # type: ignore[index]
        tx.execute(
            insert(t.tag).values(
                resource_id=number, node=name, node_key=name_key(name), origin="hand", places=[], created_at=tx.now
            )
        )


@pytest.mark.promise
@pytest.mark.parametrize("how", ["a person", "a name by hand", "many namesakes", "another spelling"])
def test_nobody_outside_learns_whether_a_name_is_known(
    services: Services, cast: support.Cast, how: str, full: bool, promise: Promise
) -> None:
    """Signing up under a name that is known and under one that is not: the same statements in the same order, the
    DAM not asked, and on every page and in the receipt the name as it was given, without a number."""
    if how == "a name by hand":
        _named_by_hand(services, _KNOWN)
    else:
        cast.add("rita  SAMPLE" if how == "another spelling" else _KNOWN)
    for number in range(2, 12 if how == "many namesakes" else 2):
        cast.add(f"{_KNOWN} {number}")
    asked: list[str] = []
    guests = _Guests(replace(services, dam=_Deaf(services.dam, asked)))
    known: list[tuple[list[str], float]] = []
    unknown: list[tuple[list[str], float]] = []
    told = 0
    guests.sign("Warm Sample")
    count = 60 if full else 6
    for number in range(count):
        first = (_KNOWN, f"{_UNKNOWN} of {number}")
        for name in first if number % 2 else first[::-1]:
            sent, shown, took = guests.sign(name)
            (known if name == _KNOWN else unknown).append((sent, took))
            told += bool(re.search(rf"{re.escape(name)}\s+\d", shown))
    shapes = {tuple(sent) for sent, _ in [*known, *unknown]}
    medians = [1000 * median(took for _, took in some) for some in (known, unknown)]
    promise(
        "V1",
        f"sign-ups under a name that is known ({how}) and one that is not, {count} of each: told by a number {told}, "
        f"statements differ in {len(shapes) - 1}, the DAM asked {len(asked)}; medians {medians[0]:.0f} and "
        f"{medians[1]:.0f} ms",
    )
    assert (told, len(shapes), asked) == (0, 1, [])
    mine = [row for row in guests.people() if row.given_name == _KNOWN]
    assert len(mine) == count
    assert all(row.namesake and row.display_name != _KNOWN for row in mine)


class _Deaf:
    """A DAM that notes what it is asked."""

    def __init__(self, dam: Any, asked: list[str]) -> None:
        self._dam, self._asked = dam, asked

    def __getattr__(self, name: str) -> Any:
        if name in {"holders", "names_on", "look", "resources"}:
            self._asked.append(name)
        return getattr(self._dam, name)
