"""The event loop: accepts, reads, sends, and closes what takes too long; nothing in it blocks."""

import resource
import socket
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import structlog
from flask import Flask
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer

from plugin.config import Config
from plugin.errors import ConfigError
from plugin.flows.common.services import Services
from sidecar.running import loops, shutdown
from sidecar.serving import admission
from sidecar.serving.body_memory import BodyMemory
from sidecar.serving.connections import Connection
from sidecar.serving.pools import Pools
from sidecar.serving.surfaces import Place, Surface

log = structlog.get_logger()

MAX_CONNECTIONS = 400
"""When all are taken, the idle ones that are oldest are closed."""
_CLOSED_AT_ONCE = 40  # connections: choosing them costs more than closing them

_HEADER_BYTES = 32_768
_NEVER_ON_DISK = 1 << 40  # bytes: from here on waitress would write to a temporary file
_ACCEPTED_AT_ONCE = 32  # connections accepted before anything else is done
_REQUEST_SECONDS = 20.0  # for a request without a permitted body, or the start of one with it
_IDLE_SECONDS = 15.0
_MIN_RATE = 32_000  # bytes a second, of a body that was permitted, and of an answer that is taken
_PRESSED_RATE = 64_000  # the same where others wait for room
_PRESSED_SECONDS = 5.0
_UNSENT_BYTES = 64 << 20  # of all answers that wait to be taken


class Listener(TcpWSGIServer):  # type: ignore[misc]
    """Listens on one address until `stop`."""

    channel_class = Connection
    active_channels: dict[int, Connection]

    def __init__(self, app: Flask, config: Config, services: Services) -> None:
        self.proxies = config.server.proxies
        self.pools = Pools()
        self._app, self._services = app, services
        self._rooms = {surface: BodyMemory(surface) for surface in Surface}
        self._stops = 0.0
        self._acts: deque[Callable[[], None]] = deque()
        self._pause = loops.Backoff(0.01, 1.0)
        self.tends: list[Callable[[], object]] = []
        """Called each second."""
        self._looked = time.monotonic()
        bound = _bind(config)
        about = (bound.family, bound.type, bound.proto, bound.getsockname())
        own = {"dispatcher": self.pools, "adj": _make_adjustments(), "bind_socket": False}
        super().__init__(_log_app_errors(app), **own, _sock=bound, sockinfo=about)

    def visit_of(self, environ: dict[str, Any]) -> str | None:
        """Who sends this request, as `admission.find_visit` says."""
        return admission.find_visit(self._app, self._services, environ)

    def room(self, place: Place) -> BodyMemory:
        """Where bodies for this place count."""
        return self._rooms[place.with_body().surface]

    def later(self, act: Callable[[], None]) -> None:
        """Run `act` in the loop. Thread-safe."""
        self._acts.append(act)
        self.pull_trigger()

    def run(self) -> None:
        """Serve until `stop`; requests that run then have some seconds to finish."""
        while not self._stops:
            self._once(1.0)
        self.accepting = False
        self.del_channel()
        self.socket.close()
        while time.monotonic() < self._stops and self._busy():
            self._once(0.05)
            self._look_after(time.monotonic())
        ended = self.pools.stop(max(0.0, self._stops - time.monotonic()))
        for one in list(self.active_channels.values()):
            one.handle_close()
        if ended:  # else a thread may pull the trigger yet, whose number is soon another file's
            wasyncore.close_all(self._map)

    def _once(self, seconds: float) -> None:
        """One round of the loop. Survives every error."""
        try:
            wasyncore.poll2(seconds, self._map)
            while self._acts:  # not by the trigger: it holds a lock while what is done here may pull it again
                self._acts.popleft()()
            self._pause.reset()
        except BaseException as error:  # signals raise nothing here: they are heard by a thread
            loops.log_error("server", error)
            self._drop_broken()
            time.sleep(self._pause.next())

    def _drop_broken(self) -> None:
        """Close connections that raise when polled: they would fail every round."""
        for one in list(self.active_channels.values()):
            try:
                one.readable()
                one.writable()
            except BaseException:
                self._drop(one)

    def _drop(self, one: Connection) -> None:
        with suppress(Exception):
            one.handle_close()
        for known in (self._map, self.active_channels):
            for key in [key for key, value in known.items() if value is one]:
                del known[key]

    def stop(self) -> None:
        """Let `run` end soon; the second call ends it at once. Thread-safe."""
        self._stops = time.monotonic() + (0.0 if self._stops else shutdown.GRACE_SECONDS)
        with suppress(OSError):  # it has ended
            self.pull_trigger()

    def _busy(self) -> bool:
        return any(one.working or one.total_outbufs_len for one in self.active_channels.values())

    def readable(self) -> bool:
        now = time.monotonic()
        if now - self._looked >= 1.0:
            self._look_after(now)
        return bool(self.accepting)

    def handle_accept(self) -> None:
        """Accept connections; where all places are taken, close idle ones, so that no new one is refused."""
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                taken = self.accept()
            except OSError:
                self._give_way()
                return
            if taken is None:
                return
            if len(self.active_channels) >= MAX_CONNECTIONS:
                self._give_way()
            line, address = taken
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            Connection(self, line, address, self.adj, map=self._map)

    def _give_way(self) -> None:
        """Close idle connections: first those of the network that has the most, the oldest first."""
        waiting = [one for one in self.active_channels.values() if not one.working and not one.asked]
        if not waiting:
            return
        many = Counter(one.network for one in waiting)
        waiting.sort(key=lambda one: (one.reading, -many[one.network], one.began))
        for one in waiting[: min(_CLOSED_AT_ONCE, len(waiting) // 2 + 1)]:
            one.handle_close()

    def _look_after(self, now: float) -> None:
        """Once a second: close what takes too long, and run `tends`."""
        passed, self._looked = now - self._looked, now
        every = list(self.active_channels.values())
        for one in every:
            try:
                self._look_at(one, now, passed)
            except Exception as error:
                loops.log_error("server", error)
                self._drop(one)
        for room in self._rooms.values():
            room.short = False
        self._drop_unsent(every)
        self.pools.mend()
        for act in self.tends:
            act()

    def _look_at(self, one: Connection, now: float, passed: float) -> None:
        if one.paused and one.reading:
            one.began += passed
            one.mark = (now, one.body_bytes)
        elif self._is_late(one, now):
            one.cut()

    def _is_late(self, one: Connection, now: float) -> bool:
        age = now - one.began
        if one.lingers_until:
            return now > one.lingers_until
        if one.working or one.asked:
            return False
        if one.total_outbufs_len:
            return is_read_too_slowly(age, one.answered - one.total_outbufs_len)
        if one.reading and one.request is not None:
            return age > _REQUEST_SECONDS + one.request.wants / _MIN_RATE or self._is_in_the_way(one, now)
        return age > (_IDLE_SECONDS if one.request is None else _REQUEST_SECONDS)

    def _is_in_the_way(self, one: Connection, now: float) -> bool:
        """Whether it sends slowly while others wait for memory."""
        since, before = one.mark
        if now - since < _PRESSED_SECONDS:
            return False
        one.mark = (now, one.body_bytes)
        pressed = one.room is not None and one.room.short
        return pressed and one.body_bytes - before < _PRESSED_RATE * (now - since)

    def _drop_unsent(self, every: Iterable[Connection]) -> None:
        """Limit the memory of unsent answers: close those of the network that has the most."""
        slow = [one for one in every if one.total_outbufs_len]
        total = sum(one.total_outbufs_len for one in slow)
        many = Counter(one.network for one in slow)
        slow.sort(key=lambda one: (-many[one.network], one.began))
        for one in slow:
            if total <= _UNSENT_BYTES:
                return
            total -= one.total_outbufs_len
            one.will_close = True

    def handle_error(self) -> None:
        """A connection that could not be accepted is lost; the loop goes on."""
        log.error("a connection could not be taken in")


def _make_adjustments() -> Adjustments:
    in_memory = ("max_request_body_size", "inbuf_overflow", "outbuf_overflow", "outbuf_high_watermark")
    limits = dict.fromkeys(in_memory, _NEVER_ON_DISK) | {"max_request_header_size": _HEADER_BYTES}
    own = {"clear_untrusted_proxy_headers": False, "log_socket_errors": False, "ident": None}
    return Adjustments(host="127.0.0.1", port=1, recv_bytes=65_536, **limits, **own)


def is_read_too_slowly(seconds: float, taken: int) -> bool:
    """Whether the client read fewer bytes of an answer than the minimal rate asks for in this time."""
    return taken < _MIN_RATE * (seconds - _REQUEST_SECONDS)


def _bind(config: Config) -> socket.socket:
    """A listening socket. Raises ConfigError where the address is in use or unknown."""
    host, port = config.server.host, config.server.port
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        return socket.create_server(address[:2], family=family, backlog=1024)
    except OSError as error:
        why = f"cannot listen on {host} port {port} ({error.strerror})"
        raise ConfigError(f"server.host, server.port: {why}: is another program there already?") from error


def _log_app_errors(app: Flask) -> Callable[..., Iterable[bytes]]:
    """The app; an exception is logged by its class alone, and raised again."""

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        try:
            return app(environ, start_response)
        except Exception as error:
            loops.log_error("server", error)
            raise

    return answer


def raise_file_limit() -> None:
    """Raise the limit of open files to the hard limit: each connection is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
