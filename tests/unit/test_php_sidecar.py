"""The plugin asks the sidecar: what it believes, how long a page waits, and what becomes of events that fail."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from plugin.hooks.webhooks import signature
from tests.php import PLUGIN, SECRET, run_php
from tests.sender import OTHER

Headers = dict[str, str]
Told = tuple[int, Headers, bytes]


@dataclass
class Answering:
    """A server that answers as `act` says; it keeps the bodies that it was sent."""

    url: str = ""
    act: Callable[[Headers, bytes], Told] = lambda headers, body: proved(headers, 200, b"{}")
    got: list[dict[str, Any]] = field(default_factory=list)


def proved(headers: Headers, status: int, body: bytes, secret: str = SECRET) -> Told:
    """As the sidecar answers."""
    return status, {signature.PROOF: signature.sign_answer((secret,), headers, status, body)}, body


@pytest.fixture
def sidecar() -> Iterator[Answering]:
    state = Answering()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            state.got.append(json.loads(body))
            status, headers, said = state.act({k.lower(): v for k, v in self.headers.items()}, body)
            try:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if "Transfer-Encoding" not in headers:
                    self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)
                while headers.get("X-Endless"):
                    self.wfile.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
            except OSError:
                state.got.append({"broken off": True})

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    yield state
    server.shutdown()
    thread.join()


# The plugin's tables, in this process; locks are held by others where a test says so.
TABLES = """
$GLOBALS['state'] = [];
$GLOBALS['events'] = [];
$GLOBALS['taken'] = [];
function sql_affected_rows() { return 0; }
$GLOBALS['rows'] = function ($sql, $given) {
    $v = fn($n) => $given[2 * $n + 1];
    switch (true) {
        case str_starts_with($sql, 'REPLACE INTO facelease_state'):
            $GLOBALS['state'][$v(0)] = $v(1);
            return [];
        case str_starts_with($sql, 'SELECT value FROM facelease_state'):
            return isset($GLOBALS['state'][$v(0)]) ? [['value' => $GLOBALS['state'][$v(0)]]] : [];
        case str_starts_with($sql, 'SELECT name, value FROM facelease_state'):
            $all = $GLOBALS['state'];
            return array_map(fn($k, $x) => ['name' => $k, 'value' => $x], array_keys($all), $all);
        case str_starts_with($sql, 'SELECT GET_LOCK'):
            return [['value' => $given !== [] && in_array($v(0), $GLOBALS['taken'], true) ? 0 : 1]];
        case str_starts_with($sql, 'SELECT ref, id, type'):
            preg_match('/ORDER BY (.*) LIMIT/', $sql, $order);
            $due = array_filter($GLOBALS['events'], fn($e) => $e['due'] <= $v(0));
            usort($due, function ($a, $b) use ($order) {
                foreach (explode(', ', $order[1]) as $by) { if ($a[$by] !== $b[$by]) { return $a[$by] <=> $b[$by]; } }
                return 0;
            });
            return array_slice($due, 0, $v(1));
        case str_starts_with($sql, 'DELETE FROM facelease_event WHERE ref'):
            unset($GLOBALS['events'][$v(0)]);
            return [];
        case str_starts_with($sql, 'UPDATE facelease_event'):
            [$attempts, $due, $answer, $ref] = [$v(0), $v(1), $v(2), $v(3)];
            $GLOBALS['events'][$ref] = ['attempts' => $attempts, 'due' => $due] + $GLOBALS['events'][$ref];
            return [];
    }
    return [];
};
function an_event($ref, $target, $attempts = 0) {
    $GLOBALS['events'][$ref] = ['ref' => $ref, 'id' => "fl_$ref", 'type' => 'resource.metadata', 'target' => $target,
        'created' => time(), 'attempts' => $attempts, 'due' => 0];
}
function later() {
    foreach ($GLOBALS['events'] as $ref => $event) { $GLOBALS['events'][$ref]['due'] = 0; }
    $GLOBALS['state']['paused_until'] = 0;
}
"""


def site(sidecar: Answering, code: str) -> Any:
    """What `code` prints as JSON, on a site that is configured."""
    given = f"$GLOBALS['facelease_sidecar_url'] = '{sidecar.url}';"
    given += f"$GLOBALS['facelease_secret_events'] = $GLOBALS['facelease_secret_panel'] = '{SECRET}';"
    return json.loads(run_php(TABLES + given + code))


ASK = "facelease_post('panel', '/x', 'id_' . bin2hex(random_bytes(4)), '{}', %s)"


def asked(sidecar: Answering, seconds: float = 2.0) -> dict[str, Any]:
    found: dict[str, Any] = site(sidecar, f"echo json_encode({ASK % seconds});")
    return found


def test_an_answer_that_proves_itself_is_believed(sidecar: Answering) -> None:
    """Under one of several secrets too: the sidecar's are being changed."""
    for more in ((), (OTHER,)):
        sidecar.act = lambda headers, body, more=more: (  # type: ignore[misc]
            200,
            {signature.PROOF: signature.sign_answer((*more, SECRET), headers, 200, b'{"a":1}')},
            b'{"a":1}',
        )
        said = asked(sidecar)
        assert (said["status"], said["body"], said["ours"]) == (200, '{"a":1}', True)


def _elsewhere(headers: Headers, **other: str) -> Headers:
    return {**headers, **{name.replace("_", "-"): value for name, value in other.items()}}


FORGED: dict[str, Callable[[Headers, bytes], Told]] = {
    "no proof": lambda h, b: (200, {}, b'{"open":{}}'),
    "an empty proof": lambda h, b: (200, {signature.PROOF: ""}, b"{}"),
    "another secret": lambda h, b: proved(h, 200, b"{}", OTHER),
    "another request": lambda h, b: proved(_elsewhere(h, webhook_id="id_0"), 200, b"{}"),
    "an earlier attempt": lambda h, b: proved(_elsewhere(h, webhook_timestamp="1700000000"), 200, b"{}"),
    "another body": lambda h, b: (200, proved(h, 200, b"{}")[1], b"{ }"),
    "another status": lambda h, b: (200, proved(h, 503, b"{}")[1], b"{}"),
    "our own signature": lambda h, b: (200, {signature.PROOF: h["webhook-signature"]}, b),
    "a redirect": lambda h, b: (302, {"Location": "http://127.0.0.1:1/"}, b""),
    "many proofs": lambda h, b: (
        200,
        {signature.PROOF: "v1,x " * 9 + proved(h, 200, b"{}")[1][signature.PROOF]},
        b"{}",
    ),
}


@pytest.mark.parametrize("how", FORGED)
def test_what_proves_nothing_is_no_answer(sidecar: Answering, how: str) -> None:
    """Any server that answers 200 is not ours: neither to a page, nor for an event, which stays."""
    sidecar.act = FORGED[how]
    said = asked(sidecar)
    assert (said["status"], said["body"], said["ours"]) == (0, "", False)
    left = site(
        sidecar, "an_event(1, 5); $n = facelease_deliver(2.0); echo json_encode([$n, count($GLOBALS['events'])]);"
    )
    assert left == [0, 1]


def test_a_refused_signature_says_no_more_than_that(sidecar: Answering) -> None:
    """It cannot be proved; what it says is dropped."""
    sidecar.act = lambda h, b: (401, {}, b'{"state":"ok"}')
    said = asked(sidecar)
    assert (said["status"], said["body"], said["ours"]) == (401, "", False)


@pytest.mark.parametrize("headers", [{"X-Endless": "1", "Transfer-Encoding": "chunked"}, {}])
def test_an_answer_is_read_only_so_far(sidecar: Answering, headers: Headers) -> None:
    """One without an end, and one of 50 MB: broken off, and the memory of the page stays small."""
    sidecar.act = lambda h, b: (200, headers, b"" if headers else b"x" * 50_000_000)
    begun = time.monotonic()
    said, peak = site(sidecar, f"$a = {ASK % 20.0}; echo json_encode([$a, memory_get_peak_usage(true)]);")
    assert (said["status"], said["error"]) == (0, "the answer is too large")
    assert peak < 40_000_000
    assert time.monotonic() - begun < 10


def _late(headers: Headers, body: bytes) -> Told:
    time.sleep(1.5)
    return proved(headers, 200, b"{}")


def test_after_a_failure_no_page_waits_before_a_pause_is_over(sidecar: Answering) -> None:
    """One waits; the next are told at once, for longer each time; then one asks, while others do not wait for it."""
    sidecar.act = _late
    clock = "$t = fn($f) => [$s = microtime(true), $f()['error'], round(microtime(true) - $s, 2)];"
    first, second, failures, since = site(
        sidecar,
        f"{clock} $a = $t(fn() => {ASK % 0.4}); $b = $t(fn() => {ASK % 0.4});"
        "echo json_encode([$a, $b, (int) $GLOBALS['state']['ask_failures'], (int) $GLOBALS['state']['ask_since']]);",
    )
    assert 0.3 < first[2] < 1.0
    assert (second[1], failures) == ("paused", 1)
    assert second[2] < 0.1
    assert abs(since - time.time()) < 10
    assert len(sidecar.got) == 1
    # The pause is over: the place for the one that tries is taken, or free.
    over = "$GLOBALS['state'] = ['ask_failures' => 1, 'ask_until' => '1.0', 'ask_since' => 1];"
    busy = site(
        sidecar, f"{clock} {over} $GLOBALS['taken'] = ['.facelease.ask.1']; echo json_encode($t(fn() => {ASK % 0.4}));"
    )
    assert busy[1] == "busy"
    assert busy[2] < 0.1
    _, failures, until, since = site(
        sidecar,
        f"{clock} {over} $a = $t(fn() => {ASK % 0.4}); $s = $GLOBALS['state'];"
        "echo json_encode([$a, (int) $s['ask_failures'], (float) $s['ask_until'] - microtime(true), $s['ask_since']]);",
    )
    assert failures == 2
    assert 8 < until < 11
    assert since == 1  # since when it is silent, not since the last try
    sidecar.act = lambda h, b: proved(h, 200, b"{}")
    state = site(sidecar, f"{over} {ASK % 2.0}; echo json_encode($GLOBALS['state']);")
    assert int(state["ask_failures"]) == 0


def test_only_a_few_workers_wait_at_a_time(sidecar: Answering) -> None:
    """While nobody knows yet that it hangs, the fourth that comes goes on without an answer."""
    taken = "$GLOBALS['taken'] = ['.facelease.ask.1', '.facelease.ask.2', '.facelease.ask.3'];"
    said, took = site(
        sidecar, f"{taken} $s = microtime(true); $a = {ASK % 2.0}; echo json_encode([$a, microtime(true) - $s]);"
    )
    assert (said["error"], sidecar.got) == ("busy", [])
    assert took < 0.5
    assert site(sidecar, f"array_pop($GLOBALS['taken']); echo json_encode({ASK % 2.0});")["ours"]


@pytest.mark.parametrize(("status", "opens"), [(200, 0), (403, 0), (409, 0), (500, 0), (503, 1), (502, 1)])
def test_what_counts_as_sick(sidecar: Answering, status: int, opens: int) -> None:
    """A proved refusal, or a fault with one photograph, is an answer; "busy" is a failure."""
    sidecar.act = lambda h, b: proved(h, status, b"{}")
    state = site(sidecar, f"{ASK % 2.0}; echo json_encode($GLOBALS['state'] ?: new stdClass());")
    assert int(state.get("ask_failures", 0)) == opens


EVENTS = "for ($n = 1; $n <= 6; $n++) { an_event($n, $n); }"


@pytest.mark.parametrize("status", [401, 403, 500, 501, 404, 400, 422])
@pytest.mark.parametrize("poison", [1, 3, 6])
def test_one_message_that_fails_holds_up_no_other(sidecar: Answering, status: int, poison: int) -> None:
    """Whatever it earns, wherever it stands: the others are delivered in the same run, and it waits alone."""

    def act(headers: Headers, body: bytes) -> Told:
        bad = json.loads(body)["data"]["ref"] == poison
        return (status, {}, b"") if bad and status == 401 else proved(headers, status if bad else 202, b"{}")

    sidecar.act = act
    sent, left = site(
        sidecar, f"{EVENTS} $n = facelease_deliver(5.0); echo json_encode([$n, array_keys($GLOBALS['events'])]);"
    )
    assert (sent, left) == (5, [poison])


@pytest.mark.parametrize("how", ["silence", "nobody's 200", "busy"])
def test_a_message_on_which_the_sidecar_hangs_waits_behind_the_others(sidecar: Answering, how: str) -> None:
    """Nothing tells it from a sidecar that is down, so all pause; but the next attempt begins with another one."""

    def act(headers: Headers, body: bytes) -> Told:
        if json.loads(body)["data"]["ref"] > 2:
            return proved(headers, 202, b"{}")
        if how == "silence":
            time.sleep(3)
        return (200, {}, b"") if how != "busy" else (*proved(headers, 503, b"{}")[:1], {"Retry-After": "7"}, b"{}")

    sidecar.act = act
    runs = site(
        sidecar,
        f"{EVENTS} $runs = []; for ($i = 0; $i < 3; $i++) {{ $n = facelease_deliver(9.0);"
        "$runs[] = [$n, array_keys($GLOBALS['events']), $GLOBALS['state']['paused_until'] > time()]; later(); }"
        "echo json_encode($runs);",
    )
    assert runs[0] == [0, [1, 2, 3, 4, 5, 6], True]
    assert sorted(runs[-1][1]) == [1, 2]


def test_a_wrong_secret_pauses_all(sidecar: Answering) -> None:
    """Two refusals in a row, no more: then nothing is sent for a while, and nothing is lost."""
    sidecar.act = lambda h, b: (401, {}, b"")
    sent, left, failures, paused = site(
        sidecar,
        f"{EVENTS} $n = facelease_deliver(5.0); $s = $GLOBALS['state'];"
        "echo json_encode([$n, count($GLOBALS['events']), (int) $s['failures'], $s['paused_until'] > time()]);",
    )
    assert (sent, left, failures, paused, len(sidecar.got)) == (0, 6, 1, True, 2)


def test_times_go_on_after_2038() -> None:
    """In every table that holds seconds since 1970, a number of eight bytes."""
    for table in ("event", "embedded"):
        columns = (PLUGIN / "dbstruct" / f"table_facelease_{table}.txt").read_text().splitlines()
        kinds = {line.split(",")[0]: line.split(",")[1] for line in columns}
        assert {kinds[name] for name in ("created", "due") if name in kinds} == {"bigint(20)"}
