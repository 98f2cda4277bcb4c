"""S4: no call goes to an address that was not allowed."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from plugin.errors import DamError
from plugin.hooks.resourcespace.api.answers import expect_bool
from plugin.hooks.resourcespace.api.client import Client
from plugin.hooks.resourcespace.previews import fetch_preview
from tests.doubles.resourcespace_house import configuration

Promise = Callable[[str, str], None]


class _Trap:
    """A server that must never be called; where told to, one that answers with a redirect."""

    def __init__(self, to: str = "") -> None:
        self.reached = 0
        trap = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                trap.reached += 1
                self.send_response(302 if to else 200)
                self.send_header("Location", to)
                self.send_header("Content-Type", "image/jpeg")
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_POST = do_GET  # noqa: N815 - the library's name

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])


@contextmanager
def _standing(trap: _Trap) -> Iterator[_Trap]:
    thread = threading.Thread(target=trap.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield trap
    trap.server.shutdown()
    trap.server.server_close()
    thread.join()


def _hosts(port: int, own: int) -> list[str]:
    """Ways to write an address that is not ours; each would reach the trap, or a machine that is none of ours."""
    loopback = [
        "127.0.0.1",
        "127.1",
        "0.0.0.0",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "127.0.0.1.",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:ffff:7f00:1]",
        "127.0.0.1%00.example",
        "127。0。0。1",
        "①②⑦.0.0.1",
        "spoofed.example",
        "127.0.0.2",
        "127.255.255.254",
    ]
    elsewhere = [
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "[fe80::1]",
        "[fd00::1]",
        "metadata.google.internal",
        "224.0.0.1",
        "255.255.255.255",
        "198.18.0.1",
    ]
    return [f"{host}:{port}" for host in loopback] + elsewhere + [f"{host}:{own}" for host in elsewhere]


def _targets(port: int, own: int) -> list[str]:
    """Every address as the DAM might give it, with tricks that parsers read differently."""
    tricks = [
        f"http://127.0.0.1:{own}@127.0.0.1:{port}/x.jpg",
        f"http://a:b@127.0.0.1:{own}/x.jpg",
        f"http://127.0.0.1:{own}\\@127.0.0.1:{port}/x.jpg",
        f"http://127.0.0.1:{port}#@127.0.0.1:{own}/x.jpg",
        f"http://127.0.0.1:{port}?@127.0.0.1:{own}/x.jpg",
        f"http://127.0.0.1:{port}\\.127.0.0.1:{own}/x.jpg",
        f"//127.0.0.1:{port}/x.jpg",
        f"http:\\\\127.0.0.1:{port}/x.jpg",
        f"http:127.0.0.1:{port}/x.jpg",
        f"https://127.0.0.1:{own}/x.jpg",
        f"https://127.0.0.1:{port}/x.jpg",
        f"HTTP://127.0.0.1:{port}/x.jpg",
        f"http://127.0.0.1:{own}\r\nHost: 127.0.0.1:{port}/x.jpg",
        f"http://127.0.0.1 :{port}/x.jpg",
        f"http://127.0.0.1:{own}\t@127.0.0.1:{port}/x.jpg",
        f"ftp://127.0.0.1:{own}/x.jpg",
        "file:///etc/passwd",
        f"gopher://127.0.0.1:{port}/x",
        f"http://127.0.0.1:0{port}/x.jpg",
        "http:///x.jpg",
        "/x.jpg",
        "",
        "data:image/jpeg;base64,AAAA",
        f"http://127.0.0.1:{port}:{own}/x.jpg",
        f"http://127.0.0.1.:{own}/x.jpg",
        f"http://[127.0.0.1]:{own}/x.jpg",
        f"http://localhost:{own}/x.jpg",
        "http://127.0.0.1/x.jpg",
        f"http://127.0.0.1:{own + 65536}/x.jpg",
        f"http://127.0.0.1:-1@:{port}/",
    ]
    return [f"http://{host}/filestore/1.jpg" for host in _hosts(port, own)] + tricks


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every name and address that somebody wanted to connect to, ours aside."""
    wanted: list[str] = []
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, *more: Any, **options: Any) -> Any:
        wanted.append(str(host))
        if host == "spoofed.example":  # a name that answers with our own machine
            host = "127.0.0.1"
        return real(host, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return wanted


@pytest.mark.promise
def test_only_the_configured_host_is_ever_called(
    promise: Promise, looked_up: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Private, link-local, mapped, decimal and octal addresses, redirects, proxies and names that change."""
    with _standing(_Trap()) as trap, _standing(_Trap(to="")) as own:
        with _standing(_Trap(to=f"http://127.0.0.1:{trap.port}/x.jpg")) as turning:
            targets = _targets(trap.port, own.port)
            client = Client(configuration(f"http://127.0.0.1:{own.port}", tries=1).resourcespace, "key")
            got_through = sum(_fetched(client, target) for target in targets)
            foreign = [host for host in looked_up if host != "127.0.0.1"]

            turned = Client(configuration(f"http://127.0.0.1:{turning.port}", tries=1).resourcespace, "key")
            got_through += _fetched(turned, f"http://127.0.0.1:{turning.port}/x.jpg")
            with pytest.raises(DamError, match="redirect"):
                turned.ask("checkperm", expect_bool, perm="a")
            for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
                monkeypatch.setenv(name, f"http://127.0.0.1:{trap.port}")
            _fetched(client, f"http://127.0.0.1:{own.port}/good.jpg")
            assert turning.reached == 2
        assert own.reached == 1, "the one good address is called, and nothing else of ours"
        reached = trap.reached + got_through + len(foreign)
    promise("S4", f"targets {len(targets) + 3}, reached {reached}")
    assert reached == 0
    assert len(targets) >= 60


def _fetched(client: Client, url: str) -> bool:
    try:
        fetch_preview(client, url, "jpg", 1 << 20)
    except DamError:
        return False
    return True
