"""Events of the DAM: who may send them, what they may say, and what they become."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from plugin.clock import ManualClock
from plugin.config import parse
from plugin.errors import ConfigError, EventRefused, SignatureRefused, StoreAway
from plugin.flows.common import dam_events
from plugin.flows.common.services import Services
from plugin.flows.schedule import calendar
from plugin.hooks.dam import Dam, Resource
from plugin.hooks.webhooks import events, signature
from plugin.ledger import tables as t
from plugin.ledger.store.store import Store
from plugin.quitclaim.clearance.scope import Mode
from plugin.recognizer.process.examiner import Examiner
from sidecar.app import create_app
from sidecar.commands.demo import samples
from sidecar.doctor import checks
from sidecar.running.runner import Runner
from sidecar.web import signed_requests
from tests import sender, support
from tests.dams import Through
from tests.expired_rows import delete_expired
from tests.sender import OTHER, SECRET, Sender


@pytest.fixture
def told(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[tuple[Sender, Services]]:
    """An app that listens for events, and the DAM that sends them."""
    file = sender.secret_file(tmp_path / "events.secret", SECRET)
    config = support.configuration(tmp_path, webhooks={"events_secret_file": file}, jobs={"limit": 5})
    (tmp_path / "photos" / "shoot").mkdir(parents=True)
    with support.opened(config, clock, examiner) as services:
        app = create_app(services.config, services)
        app.config["PROPAGATE_EXCEPTIONS"] = False
        with app.test_client() as client:
            yield Sender(client, clock), services


def jobs(services: Services) -> list[tuple[str, str]]:
    with services.store.read() as conn:
        return [(row.kind, row.key) for row in conn.execute(select(t.job).order_by(t.job.c.id))]


def known(services: Services) -> int:
    with services.store.read() as conn:
        return conn.scalar(select(func.count()).select_from(t.event)) or 0


@pytest.mark.parametrize(
    ("kind", "ref", "job"),
    [
        ("resource.created", 12, ("photo", "12")),
        ("resource.replaced", "shoot/é.jpg", ("photo", "shoot/é.jpg")),
        ("resource.metadata", 12, ("names", "12")),
        ("resource.deleted", 12, ("gone", "12")),
        ("collection.changed", 5, ("members", "5")),
        ("node.changed", 280, ("renamed", "nodes")),
    ],
)
def test_each_event_becomes_its_job(
    told: tuple[Sender, Services], kind: str, ref: object, job: tuple[str, str]
) -> None:
    """A signed event is answered 202 once its job and its id stand in the store."""
    dam, services = told
    answer = dam.tell(kind, ref)
    assert (answer.status_code, answer.json) == (202, {"status": "accepted"})
    assert jobs(services) == [job]
    assert known(services) == 1


def test_every_event_has_a_job_and_every_job_a_handler() -> None:
    """No event is accepted that nothing would be done about."""
    assert set(dam_events.JOB_KINDS) == set(events.EVENT_TYPES.values())
    assert set(dam_events.JOB_KINDS.values()) <= set(calendar.HANDLERS)


def test_an_id_is_taken_once_for_thirty_days(told: tuple[Sender, Services], clock: ManualClock) -> None:
    """The same id again is acknowledged and does nothing, whatever its new timestamp and body say."""
    dam, services = told
    dam.tell("resource.created", 1, "msg_1")
    services.queue.claim()
    for _ in range(3):
        clock.advance(timedelta(days=9))
        answer = dam.tell("resource.deleted", 2, "msg_1")
        assert (answer.status_code, answer.json) == (202, {"status": "known"})
    assert jobs(services) == [("photo", "1")]
    clock.advance(timedelta(days=4))
    with services.store.write() as tx:
        assert delete_expired(tx, services.config, clock.now())["events"] == 1


def test_what_is_not_for_us_is_acknowledged_and_ignored(told: tuple[Sender, Services]) -> None:
    """A type that nobody listens to is no error: the sender need not send it again."""
    dam, services = told
    body = json.dumps({"type": "user.login", "timestamp": "2026-03-02T12:00:00Z", "data": {"x": [1]}}).encode()
    answer = dam.raw(body, dam.headers(body))
    assert (answer.status_code, answer.json) == (202, {"status": "ignored"})
    assert (jobs(services), known(services)) == ([], 0)


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "msg_other"},
        {"webhook-id": "msg.1772452800"},
        {"webhook-id": ""},
        {"webhook-timestamp": "1772452801"},
        {"webhook-timestamp": "1772452800.5"},
        {"webhook-timestamp": "01772452800"},
        {"webhook-timestamp": "1_772_452_800"},
        {"webhook-timestamp": "NaN"},
        {"webhook-signature": ""},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v1"},
        {"webhook-signature": "v1,ÿ"},
        {"webhook-signature": " ".join(["v1,AAAA"] * 1000)},
    ],
)
def test_a_request_that_is_not_the_signed_one_is_refused(told: tuple[Sender, Services], change: dict[str, str]) -> None:
    """401 as problem+json, the same for every fault, and nothing is stored."""
    dam, services = told
    body = sender.event("resource.created", 1, dam.clock.now())
    answer = dam.raw(body, dam.headers(body, "msg_1") | change)
    assert answer.status_code == 401
    assert answer.content_type == "application/problem+json"
    assert "signed" in (answer.get_json(force=True))["detail"]
    assert (jobs(services), known(services)) == ([], 0)


def test_noise_in_a_genuine_signature_is_refused(told: tuple[Sender, Services]) -> None:
    """A signature has one form: base64 with noise in it, or without its padding, is another request. An id
    holds no dot, which would leave open where it ends. Several signatures may stand side by side."""
    dam, _ = told
    body = sender.event("resource.created", 1, dam.clock.now())
    headers = dam.headers(body)
    good = headers["webhook-signature"]
    for noisy in (good.replace("v1,", "v1,!"), good.rstrip("="), good.replace("v1,", "v1a,"), good.upper()):
        assert dam.raw(body, headers | {"webhook-signature": noisy}).status_code == 401
    dotted = signature.sign_request(SECRET, "msg.1", dam.clock.now(), body)
    assert dam.raw(body, dotted).status_code == 401
    assert dam.raw(body, headers | {"webhook-signature": f"v1a,abc v1,AAAA {good}"}).status_code == 202


@pytest.mark.parametrize(
    ("seconds", "status"), [(-301, 401), (-300, 202), (0, 202), (300, 202), (301, 401), (86400, 401)]
)
def test_the_window_is_five_minutes_by_our_clock(
    told: tuple[Sender, Services], clock: ManualClock, seconds: int, status: int
) -> None:
    """What was signed longer ago, or for later, is refused: a captured request cannot be kept."""
    dam, _ = told
    body = sender.event("resource.created", 1, clock.now())
    headers = signature.sign_request(SECRET, "msg_1", clock.now() - timedelta(seconds=seconds), body)
    assert dam.raw(body, headers).status_code == status


def test_the_signature_is_that_of_the_standard() -> None:
    """The example of the specification: id, moment and body as it prints them give its signature."""
    body = b'{"test": 2432232314}'
    at = datetime.fromtimestamp(1614265330, UTC)
    made = signature.sign_request(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", at, body)
    assert made["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert signature.verify_request([OTHER, SECRET], made, body, at) == "msg_p5jXN8AQM9LWM0D4loKWxJek"


def test_whatever_goes_wrong_is_one_error() -> None:
    """No header, a broken secret, bytes that are no text, no secret at all: SignatureRefused."""
    at = datetime(2026, 3, 2, tzinfo=UTC)
    headers = signature.sign_request(SECRET, "msg_1", at, b"{}")
    wrong: list[tuple[Any, Any, Any]] = [
        ([SECRET], {}, b"{}"),
        (["whsec_###"], headers, b"{}"),
        ([""], headers, b"{}"),
        ([], headers, b"{}"),
        ([SECRET], headers, b"\xff"),
        ([SECRET], headers, None),
        ([SECRET], dict.fromkeys(headers), b"{}"),
    ]
    for secrets, given_, body in wrong:
        with pytest.raises(SignatureRefused):
            signature.verify_request(secrets, given_, body, at)


BAD = [
    b"",
    b"null",
    b"[]",
    b"{}",
    b'"x"',
    b"{" * 5000,
    b"[" * 19000,
    b"\x00",
    b'{"type":1}',
    b'{"type":"resource.created","timestamp":"2026-03-02T12:00:00Z"}',
    b'{"type":"resource.created","timestamp":"2026-03-02","data":{"ref":1}}',
    b'{"type":"resource.created","timestamp":"2026-03-02T12:00:00","data":{"ref":1}}',
    b'{"type":"resource.created","timestamp":"2026-03-02T12:00:00Z","data":{"ref":0}}',
    b'{"type":"resource.created","timestamp":"2026-03-02T12:00:00Z","data":{"ref":true}}',
    b'{"type":"resource.created","timestamp":"2026-03-02T12:00:00Z","data":{"ref":1.5}}',
    b'{"type":"resource.created","timestamp":"2026-03-02T12:00:00Z","data":{"ref":null}}',
    b'{"type":"resource.created","timestamp":"2026-03-02T12:00:00Z","data":{"ref":""}}',
    b'{"type":"resource.created","timestamp":"2026-03-02T12:00:00Z","data":{"ref":"a\\u0000b"}}',
    b'{"type":"resource.created","timestamp":"2026-03-02T12:00:00Z","data":{"ref":"\\ud800"}}',
    b'{"type":"resource.created","timestamp":"2026-03-02T12:00:00Z","data":{"ref":1e400}}',
    b'{"type":"resource.created","timestamp":"2026-03-02T12:00:00Z","data":{"ref":' + b"9" * 5000 + b"}}",
    b'{"type":"resource.created","timestamp":"2026-03-02T12:00:00Z","data":{"ref":1,"name":"Canary"}}',
    b'{"type":"resource.created","timestamp":"2026-03-02T12:00:00Z","data":{"ref":1},"Canary":1}',
    b'{"type":"resource created","timestamp":"2026-03-02T12:00:00Z","data":{"ref":1}}',
]


@pytest.mark.parametrize("body", BAD, ids=range(len(BAD)))
def test_a_signed_body_that_is_no_event_is_a_4xx(told: tuple[Sender, Services], body: bytes) -> None:
    """422 says which part is wrong and never quotes it; whoever sends more than ids is refused."""
    dam, services = told
    answer = dam.raw(body, dam.headers(body))
    assert answer.status_code == 422
    assert answer.content_type == "application/problem+json"
    assert "Canary" not in answer.get_data(as_text=True)
    assert (jobs(services), known(services)) == ([], 0)
    with pytest.raises(EventRefused):
        events.parse_event(body)


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
SHAPED = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(sorted(events.EVENT_TYPES)) | ANY,
        "timestamp": st.just("2026-03-02T12:00:00Z") | st.datetimes().map(str) | ANY,
        "data": st.fixed_dictionaries({"ref": ANY}) | ANY,
    },
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=SHAPED | ANY | st.binary(max_size=100))
def test_whatever_is_signed_is_never_a_500(told: tuple[Sender, Services], content: object) -> None:
    """Any JSON and any bytes, properly signed: 202, a 4xx, or 429 once the queue is full."""
    dam, _ = told
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    try:
        headers = dam.headers(body)
    except UnicodeDecodeError:
        headers = {}
    assert dam.raw(body, headers).status_code in {202, 401, 422, 429}


def test_a_body_above_the_limit_is_not_read(told: tuple[Sender, Services]) -> None:
    """413 as problem+json from 20,000 bytes on, signed or not."""
    dam, _ = told
    body = b" " * (events.MOST_BYTES + 1)
    answer = dam.raw(body, dam.headers(body))
    assert answer.status_code == 413
    assert answer.content_type == "application/problem+json"
    assert dam.raw(body[:-1], dam.headers(body[:-1])).status_code == 422


def test_a_full_queue_says_when_to_come_back_and_forgets_the_event(told: tuple[Sender, Services]) -> None:
    """429 with Retry-After; the same id is taken later. What is asked for already is still acknowledged."""
    dam, services = told
    for ref in range(1, 6):
        assert dam.tell("resource.created", ref, f"msg_{ref}").status_code == 202
    refused = dam.tell("resource.created", 6, "msg_6")
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    assert dam.tell("resource.created", 5, "msg_5").json == {"status": "known"}
    assert dam.tell("resource.replaced", 5, "msg_7").json == {"status": "accepted"}
    claimed = services.queue.claim()
    assert claimed is not None
    assert dam.tell("resource.created", 6, "msg_6").json == {"status": "accepted"}


def test_a_store_that_does_not_answer_is_a_503(told: tuple[Sender, Services], monkeypatch: pytest.MonkeyPatch) -> None:
    """The sender keeps the event and comes again; the statement is not told."""
    dam, _ = told

    def locked(*_: object) -> bool:
        raise StoreAway("the store does not answer: SELECT secret")

    monkeypatch.setattr(dam_events, "accept", locked)
    answer = dam.tell("resource.created", 1)
    assert (answer.status_code, int(answer.headers["Retry-After"]) > 0) == (503, True)
    assert "SELECT" not in answer.get_data(as_text=True)


def test_without_a_secret_there_is_no_endpoint(services: Services) -> None:
    """Both are 404 while nothing is configured, whatever is sent."""
    with create_app(services.config, services).test_client() as client:
        assert client.post(sender.EVENTS, data=b"{}").status_code == 404
        assert client.post(sender.PANEL, data=b"{}").status_code == 404


def test_secrets_are_separate_by_purpose_and_may_come_from_the_environment(services: Services) -> None:
    """Several are parted by white space, the current one first; those of one endpoint open no other."""
    config = services.config
    given_ = {"FACELEASE_EVENTS_SECRET": f" {SECRET}\n{OTHER} ", "FACELEASE_PANEL_SECRET": ""}
    of_events = signed_requests.load_secrets(config, "events", given_)
    assert of_events is not None
    assert of_events() == (SECRET, OTHER)
    assert signed_requests.load_secrets(config, "panel", given_) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds 0 secrets"),
        ("# nothing\n", "holds 0 secrets"),
        ("plain-words\n", "secret 1"),
        (f"{SECRET}\nwhsec_c2hvcnQ=\n", "secret 2"),
        ("whsec_####################################\n", "secret 1"),
        (f"{SECRET}\n" * 9, "at most 8"),
    ],
)
def test_a_file_that_holds_no_secret_says_so_at_the_start(tmp_path: Path, text: str, said: str) -> None:
    """The message names file and line and what belongs there, and quotes nothing of it."""
    path = tmp_path / "secret"
    path.touch(mode=0o600)
    path.write_text(text)
    config = parse({"webhooks": {"events_secret_file": str(path)}})
    with pytest.raises(ConfigError, match=said) as raised:
        signed_requests.load_secrets(config, "events", {})
    assert "plain-words" not in str(raised.value)
    assert SECRET not in str(raised.value)


def test_a_secret_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """Missing, or readable by the group: ConfigError, which says how to mend it."""
    path = Path(sender.secret_file(tmp_path / "secret", SECRET))
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        signature.SecretFile(path, lambda _: None)()
    with pytest.raises(ConfigError, match="cannot be read"):
        signature.SecretFile(tmp_path / "none", lambda _: None)()


def test_a_file_in_the_middle_of_being_written_is_read_again(tmp_path: Path) -> None:
    """An empty moment of the file is waited over; a changed file counts at once."""
    path = Path(sender.secret_file(tmp_path / "secret"))

    def written(_: float) -> None:
        path.write_text(f"{SECRET}\n")

    file = signature.SecretFile(path, written)
    assert file() == (SECRET,)
    path.write_text(f"{OTHER}\n{SECRET}\n")
    assert file() == (OTHER, SECRET)


def test_secrets_that_become_unreadable_are_a_503(
    told: tuple[Sender, Services], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither open nor lost: the sender keeps its events until the file is mended."""
    dam, _ = told
    monkeypatch.setattr(signature, "_PAUSES", (0.0,))
    (tmp_path / "events.secret").write_text("")
    assert dam.tell("resource.created", 1).status_code == 503
    sender.secret_file(tmp_path / "events.secret", SECRET)
    assert dam.tell("resource.created", 1).status_code == 202


def test_a_collection_that_changed_has_its_comers_and_goers_looked_at(
    services: Services, cast: support.Cast, photos: Path
) -> None:
    """Those that came or went since are examined under what now holds for them; of the others one is looked at,
    which tells what the DAM itself now says of the collection."""
    asa = cast.add("Åsa")
    cast.sign(asa)
    cast.enrol(asa)
    cast.open_collection()
    stays = support.put(photos, "shoot/stays.jpg", samples.A_STANDING, (300, 400))
    calendar.poll_dam(services)
    cast.work()
    came = support.put(photos, "shoot/came.jpg", samples.A_STANDING, (330, 440))
    with services.store.write() as tx:
        asked = services.queue.put(tx, "members", "shoot")
    Runner(services).drain(["members"])
    with services.store.read() as conn:
        rows = conn.execute(select(t.job).where(t.job.c.id > asked)).all()
    assert [(row.kind, row.key) for row in rows] == [("photo", came), ("names", stays)]
    cast.work()
    assert cast.names_on(stays) == cast.names_on(came) == {"Åsa"}


def test_a_node_that_changed_has_every_named_resource_looked_at(
    services: Services, cast: support.Cast, photos: Path
) -> None:
    """The event names a node and not where it stands: what the ledger has a name on is compared anew."""
    asa = cast.add("Åsa")
    cast.sign(asa)
    cast.enrol(asa)
    cast.open_collection()
    named = support.put(photos, "shoot/named.jpg", samples.A_STANDING, (300, 400))
    support.put(photos, "shoot/other.jpg", samples.B_STANDING, (300, 400))
    calendar.poll_dam(services)
    cast.work()
    with services.store.write() as tx:
        job = services.queue.put(tx, "renamed", "nodes")
    Runner(services).drain(["renamed"])
    with services.store.read() as conn:
        rows = conn.execute(select(t.job).where(t.job.c.id > job)).all()
    assert [(row.kind, row.key) for row in rows] == [("names", named)]


def test_the_endpoint_takes_no_other_method(told: tuple[Sender, Services]) -> None:
    """405 with Allow, as problem+json."""
    client: FlaskClient = told[0].client
    answer = client.get(sender.EVENTS)
    assert (answer.status_code, answer.content_type) == (405, "application/problem+json")


class _Elsewhere(Through):
    """A DAM in which a resource can be put into another collection."""

    def __init__(self, inner: Dam) -> None:
        super().__init__(inner)
        for name in ("identities", "out_of_sight", "sure"):
            delattr(self, name)  # their numbers stay
        self.collections_of: tuple[str, ...] = ()

    def look(self, ref: str) -> Resource:
        seen = super().look(ref)
        return replace(seen, collections=self.collections_of) if self.collections_of else seen


def test_a_photograph_put_into_another_collection_is_examined_under_what_holds_there(
    services: Services, photos: Path
) -> None:
    """The DAM tells of its metadata and of the collection, in this order: whichever is first, its scope has
    changed and it is examined anew; once it has not, a look is enough."""
    dam = _Elsewhere(services.dam)
    services = replace(services, dam=dam)
    cast = support.Cast(services)
    asa = cast.add("Åsa")
    cast.sign(asa)
    cast.enrol(asa)
    (photos / "new").mkdir()
    cast.open_collection("shoot", Mode.DETECT)
    cast.open_collection("new")
    ref = support.put(photos, "shoot/one.jpg", samples.A_STANDING, (300, 400))
    calendar.poll_dam(services)
    cast.work()
    assert cast.names_on(ref) == set()
    dam.collections_of = ("new",)
    for kinds in (["photo"], []):
        with services.store.write() as tx:
            first = services.queue.put(tx, "names", ref)
        Runner(services).drain(["names"])
        with services.store.read() as conn:
            rows = conn.execute(select(t.job.c.kind).where(t.job.c.id >= first).order_by(t.job.c.id)).all()
        assert [row.kind for row in rows] == kinds
        cast.work()
        assert {named.node for named in services.dam.look(ref).names} == {"Åsa"}


def test_one_id_taken_by_eight_at_once_is_taken_by_one(store: Store) -> None:
    """Whoever comes second waits for the first and finds it taken: on both stores."""

    def take(_: int) -> bool:
        with store.write() as tx:
            return dam_events.note_message(tx, "event:msg_1")

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(take, range(16))) == [False] * 15 + [True]


def test_doctor_says_whether_the_dam_is_heard(tmp_path: Path, clock: ManualClock) -> None:
    """Off, on with how many secrets, or wrong with what to do: before the server is started."""
    file = sender.secret_file(tmp_path / "events.secret", SECRET, OTHER)
    webhooks = {"events_secret_file": file, "panel_secret_file": str(tmp_path / "none")}
    config = support.configuration(tmp_path, webhooks=webhooks)
    found = {one.what: (one.ok, one.said) for one in checks.run_checks(config, clock)}
    assert found["events of the DAM"] == (True, "on, 2 secrets")
    assert found["panel of the DAM"][0] is False
    assert "cannot be read" in found["panel of the DAM"][1]
    off = {one.what: one.said for one in checks.run_checks(support.configuration(tmp_path), clock)}
    assert off["events of the DAM"].startswith("off")
