"""Events as bytes on a socket: what no HTTP library would send gets an answer too."""

import socket
from pathlib import Path

from plugin.clock import SystemClock
from plugin.hooks.webhooks import events, signature
from tests import sender
from tests.processes import House
from tests.sender import SECRET

HEAD = f"POST {sender.EVENTS} HTTP/1.1\r\nHost: dam\r\n".encode()


def talk(port: int, request: bytes) -> tuple[int, str]:
    """Send exactly this and nothing more; the status and the content type of the answer."""
    with socket.create_connection(("127.0.0.1", port), 10) as line:
        line.sendall(request)
        line.shutdown(socket.SHUT_WR)
        answer = b""
        while b"\r\n\r\n" not in answer and (more := line.recv(4096)):
            answer += more
    head = answer.split(b"\r\n\r\n")[0].decode().split("\r\n")
    types = [line.split(": ")[1] for line in head if line.lower().startswith("content-type")]
    return int(head[0].split(" ")[1]), types[0]


def chunked(body: bytes) -> bytes:
    return b"Transfer-Encoding: chunked\r\n\r\n" + f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"


def test_any_bytes_get_an_answer_and_only_whole_requests_a_job(tmp_path: Path) -> None:
    """A body in chunks counts; broken, cut, oversized or doubled requests are 4xx as problem+json, never a 5xx.
    What is no HTTP at all, too."""
    secret = sender.secret_file(tmp_path / "events.secret", SECRET)
    with House(tmp_path, secret) as house:
        house.start("serve")
        house.until_up()
        now = SystemClock().now()
        body = sender.event("resource.created", 1, now)
        signed = (
            HEAD
            + "".join(
                f"{name}: {value}\r\n" for name, value in signature.sign_request(SECRET, "msg_1", now, body).items()
            ).encode()
        )
        length = f"Content-Length: {len(body)}\r\n".encode()
        large = b"x" * (events.MOST_BYTES + 1)
        problem = "application/problem+json"
        expected = {
            signed + length + b"\r\n" + body: (202, "application/json"),
            signed + chunked(body): (202, "application/json"),
            signed + length + signed[len(HEAD) :] + b"\r\n" + body: (401, problem),
            signed + length + b"\r\n" + body[:10]: (400, problem),
            signed + b"\r\n": (401, problem),
            signed.replace(b"-", b"_") + length + b"\r\n" + body: (401, problem),
            HEAD + b"webhook-id: \xff\x80\r\nContent-Length: 2\r\n\r\n{}": (401, problem),
            HEAD + chunked(large): (413, problem),
            HEAD + f"Content-Length: {len(large)}\r\n\r\n".encode() + large: (413, problem),
            HEAD + b"Content-Length: 99999999999\r\n\r\n": (413, problem),
            HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n": (400, problem),
            signed + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab": (400, problem),
            HEAD + b"Content-Length: -1\r\n\r\n": (400, problem),
        }
        for request, answer in expected.items():
            assert talk(house.port, request) == answer, request[:400]
