"""Bodies on a socket: who may send how much, told before it is read; requests that two programs read in two ways."""

import http.client
import re
import shutil
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from plugin.flows.access import visits
from plugin.flows.access.programs import api_tokens
from sidecar.running import bootstrap
from sidecar.serving.surfaces import ANONYMOUS_BYTES
from sidecar.web import uploads
from tests import documents
from tests.processes import ROOT, free_port
from tests.served_house import Served

ADMINISTRATORS = ROOT / "docs" / "administrators.md"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A house with open visits, served."""
    with Served(tmp_path_factory.mktemp("bodies"), 8) as one:
        yield one


def status(port: int, request: bytes, host: str = "127.0.0.1", seconds: float = 1.5) -> list[int]:
    """The statuses of all answers to exactly these bytes within so long; nothing more is sent."""
    with socket.create_connection((host, port), 10) as line:
        line.settimeout(seconds)
        line.sendall(request)
        answer = b""
        try:
            while b"\r\n\r\n" not in answer and (more := line.recv(65536)):
                answer += more
            line.settimeout(0.3)
            while more := line.recv(65536):
                answer += more
        except (TimeoutError, ConnectionResetError):
            pass
    return [int(code) for code in re.findall(rb"HTTP/1\.[01] (\d{3}) ", answer)]


def head(path: str, *lines: str, method: str = "POST", version: str = "1.1") -> bytes:
    """The beginning of a request."""
    return "\r\n".join([f"{method} {path} HTTP/{version}", "Host: x", *lines, "", ""]).encode()


def asked(port: int, path: str, length: int, *lines: str) -> list[int]:
    """The answer to a request that announces so much, before any of it was sent; none where it is waited for."""
    return status(port, head(path, f"Content-Length: {length}", *lines))


def test_without_a_visit_a_body_is_refused_unread(served: Served) -> None:
    """One byte more than everybody may send is 413 before it is sent; forged and malformed cookies and tokens, too."""
    forged = f"facelease_sign={'A' * 43}"
    for path in ("/s/form", "/s/photo", "/s/lost", "/signin/resourcespace", "/health", "/console/forms"):
        assert asked(served.port, path, ANONYMOUS_BYTES + 1) == [413]
        assert asked(served.port, path, ANONYMOUS_BYTES + 1, f"Cookie: {forged}") == [413]
        assert asked(served.port, path, 10**10) == [413]
        assert asked(served.port, path, ANONYMOUS_BYTES) == []
    assert asked(served.port, "/api/v1/people", ANONYMOUS_BYTES + 1) == [401]
    assert asked(served.port, "/api/v1/people", ANONYMOUS_BYTES + 1, "Authorization: Bearer fl_none") == [401]


def test_in_a_visit_it_is_taken_to_the_byte(served: Served) -> None:
    """What a form and a photograph may have, and one byte more; a program's, too."""
    visit, token = f"Cookie: {served.visits[1]}", f"Authorization: Bearer {served.token}"
    assert asked(served.port, "/s/form", uploads.FORM_BYTES, visit) == []
    assert asked(served.port, "/s/form", uploads.FORM_BYTES + 1, visit) == [413]
    assert asked(served.port, "/s/photo", uploads.PHOTO_BYTES, visit) == []
    assert asked(served.port, "/s/photo", uploads.PHOTO_BYTES + 1, visit) == [413]
    assert asked(served.port, "/api/v1/people", 1 << 20, token) == []
    assert asked(served.port, "/api/v1/people", (16 << 20) + 1, token) in ([403], [405], [413])


def test_one_visit_sends_one_body_after_the_other(served: Served) -> None:
    """A second and a third photograph of somebody are read like the first, whether the connection is kept or not."""
    body = b"x" * 300_000
    lines = (f"Cookie: {served.visits[6]}", f"Content-Length: {len(body)}")
    for more in ((), ("Connection: close",), ()):
        request = head("/s/form", *lines, *more) + body
        assert status(served.port, request, seconds=30) == [400]  # no token of its form
    with socket.create_connection(("127.0.0.1", served.port), 30) as line:
        for _ in range(2):
            line.sendall(head("/s/form", *lines) + body)
            answer = b""
            while b"</html>" not in answer:
                answer += line.recv(65536)
            assert answer.startswith(b"HTTP/1.1 400")


def test_while_nobody_can_be_known_it_says_so_and_goes_on(served: Served) -> None:
    """A store that does not answer: 503 to who sends a large body, all else is served; then it is taken in again."""
    request = head("/s/form", f"Cookie: {served.visits[7]}", "Content-Length: 100000") + b"x" * 100_000
    with sqlite3.connect(served.root / "data" / "ledger.db") as store:
        store.execute("ALTER TABLE visit RENAME TO away")
        try:
            assert status(served.port, request, seconds=30) == [503]
            assert status(served.port, head("/health", method="GET"), seconds=30) == [200]
        finally:
            store.execute("ALTER TABLE away RENAME TO visit")
    assert status(served.port, request, seconds=30) == [400]


def test_who_is_known_no_more_is_refused(served: Served) -> None:
    """A visit that ended and a token that was revoked count for nothing from then on."""
    with bootstrap.open_house(served.config) as services:
        made = api_tokens.create(services, "gone", ["people:read"], "test", api_tokens.DEFAULT_LIFETIME)
        visit, token = f"Cookie: {served.visits[2]}", f"Authorization: Bearer {made.secret}"
        assert asked(served.port, "/s/form", 100_000, visit) == []
        assert asked(served.port, "/api/v1/people", 100_000, token) == []
        visits.end(services, served.visits[2].partition("=")[2])
        api_tokens.revoke(services, made.id, "test")
    assert asked(served.port, "/s/form", 100_000, visit) == [413]
    assert asked(served.port, "/api/v1/people", 100_000, token) == [401]


def test_a_body_has_one_length(served: Served) -> None:
    """Two lengths, folded headers, other versions and endless chunk headers are 400; what follows is no request."""
    port, chunk = served.port, b"1\r\nx\r\n"
    inner = head("/health", method="GET")
    for request in (
        head("/health", "Content-Length: 5", "Transfer-Encoding: chunked") + b"0\r\n\r\n" + inner,
        head("/health", "Content-Length: 5", "Content-Length: 6") + b"x" * 6,
        head("/health", "Content-Length: 5, 5") + b"x" * 5,
        head("/health", "Content-Length: +5") + b"x" * 5,
        head("/health", f"Content-Length: {'9' * 5000}"),
        head("/health", "Transfer-Encoding:", "\tchunked") + b"0\r\n\r\n" + inner,
        head("/health", "X-Long: a", " b"),
        head("/health", "Transfer-Encoding: chunked", version="1.0") + b"0\r\n\r\n" + inner,
        head("/health", "Transfer-Encoding: chunked", version="1.2") + b"0\r\n\r\n" + inner,
        head("/health", "Transfer-Encoding: chunked") + chunk * 2000,
        head("/health", "Transfer-Encoding: chunked") + b"1;" + b"a" * 20_000,
        b"GET /health\r\n\r\n" + inner,
    ):
        assert status(port, request) == [400], request[:80]
    assert status(port, head("/health", "Transfer-Encoding: gzip, chunked") + inner) == [501]
    assert status(port, head("/health", f"X-Long: {'a' * 40_000}")) == [431]


def test_one_answer_at_a_time(served: Served) -> None:
    """Of pipelined requests the first is answered, and the connection ends; one after the other goes on."""
    get = head("/health", method="GET")
    assert status(served.port, get * 50) == [200]
    with socket.create_connection(("127.0.0.1", served.port), 10) as line:
        for _ in range(3):
            line.sendall(get)
            answer = b""
            while b'"ok"' not in answer:
                answer += line.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200")


def test_continue_is_said_only_to_who_may_send(served: Served) -> None:
    """Expect: 100-continue: a refusal comes in its place."""
    waits, visit = "Expect: 100-continue", f"Cookie: {served.visits[3]}"
    assert asked(served.port, "/s/form", 100_000, waits) == [413]
    assert asked(served.port, "/s/form", 100_000, waits, visit) == [100]
    assert asked(served.port, "/hooks/resourcespace", 100, waits) == [100]


def test_it_listens_on_ipv6(tmp_path: Path) -> None:
    """`server.host = "::1"`."""
    (tmp_path / "photos").mkdir()
    with Served(tmp_path / "house", 1, host="::1") as one:
        assert status(one.port, head("/health", method="GET"), "::1") == [200]


def test_the_documented_nginx_keeps_slow_senders_to_itself(served: Served, tmp_path: Path) -> None:
    """Its very block, before a real server: bodies that never end hold nothing behind it, and none lies on a disk."""
    if shutil.which("nginx") is None:
        pytest.skip("no nginx here")
    port = free_port()
    block = next(text for kind, text in documents.code(ADMINISTRATORS).files if kind == "nginx")
    block = block.replace("listen 443 ssl", f"listen 127.0.0.1:{port}")
    block = block.replace("127.0.0.1:8731", f"127.0.0.1:{served.port}").replace("listen [::]:443 ssl;", "")
    left_out = ("ssl_", "error_log", "client_body_temp")
    kept = [line for line in block.splitlines() if not line.strip().startswith(left_out)]
    bodies = tmp_path / "bodies"
    paths = "".join(f"{one}_temp_path {tmp_path}/{one};\n" for one in ("proxy", "fastcgi", "uwsgi", "scgi"))
    file = tmp_path / "nginx.conf"
    file.write_text(
        f"pid {tmp_path}/pid;\nerror_log {tmp_path}/error.log;\ndaemon off;\nevents {{}}\nhttp {{\n{paths}"
        f"client_body_temp_path {bodies};\nset_real_ip_from 127.0.0.1;\nreal_ip_header X-Comes-From;\n"
        + "\n".join(kept)
        + "\n}\n"
    )
    running = subprocess.Popen(["nginx", "-c", file, "-e", tmp_path / "error.log"], stderr=subprocess.DEVNULL)
    lines: list[socket.socket] = []
    try:
        _until_listening(port)
        before = len(list(Path(f"/proc/{served.process.pid}/fd").iterdir()))
        for _ in range(9):
            line = socket.create_connection(("127.0.0.1", port), 10)
            line.sendall(head("/s/form", f"Cookie: {served.visits[4]}", "Content-Length: 60000000") + b"x" * 300_000)
            lines.append(line)
        time.sleep(0.5)
        assert len(list(Path(f"/proc/{served.process.pid}/fd").iterdir())) <= before + 1
        answer = served.ask(replace(next(served.honest()), name="own"))
        assert answer.status == 200
        assert status(port, head("/s/form", f"Cookie: {served.visits[5]}", method="GET"))[0] == 200
        assert status(port, head("/health", method="GET")) == [404]
        assert not served.written()
        many = [_asked_from(port, f"2001:db8::{n:x}") for n in range(60)]
        assert many[0] != 429
        assert many.count(429) > 5
        assert _asked_from(port, "2001:db8:0:1::1") == many[0]
    finally:
        for line in lines:
            line.close()
        running.terminate()
        running.wait(10)


def _asked_from(port: int, address: str) -> int:
    """The status of a page of the forms, asked for from this address."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    line.request("GET", "/s/form", headers={"X-Comes-From": address})
    status = line.getresponse().status
    line.close()
    return status


def _until_listening(port: int) -> None:
    ends = time.monotonic() + 10
    while time.monotonic() < ends:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("nginx does not listen")
