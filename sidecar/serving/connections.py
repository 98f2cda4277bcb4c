"""A connection: one request at a time, its body permitted before it is read, its answer sent by the loop."""

import gc
import socket
import sys
import time
from contextlib import suppress
from typing import Any

import structlog
from waitress.channel import HTTPChannel

from plugin.errors import redact_error
from sidecar.serving import admission
from sidecar.serving.answers import AppAnswer, CutOff, ErrorAnswer, Overloaded, StoreUnavailable, TooSlow
from sidecar.serving.body_memory import BodyMemory
from sidecar.serving.loop import Loop
from sidecar.serving.pools import trim_memory
from sidecar.serving.requests import Request

log = structlog.get_logger()
_LINGER_SECONDS = 3.0
_LINGER_BYTES = 64 << 20
_TRIM_BYTES = 1 << 20


class Connection(HTTPChannel):  # type: ignore[misc]
    """Runs in the loop, but for `do`, which a thread of a pool runs."""

    parser_class, task_class, error_task_class = Request, AppAnswer, ErrorAnswer
    server: Loop
    request: Request | None
    requests: list[Request]
    close_when_flushed: bool
    total_outbufs_len: int

    def __init__(self, server: Loop, sock: socket.socket, addr: Any, adj: Any, map: Any = None) -> None:  # noqa: A002 - waitress calls it so
        super().__init__(server, sock, addr, adj, map=map)
        self.network = admission.find_network(str(addr[0]), "", server.proxies)
        self.visit = ""
        self.began = time.monotonic()
        """Start of the present phase (monotonic): waiting for a request, receiving it, or sending the answer."""
        self.asked = self.working = self.paused = False
        self.room: BodyMemory | None = None
        """Where its body counts, from permission to answer."""
        self.unread = False
        """Whether it is answered before its request was read to the end."""
        self.lingers_until = 0.0
        self.lingered = self.answered = 0
        self.mark = (self.began, 0)
        """When progress was last measured, and the bytes received by then."""

    @property
    def body_bytes(self) -> int:
        """Bytes of the body received so far."""
        return 0 if self.request is None else self.request.body_bytes

    @property
    def reading(self) -> bool:
        """Whether it is receiving a permitted body."""
        return self.room is not None and self.request is not None

    def readable(self) -> bool:
        if self.lingers_until:
            return True
        if not super().readable() or self.asked or self.working or not self.connected:
            return False
        room = self.room if self.reading else None
        self.paused = room is not None and not room.may_read(self)
        return not self.paused

    def handle_read(self) -> None:
        if self.lingers_until:
            self._linger()
            return
        try:
            data = self.recv_some()
        except OSError:
            self.handle_close()
            return
        if data:
            self.received(data)
        elif data is not None:
            self._ended()

    def recv_some(self) -> bytes | None:
        """Received bytes; b"" at the end of the stream, None where there are none yet."""
        try:
            return self.socket.recv(self.adj.recv_bytes)  # type: ignore[no-any-return]
        except BlockingIOError:
            return None

    def received(self, data: bytes) -> bool:
        """Parse received bytes. Pipelined requests are dropped: the connection closes after the first answer."""
        if self.request is None:
            data = data.lstrip(b"\r\n")
            if not data:
                return False
            self.request = Request(self.adj)
            self._phase()
        request = self.request
        while data and not request.completed:
            data = data[request.received(data) :]
            if request.headers_finished:
                self._judge(request)
        if request.completed and not self.asked and self.request is request:
            if data:
                request.headers["CONNECTION"] = "close"
            self._whole(request)
        return True

    def _judge(self, request: Request) -> None:
        """Check the body against the limits of its place; ask who sends it where that matters."""
        place = request.place
        if request.error or place is None:
            return
        if request.wants > place.most:
            request.give_up()
        elif request.wants > request.most and not self.asked:
            self.asked = True
            self._identify(request)
            question = AdmissionCheck(self, request)
            if not self.server.pools.add(place.surface, question):
                question.give_way()
        elif self.room is not None:
            self.room.take(self, request.body_bytes)
        if request.expect_continue and not self.asked and not request.completed:
            self.send_continue()

    def _identify(self, request: Request) -> None:
        proxies = self.server.proxies
        forwarded = request.headers.get("X_FORWARDED_FOR", "")
        self.network = admission.find_network(str(self.addr[0]), forwarded, proxies)

    def permit(self, request: Request, visit: str | None, why: Any) -> None:
        """The result of `AdmissionCheck`: a visit ("" for none), None for nobody, or `why` the store could not say."""
        if self.request is not request or not self.connected:
            return
        self.asked = False
        if why is not None:
            self._fail(why)
            return
        if visit is not None and request.place is not None:
            self.visit = visit
            self.room, request.most = self.server.room(request.place), request.place.most
            self._phase()
            self.room.take(self, request.body_bytes)
            if request.expect_continue and not request.completed:
                self.send_continue()
        else:
            request.give_up()
        if request.completed:
            self._whole(request)

    def _whole(self, request: Request) -> None:
        """Pass the whole request to a thread of its surface."""
        self.request = None
        self.requests = [request]
        self.working, self.sent_continue = True, False
        place = request.place
        self.unread = bool(request.refused or request.error)
        if request.error or place is None:
            self.do()
            return
        surface = place.surface if self.room is None else place.with_body().surface
        if self.room is None:
            self._identify(request)
        if not self.server.pools.add(surface, self):
            self.give_way()

    def _fail(self, why: Any) -> None:
        """Answer with an error, and close."""
        if self.request is not None:
            self.request.error, self.request.completed = why, True
            self._whole(self.request)
        else:
            self.will_close = True

    def cut(self, why: Any = TooSlow) -> None:
        """Close it; with an error response if a request has begun."""
        if self.request is not None and self.request.headers_finished and not self.working:
            self.asked = False
            self._fail(why)
        else:
            self.will_close = True

    def _ended(self) -> None:
        """The sender closed its side."""
        if self.request is not None and self.request.headers_finished:
            self._fail(CutOff)
        else:
            self.handle_close()

    def do(self) -> None:
        """Answer the request; in a thread of a pool."""
        request = self.requests[0]
        large = request.body_bytes > _TRIM_BYTES
        try:
            self.service()
        finally:
            request.close()
            if large:
                gc.collect()
                trim_memory()
            self.server.later(self.done)

    def give_way(self) -> None:
        """It loses its place in the queue: answer 503."""
        self.requests[0].error = Overloaded
        self.do()

    def done(self) -> None:
        """Back in the loop: the answer is being sent."""
        self._leave_room()
        self.working = False
        self.visit, self.answered = "", self.total_outbufs_len
        self._phase()

    def _leave_room(self) -> None:
        if self.room is not None:
            self.room.leave(self)
        self.room = None

    def _phase(self) -> None:
        self.began = time.monotonic()
        self.mark = (self.began, self.body_bytes)

    def handle_write(self) -> None:
        """Send; if the answer came before the end of the request, let the sender read it before closing."""
        if not (self.unread and self.close_when_flushed):
            super().handle_write()
            return
        self._flush_exception(self._flush_some)
        if self.will_close:
            self.handle_close()
        elif self.connected and not self.total_outbufs_len:  # sending may have ended it
            self.close_when_flushed = False
            self.lingers_until = time.monotonic() + _LINGER_SECONDS
            with suppress(OSError):
                self.socket.shutdown(socket.SHUT_WR)

    def handle_close(self) -> None:
        """Close. A body that a thread still works on counts until it is done."""
        if not self.working:
            self._leave_room()
        super().handle_close()

    def handle_expt_event(self) -> None:
        """Urgent data has no meaning here, and would wake the loop in every round."""
        self.handle_close()

    def _linger(self) -> None:
        """Discard what still arrives: closing a socket with unread bytes resets it, and the answer is lost."""
        try:
            data = self.recv_some()
        except OSError:
            data = b""
        self.lingered += len(data or b"")
        if data == b"" or self.lingered > _LINGER_BYTES:
            self.handle_close()

    def handle_error(self) -> None:
        """An error ends this connection only."""
        log.error("connection failed", error=getattr(sys.exc_info()[0], "__name__", ""))
        self.handle_close()


class AdmissionCheck:
    """Whether the sender of this request is authenticated; a thread asks, the loop gets the result."""

    visit = ""

    def __init__(self, connection: Connection, request: Request) -> None:
        self._connection, self._request = connection, request
        self.network = connection.network

    def give_way(self) -> None:
        """It loses its place in the queue: refused as overloaded."""
        self._connection.permit(self._request, None, Overloaded)

    def do(self) -> None:
        """Ask the store."""
        visit, why = None, None
        try:
            visit = self._connection.server.visit_of(AppAnswer(self._connection, self._request).get_environment())
        except Exception as error:  # whatever keeps the store from answering
            log.error("nobody can be known now", error=type(error).__name__, said=redact_error(error))  # noqa: TRY400
            why = StoreUnavailable
        self._connection.server.later(lambda: self._connection.permit(self._request, visit, why))
