"""W1 to W4 and J3: forged events, repeated events, killed processes, rotated secrets, a full queue."""

import json
import random
import subprocess
import threading
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from flask import Flask
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from sqlalchemy import func, select

from plugin.clock import ManualClock, SystemClock
from plugin.flows.common.recogniser import Recogniser
from plugin.flows.common.services import Services
from plugin.flows.schedule import calendar
from plugin.hooks.dam import Picture, Resource, Write
from plugin.hooks.webhooks import signature
from plugin.ledger import tables as t
from plugin.ledger.store.actions import Action
from plugin.ledger.store.store import Store
from plugin.recognizer.examination.messages import Examination, ExaminationRequest
from plugin.recognizer.process.examiner import Examiner
from sidecar.app import create_app
from tests import sender, support
from tests.crowd import A, Crowd
from tests.dams import Through
from tests.processes import House, memory_mb
from tests.sender import SECRET, Sender

Promise = Callable[[str, str], None]


def _app(services: Services) -> Flask:
    app = create_app(services.config, services)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    return app


def _rows(store: Store) -> tuple[int, int]:
    with store.read() as conn:
        count = [conn.scalar(select(func.count()).select_from(table)) or 0 for table in (t.job, t.event)]
    return count[0], count[1]


def _done_photos() -> int:
    """How many jobs of photographs this process has done: their rows leave the queue."""
    return int(REGISTRY.get_sample_value("facelease_jobs_total", {"kind": "photo", "outcome": "done"}) or 0)


@pytest.fixture
def listening(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """A house that listens for events."""
    file = sender.secret_file(tmp_path / "events.secret", SECRET)
    config = support.configuration(tmp_path, webhooks={"events_secret_file": file})
    (tmp_path / "photos" / "shoot").mkdir(parents=True)
    with support.opened(config, clock, examiner) as services:
        yield services


# ---- W1 ------------------------------------------------------------------------------------

_VALUE = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=90)
_HEADER = st.sampled_from(signature.HEADERS)
_OUTSIDE = st.integers(301, 10**8) | st.integers(-(10**8), -301)

_FORGERY = st.one_of(
    st.tuples(st.just("put"), _HEADER, _VALUE),
    st.tuples(st.just("drop"), _HEADER, st.just("")),
    st.tuples(st.just("character"), _HEADER, st.tuples(st.integers(0, 200), _VALUE)),
    st.tuples(st.just("bit"), st.just(""), st.integers(0, 10**4)),
    st.tuples(st.just("cut"), st.just(""), st.tuples(st.integers(0, 200), st.integers(0, 20))),
    st.tuples(st.just("body"), st.just(""), st.binary(max_size=200)),
    st.tuples(st.just("ref"), st.just(""), st.integers(1, 10**9)),
    st.tuples(st.just("clock"), st.just(""), _OUTSIDE),
    st.tuples(st.just("stamp"), st.just(""), st.integers(-(10**4), 10**4)),
    st.tuples(st.just("secret"), st.just(""), st.binary(min_size=24, max_size=64)),
    st.tuples(st.just("shift"), st.just(""), st.just("")),
)


def _forged(dam: Sender, how: tuple[str, str, object]) -> tuple[dict[str, str], bytes]:
    """A genuine request of this moment, changed so that it is one no more."""
    act, header, value = how
    body = sender.event("resource.created", 7, dam.clock.now())
    good = dam.headers(body)
    if act in {"bit", "cut", "body", "ref"}:
        headers, changed = good, _other_body(dam, body, act, value)
    elif act in {"clock", "secret"}:
        headers, changed = _signed_otherwise(dam, body, act, value), body
    else:
        headers, changed = _other_headers(good, act, header, value), body
    same = good["webhook-signature"] in headers.get("webhook-signature", "").split(" ")
    untouched = all(headers.get(name) == good[name] for name in signature.HEADERS[:2])
    assume(not (same and untouched and changed == body))
    return headers, changed


def _other_body(dam: Sender, body: bytes, act: str, value: object) -> bytes:
    match act, value:
        case "bit", int():
            place, bit = divmod(value % (len(body) * 8), 8)
            return body[:place] + bytes([body[place] ^ 1 << bit]) + body[place + 1 :]
        case "cut", (int() as place, int() as length):
            return body[:place] + body[place + length :]
        case "ref", int():
            return sender.event("resource.created", value, dam.clock.now())
    assert isinstance(value, bytes)
    return value


def _signed_otherwise(dam: Sender, body: bytes, act: str, value: object) -> dict[str, str]:
    """Signed properly: at another moment, or under another secret."""
    if isinstance(value, int):
        return signature.sign_request(SECRET, "msg_1", dam.clock.now() + timedelta(seconds=value), body)
    assert isinstance(value, bytes)
    secret = signature.PREFIX + b64encode(value).decode()
    assume(secret != SECRET)
    return signature.sign_request(secret, "msg_1", dam.clock.now(), body)


def _other_headers(good: dict[str, str], act: str, header: str, value: object) -> dict[str, str]:
    match act, value:
        case "put", str():
            return good | {header: value}
        case "character", (int() as place, str() as text):
            cut = place % (len(good[header]) + 1)
            return good | {header: good[header][:cut] + text + good[header][cut + 1 :]}
        case "stamp", int():
            return good | {"webhook-timestamp": str(int(good["webhook-timestamp"]) + value)}
        case "shift", _:  # the same bytes are signed, with the dots elsewhere
            return good | {"webhook-id": f"{good['webhook-id']}.{good['webhook-timestamp']}"}
    return {name: text for name, text in good.items() if name != header}


@pytest.mark.promise
def test_a_forged_event_changes_nothing(listening: Services, full: bool, promise: Promise) -> None:
    """A valid request with its headers, body, secret or moment changed is refused and leaves no row behind;
    between them every genuine one is accepted; and nothing is ever answered with a 5xx."""
    app, dam = _app(listening), None
    statuses: Counter[int] = Counter()
    accepted: list[object] = []
    genuine = [0, 0]
    with app.test_client() as client:
        dam = Sender(client, listening.clock)

        @settings(
            max_examples=10_000 if full else 2_000,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(how=_FORGERY)
        def attack(how: tuple[str, str, object]) -> None:
            headers, body = _forged(dam, how)
            answer = dam.raw(body, headers)
            statuses[answer.status_code] += 1
            if answer.status_code < 400:
                accepted.append((how, headers, body))
            if sum(statuses.values()) % 20 == 0:
                genuine[0] += dam.tell("resource.created", genuine[1] + 100).status_code == 202
                genuine[1] += 1

        attack()
    forged, broken = sum(statuses.values()), sum(n for status, n in statuses.items() if status >= 500)
    promise("W1", f"accepted {len(accepted)} of {forged:,} forged; {genuine[0]} of {genuine[1]} genuine; 500s {broken}")
    assert not accepted, accepted[0]
    assert genuine[0] == genuine[1] >= forged // 20 > 50
    assert set(statuses) <= {401, 413}
    assert _rows(listening.store) == (genuine[1], genuine[1])


# ---- W2 ------------------------------------------------------------------------------------


class _Told(Through):
    """Notes every write, as the DAM's log would."""

    def __init__(self, inner: Through) -> None:
        super().__init__(inner)
        self.writes: list[tuple[str, bool]] = []

    def write(self, ref: str, writes: Sequence[Write], released: bool | None) -> Resource:
        done = super().write(ref, writes, released)
        self.writes += [(ref, one.add) for one in writes]
        return done


class _Counting(Recogniser):
    """Counts how often a picture is examined."""

    scans = 0

    def examine(self, picture: Picture, request: ExaminationRequest) -> Examination:
        self.scans += 1
        return super().examine(picture, request)


def _deliver(app: Flask, services: Services, kind: str, refs: Sequence[str], chance: random.Random) -> int:
    """Each event one to five times, in any order, from eight threads; returns how many deliveries.

    In the middle, everything that is waiting is done: what comes again then is no longer waiting.
    """
    messages = [(f"msg_{uuid4().hex}", ref) for ref in refs]
    deliveries = [one for one in messages for _ in range(chance.randint(1, 5))]
    chance.shuffle(deliveries)

    def deliver(one: tuple[str, str]) -> int:
        with app.test_client() as client:
            return Sender(client, services.clock).tell(kind, one[1], one[0]).status_code

    half = len(deliveries) // 2
    for some in (deliveries[:half], deliveries[half:]):
        with ThreadPoolExecutor(8) as threads:
            assert set(threads.map(deliver, some)) == {202}
        support.Cast(services).work(threads=3)
    return len(deliveries)


def _in_files(photos: Path, refs: Sequence[str], name: str) -> Counter[int]:
    """How often the name stands in each file's keywords and in its sidecar's list of people, by exiftool."""
    places = ["-IFD0:XPKeywords", "-XMP-iptcExt:PersonInImage"]
    files = [str(photos / f"{ref}{end}") for ref in refs for end in ("", ".xmp")]
    read = subprocess.run(["exiftool", "-json", *places, *files], capture_output=True, check=True).stdout
    found: list[str] = []
    for row in json.loads(read):
        people = row.get("PersonInImage", [])
        found += [";".join([people] if isinstance(people, str) else people), row.get("XPKeywords", "")]
    return Counter(text.split(";").count(name) for text in found if text)


@pytest.mark.promise
def test_an_event_has_one_effect_and_our_own_writes_none(
    listening: Services, examiner: Examiner, full: bool, promise: Promise
) -> None:
    """Each event comes up to five times, in any order, from eight threads, and is one job and one tag. What we
    write is no change for the folder's own poll; told to us as events all the same, it is looked up, and
    neither examined nor written again."""
    chance, count = random.Random(5), 500 if full else 12
    dam, faces = _Told(listening.dam), _Counting(examiner)  # type: ignore[arg-type]
    services = replace(listening, dam=dam, faces=faces)
    cast, crowd, app = support.Cast(services), Crowd(examiner), _app(services)
    photos = services.config.path(services.config.folder.path)
    refs = [crowd.put(photos, ref, crowd.row([A[0]], 130 + n)) for n, ref in enumerate(sender.refs(count))]
    calendar.poll_dam(services)
    cast.work()
    asa = cast.add("Åsa")
    cast.sign(asa)
    cast.enrol(asa)
    cast.open_collection()
    cast.work()
    before = _done_photos()
    deliveries = _deliver(app, services, "resource.replaced", refs, chance)
    jobs = _done_photos() - before
    adds = Counter(ref for ref, add in dam.writes if add)
    in_files = _in_files(photos, refs, "Åsa")
    doubles = sum(n > 1 for n in adds.values()) + sum(n for times, n in in_files.items() if times > 1)
    writes, scans = len(dam.writes), faces.scans
    polled = calendar.poll_dam(services)
    echoes = _deliver(app, services, "resource.metadata", [ref for ref, _ in dam.writes], chance)
    again = (faces.scans - scans, len(dam.writes) - writes)
    promise(
        "W2",
        f"{deliveries:,} deliveries of {count} events -> {jobs} jobs; double tags {doubles}; jobs from {writes} own "
        f"writes, by poll {polled}; by their echo in {echoes:,} deliveries: scans {again[0]}, writes {again[1]}",
    )
    assert deliveries > count == jobs
    assert (len(adds), in_files[1]) == (count, 2 * count)
    assert scans >= count
    assert (doubles, polled, *again) == (0, 0, 0, 0)


# ---- W3 ------------------------------------------------------------------------------------


class _Traffic:
    """A DAM that tells of one new photograph after another, and tells again until it is heard."""

    def __init__(self, house: House, pause: float) -> None:
        self._house, self._pause = house, pause
        self._lock, self._made = threading.Lock(), 0
        self._ending = threading.Event()
        self.acknowledged: set[str] = set()
        self.tries = 0
        self._threads = [threading.Thread(target=self._run) for _ in range(4)]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        while not self._ending.is_set():
            with self._lock:
                self._made += 1
                ref = self._house.photograph(f"shoot/{self._made:06}.jpg")
            self._tell(ref)
            time.sleep(self._pause)

    def _tell(self, ref: str) -> None:
        message, end = f"msg_{uuid4().hex}", time.monotonic() + 120
        while time.monotonic() < end:
            now = SystemClock().now()
            body = sender.event("resource.created", ref, now)
            status = sender.post(
                f"{self._house.url}{sender.EVENTS}", body, signature.sign_request(SECRET, message, now, body), 5
            )
            with self._lock:
                self.tries += 1
            if status == 202:
                self.acknowledged.add(ref)
                return
            time.sleep(0.05)
        raise AssertionError(f"{ref} was never acknowledged")

    def end(self) -> int:
        """Finish what was begun; how many events there were."""
        self._ending.set()
        for thread in self._threads:
            thread.join()
        return self._made


def _kill_around(house: House, kills: int, chance: random.Random) -> None:
    """kill -9 again and again: the server with all its processes, or the worker."""
    server, worker = house.start("serve"), house.start("work")
    house.until_up()
    for n in range(kills):
        time.sleep(chance.uniform(0.05, 0.8))
        if n % 2:
            house.kill(worker)
            worker = house.start("work")
        else:
            house.kill(server)
            server = house.start("serve")
            house.until_up()


def _open_jobs(store: Store) -> int:
    query = select(func.count()).where(t.job.c.state.in_(("queued", "running")))
    with store.read() as conn:
        return conn.scalar(query) or 0


@pytest.mark.promise
def test_an_acknowledged_event_is_never_lost(tmp_path: Path, full: bool, promise: Promise) -> None:
    """While a DAM tells of new photographs, server and worker die by kill -9 at random points and come back.
    Whatever was acknowledged is done in the end, once each in the ledger, and no other row is there."""
    kills, chance = (200 if full else 8), random.Random(11)
    secret = sender.secret_file(tmp_path / "events.secret", SECRET)
    with House(tmp_path, secret, lease_seconds=2, backoff_seconds=1, attempts=50) as house:
        traffic = _Traffic(house, 0.2 if full else 0.04)
        try:
            _kill_around(house, kills, chance)
        finally:
            made = traffic.end()
        store = Store.open(house.config.store_url, SystemClock())
        end = time.monotonic() + 90
        while _open_jobs(store) and time.monotonic() < end:
            time.sleep(0.1)
    with store.read() as conn:
        done = list(conn.scalars(select(t.resource.c.ref).where(t.resource.c.examined_at.is_not(None))))
        jobs = conn.execute(select(t.job.c.kind, t.job.c.key, t.job.c.state)).all()
        scans = select(func.count().label("n")).where(t.audit.c.action == Action.FACE_SCAN.value)
        scanned = list(conn.scalars(scans.group_by(t.audit.c.resource_id)))
    events = _rows(store)[1]
    store.close()
    lost, twice = traffic.acknowledged - set(done), sum(times > 1 for times in scanned)
    promise(
        "W3",
        f"{kills} kills: acknowledged {len(traffic.acknowledged):,} in {traffic.tries:,} deliveries, done "
        f"{len(done):,}, lost {len(lost)}, run twice {twice} (end state equal)",
    )
    assert not lost
    assert made == len(traffic.acknowledged) == len(done) == len(set(done)) == events > kills
    assert not jobs, "a job that is done stays in the queue"
    assert traffic.tries > made


# ---- W4 ------------------------------------------------------------------------------------


class _Rotating:
    """A sender whose secret changes between two deliveries; it knows when the old one is no longer in use."""

    def __init__(self, app: Flask, services: Services) -> None:
        self._app, self._services = app, services
        self.secret = SECRET
        self._using: Counter[str] = Counter()
        self._lock = threading.Lock()
        self.statuses: Counter[int] = Counter()
        self.ending = threading.Event()

    def run(self) -> None:
        while not self.ending.is_set():
            with self._lock:
                secret = self.secret
                self._using[secret] += 1
            status = self.send(secret)
            with self._lock:
                self._using[secret] -= 1
                self.statuses[status] += 1

    def send(self, secret: str) -> int:
        with self._app.test_client() as client:
            dam = Sender(client, self._services.clock, secret)
            return dam.tell("resource.metadata", random.randint(1, 50)).status_code

    def until_unused(self, secret: str) -> None:
        while self._using[secret]:
            time.sleep(0.001)

    def until_used(self, secret: str) -> None:
        end, before = time.monotonic() + 20, sum(self.statuses.values())
        while sum(self.statuses.values()) < before + 5 and time.monotonic() < end:
            time.sleep(0.001)


@pytest.mark.promise
def test_a_secret_is_rotated_without_a_refused_event(
    listening: Services, tmp_path: Path, full: bool, promise: Promise
) -> None:
    """During unbroken traffic: the new secret above the old one, the sender changes over, the old one goes; the
    file is now replaced, now written over. No delivery is refused; a retired secret opens nothing at once."""
    rotations, path = (200 if full else 15), tmp_path / "events.secret"
    chance, retired_accepted = random.Random(2), 0
    traffic = _Rotating(_app(listening), listening)
    threads = [threading.Thread(target=traffic.run) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for n in range(rotations):
            old, new = traffic.secret, signature.PREFIX + b64encode(chance.randbytes(32)).decode()
            _write(path, [new, old], in_place=bool(n % 2))
            traffic.until_used(old)
            traffic.secret = new
            traffic.until_used(new)
            traffic.until_unused(old)
            _write(path, [new], in_place=bool(n % 2))
            retired_accepted += traffic.send(old) == 202
    finally:
        traffic.ending.set()
        for thread in threads:
            thread.join()
    delivered, refused = (sum(traffic.statuses.values()), sum(traffic.statuses.values()) - traffic.statuses[202])
    promise(
        "W4",
        f"{rotations} rotations in {delivered:,} deliveries: refused during rotation {refused}; "
        f"retired secrets accepted {retired_accepted}",
    )
    assert delivered > rotations * 5
    assert (refused, retired_accepted) == (0, 0)


def _write(path: Path, secrets: list[str], in_place: bool) -> None:
    if in_place:
        path.write_text("\n".join(secrets))
    else:
        sender.secret_file(path.with_suffix(".new"), *secrets)
        path.with_suffix(".new").replace(path)


# ---- J3 ------------------------------------------------------------------------------------


@pytest.mark.promise
def test_a_full_queue_refuses_politely(tmp_path: Path, full: bool, promise: Promise) -> None:
    """Nobody works: at the limit each new event is a 429 with Retry-After, what is waiting already is still
    acknowledged, and the server's memory stands still however many come."""
    limit, more = (20_000, 20_000) if full else (300, 1_500)
    secret = sender.secret_file(tmp_path / "events.secret", SECRET)
    with House(tmp_path, secret, limit=limit) as house:
        server = house.start("serve")
        house.until_up()
        inner = server.pid

        def tell(ref: int) -> int:
            now = SystemClock().now()
            body = sender.event("resource.created", ref, now)
            headers = signature.sign_request(SECRET, f"msg_{uuid4().hex}", now, body)
            return sender.post(f"{house.url}{sender.EVENTS}", body, headers)

        with ThreadPoolExecutor(4) as threads:
            first = Counter(threads.map(tell, range(1, limit + 101)))
            before = memory_mb(inner)
            then = Counter(threads.map(tell, range(limit + 1000, limit + 1000 + more)))
            after = memory_mb(inner)
            known = Counter(threads.map(tell, range(1, 21)))
    store = Store.open(house.config.store_url, SystemClock())
    rows = _rows(store)
    store.close()
    promise(
        "J3",
        f"429 after {first[202]:,}; memory flat: {before:.0f} MB, {after:.0f} MB after {then[429]:,} more refused; "
        f"uploads in the DAM not measured here",
    )
    assert first == {202: limit, 429: 100}
    assert then == {429: more}
    assert known == {202: 20}
    assert rows == (limit, limit + 20)
    assert after < before * 1.1 + 2
