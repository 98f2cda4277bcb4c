"""Senders who stop others if they can: a program of its own, so that the core on which it runs is not the server's.

`python -m tests.hostile_senders KIND PORT CORE FILE`: sends until it is ended. FILE holds a JSON object: `visits`
(cookies of visits), `token` (of the API), `picture` (a path). It prints a line when all of its connections are there.
"""

import json
import os
import selectors
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SURFACES = ("/s/form", "/console/", "/hooks/resourcespace", "/panel/resourcespace", "/api/v1/people", "/health")
FORM_BYTES = 60_000_000
PHOTOGRAPH_BYTES = 11_990_000


@dataclass
class Sender:
    """What one connection sends: a beginning, then pieces, one each `pause` seconds, for as long as it is let."""

    begin: bytes
    pieces: Callable[[], Iterator[bytes]] = field(default=lambda: iter(()))
    pause: float = 0.0
    reads: bool = True
    again: float = 0.2
    """Seconds after which another takes the place of one that was ended."""


class Connection:
    """One of them, alive or waiting to be."""

    def __init__(self, sender: Sender, port: int) -> None:
        self.sender, self.port = sender, port
        self.line: socket.socket | None = None
        self.next = 0.0
        self.began = False

    def open(self) -> None:
        """Connect and begin."""
        self.line, self.began = socket.socket(), True
        self.line.setblocking(False)
        self.line.connect_ex(("127.0.0.1", self.port))
        self.waiting, self.pieces = self.sender.begin, self.sender.pieces()
        self.next = 0.0

    def write(self, now: float) -> None:
        """Send what is due. Raises OSError where it was ended."""
        assert self.line is not None
        if not self.waiting:
            if now < self.next:
                return
            self.waiting = next(self.pieces, b"")
            self.next = now + (self.sender.pause if self.waiting else 3600.0)
        if self.waiting:
            self.waiting = self.waiting[self.line.send(self.waiting) :]

    def read(self) -> None:
        """Take the answer. Raises OSError where it was ended."""
        assert self.line is not None
        if self.sender.reads and not self.line.recv(65536):
            raise ConnectionResetError

    def close(self, now: float) -> None:
        """It was ended: another comes in its place."""
        if self.line is not None:
            self.line.close()
        self.line, self.next = None, now + self.sender.again


def _head(method: str, path: str, *lines: str) -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: x", *lines, "", ""]).encode()


def _network(number: int) -> str:
    return f"X-Forwarded-For: 198.51.{number // 250}.{number % 250}"


def _drip(piece: bytes = b"x") -> Iterator[bytes]:
    while True:
        yield piece


def _endless_chunks() -> Iterator[bytes]:
    yield from _drip(b"10000\r\n" + b"x" * 65536 + b"\r\n")


def multipart(fields: Mapping[str, str], name: str, photographs: Sequence[bytes]) -> tuple[bytes, str]:
    """The body of a form, and its content type."""
    parts = [f'name="{key}"\r\n\r\n{value}\r\n'.encode() for key, value in fields.items()]
    parts += [
        f'name="{name}"; filename="{n}.jpg"\r\n\r\n'.encode() + body + b"\r\n" for n, body in enumerate(photographs)
    ]
    lined = b"".join(b"--sample\r\nContent-Disposition: form-data; " + part for part in parts)
    return lined + b"--sample--\r\n", "multipart/form-data; boundary=sample"


def as_large(jpeg: bytes, length: int) -> bytes:
    """The same picture in a file of about so many bytes: comments come before it."""
    one = b"\xff\xfe\xff\xff" + b"c" * 65_533
    return jpeg[:2] + one * ((length - len(jpeg)) // len(one)) + jpeg[2:]


def slow_headers(_about: dict[str, Any]) -> list[Sender]:
    """Requests whose headers never end."""
    return [Sender(b"GET /health HTTP/1.1\r\nX-Long: ", _drip, 3.0) for _ in range(300)]


def slow_bodies(_about: dict[str, Any]) -> list[Sender]:
    """Small bodies, on each surface, a byte each three seconds; no visit is needed."""
    return [
        Sender(_head("POST", path, "Content-Length: 9000", _network(n)), _drip, 3.0)
        for n in range(40)
        for path in SURFACES
    ]


def slow_visits(about: dict[str, Any]) -> list[Sender]:
    """Forms with photographs, in visits, of which little ever comes."""
    return [
        Sender(
            _head("POST", "/s/form", f"Cookie: {cookie}", f"Content-Length: {FORM_BYTES}", _network(n)),
            lambda: _drip(b"x" * 2000),
            1.0,
        )
        for n, cookie in enumerate(about["visits"])
    ]


def slow_chunks(about: dict[str, Any]) -> list[Sender]:
    """Bodies in chunks of a byte, on each surface."""
    return [
        Sender(_head("POST", path, "Transfer-Encoding: chunked", _network(n)), lambda: _drip(b"1\r\nx\r\n"), 0.5)
        for n in range(20)
        for path in SURFACES
    ]


def slow_readers(_about: dict[str, Any]) -> list[Sender]:
    """Many requests on each connection, and nobody who takes the answers."""
    return [Sender(_head("GET", "/static/facelease.css") * 60, reads=False) for _ in range(200)]


def huge(about: dict[str, Any]) -> list[Sender]:
    """10 GB on each surface, with and without somebody who is known; sent as fast as they are taken."""
    known = [f"Cookie: {about['visits'][0]}", f"Authorization: Bearer {about['token']}"]
    return [
        Sender(_head("POST", path, f"Content-Length: {10**10}", *lines), lambda: _drip(b"x" * 65536))
        for path in SURFACES
        for lines in ([], known)
    ]


def endless(about: dict[str, Any]) -> list[Sender]:
    """Bodies in chunks that never end."""
    known = [f"Cookie: {about['visits'][0]}", f"Authorization: Bearer {about['token']}"]
    return [
        Sender(_head("POST", path, "Transfer-Encoding: chunked", *lines), _endless_chunks)
        for path in SURFACES
        for lines in ([], known)
    ]


def forms(about: dict[str, Any]) -> list[Sender]:
    """Eight forms of 60 MB at once, each with all that a form needs and five photographs that serve."""
    photographs = [as_large(Path(about["portrait"]).read_bytes(), PHOTOGRAPH_BYTES)] * 5
    return [_form(about, number, photographs) for number in range(8)]


def _form(about: dict[str, Any], number: int, photographs: Sequence[bytes]) -> Sender:
    name = f"Sender {number}"
    fields = {
        "csrf_token": about["csrf"],
        "nonce": os.urandom(16).hex(),
        "choice": "communication:website",
        "recognition": "yes",
        "name": name,
        "of_age": "yes",
        "typed": name,
    }
    body, kind = multipart(fields, "photographs", photographs)
    lines = (f"Cookie: {about['visits'][number]}", f"Content-Type: {kind}", f"Content-Length: {len(body)}")
    return Sender(_head("POST", "/s/form", _network(number), *lines), lambda: iter((body,)), again=600)


def bombs(about: dict[str, Any]) -> list[Sender]:
    """Pictures that take long to decode, in eight visits, sent anew as soon as one was answered."""
    return [_photograph(about, visit, number, 0.05) for number, visit in enumerate(about["visits"][:8])]


def queue(about: dict[str, Any]) -> list[Sender]:
    """More of them, of one visit and one network, than may wait for their turn; and who asks whether they may."""
    many = [_photograph(about, about["visits"][8], 8, 1.0) for _ in range(310)]
    lines = ("Content-Length: 100000", f"Cookie: facelease_sign={'A' * 43}", _network(8))
    return many + [Sender(_head("POST", "/s/photo", *lines), again=0.05) for _ in range(20)]


def _photograph(about: dict[str, Any], visit: str, number: int, again: float) -> Sender:
    body, kind = multipart({}, "photograph", [Path(about["picture"]).read_bytes()])
    lines = (f"Cookie: {visit}", f"X-CSRFToken: {about['csrf']}", f"Content-Length: {len(body)}")
    return Sender(_head("POST", "/s/photo", _network(number), f"Content-Type: {kind}", *lines) + body, again=again)


def small_chunks(about: dict[str, Any]) -> list[Sender]:
    """Bodies of visits in chunks of five bytes, and one chunk whose header never ends."""
    lines = ("Transfer-Encoding: chunked",)
    small = [
        Sender(
            _head("POST", "/s/form", f"Cookie: {visit}", _network(n), *lines), lambda: _drip(b"5\r\nabcde\r\n" * 6000)
        )
        for n, visit in enumerate(about["visits"][:2])
    ]
    begin = _head("POST", "/s/form", f"Cookie: {about['visits'][2]}", _network(2), *lines)
    begin += b"989680\r\n" + b"x" * 10_000_000 + b"\r\n1;"
    return [*small, Sender(begin, lambda: _drip(b"a" * 65_536))]


def crowd(_about: dict[str, Any]) -> list[Sender]:
    """More connections than there is room for, which ask nothing."""
    return [Sender(b"", again=1.0) for _ in range(900)]


def pipelined(_about: dict[str, Any]) -> list[Sender]:
    """One request behind the other, without waiting for answers."""
    return [
        Sender(_head("GET", path) * 200, again=0.1)
        for path in ("/health", "/static/sign.js", "/s/form", "/api/v1/people")
        for _ in range(3)
    ]


KINDS = (
    slow_headers,
    slow_bodies,
    slow_visits,
    slow_chunks,
    slow_readers,
    huge,
    endless,
    small_chunks,
    forms,
    bombs,
    queue,
    crowd,
    pipelined,
)


def run(senders: list[Sender], port: int) -> None:
    """Send until ended."""
    every = [Connection(sender, port) for sender in senders]
    said = False
    while True:
        with selectors.DefaultSelector() as lines:
            now = time.monotonic()
            for one in every:
                if one.line is None and now >= one.next:
                    one.open()
                if one.line is not None:
                    due = bool(one.waiting) or now >= one.next
                    events = (selectors.EVENT_READ if one.sender.reads else 0) | (selectors.EVENT_WRITE if due else 0)
                    if events:
                        lines.register(one.line, events, one)
            for key, events in lines.select(0.05):
                _step(key.data, events, now)
        if not said and all(one.began for one in every):
            print("sending", flush=True)
            said = True


def _step(one: Connection, events: int, now: float) -> None:
    try:
        if events & selectors.EVENT_WRITE:
            one.write(now)
        if events & selectors.EVENT_READ:
            one.read()
    except BlockingIOError:
        return
    except OSError:
        one.close(now)


if __name__ == "__main__":
    _, wanted, where, core, about_path = sys.argv
    os.sched_setaffinity(0, {int(core)})
    kind = next(one for one in KINDS if one.__name__ == wanted)
    run(kind(json.loads(Path(about_path).read_text())), int(where))
