"""Parsing of a request: stricter than waitress about framing, with a body that is freed as it is read."""

import io
from collections import deque
from typing import Any

from waitress.parser import HTTPRequestParser
from waitress.utilities import BadRequest

from sidecar.serving.surfaces import Place, find_place

_CHUNKED_BYTES = 4096  # at a time, so that chunks of one byte cost no more than they have to
_OVERHEAD = 4096  # bytes of chunk headers beyond the body itself
_CONTROL_BYTES = 8192  # of a chunk's header or the trailer, which waitress copies with each piece
_PIECE_BYTES = 65_536


class Body(io.RawIOBase):
    """The received bytes of a body. Reading frees them, so that a body is never in memory twice."""

    def __init__(self) -> None:
        self._pieces: deque[bytearray] = deque()
        self._length = 0

    def append(self, piece: bytes) -> None:
        """Merge small pieces: an object for each would take many times the memory of its bytes."""
        if self._pieces and len(self._pieces[-1]) + len(piece) <= _PIECE_BYTES:
            self._pieces[-1] += piece
        else:
            self._pieces.append(bytearray(piece))
        self._length += len(piece)

    def __len__(self) -> int:
        return self._length

    def __bool__(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer`, and free what was copied."""
        room = memoryview(buffer).cast("B")
        done = 0
        while done < len(room) and self._pieces:
            piece = self._pieces.popleft()
            part = piece[: len(room) - done]
            room[done : done + len(part)] = part
            done += len(part)
            if len(part) < len(piece):
                self._pieces.appendleft(piece[len(part) :])
        return done

    def getfile(self) -> "Body":
        return self

    def close(self) -> None:
        self._pieces.clear()
        super().close()


class Request(HTTPRequestParser):  # type: ignore[misc]
    """A request, its place, and how large its body may be (`most`), as far as known."""

    place: Place | None = None
    most = 0
    refused = False
    """Whether its body was too large and was not read: the app answers 413."""
    _wire = 0

    def received(self, data: bytes) -> int:
        """As waitress; a chunked body in small steps, and refused if it consists mostly of chunk headers."""
        if self.body_rcv is not None and self.chunked:
            used = 0
            while used < len(data) and not self.completed:
                used += self._chunk(data[used : used + _CHUNKED_BYTES])
            return used
        consumed: int = self._head_or_body(data)
        return consumed

    def _head_or_body(self, data: bytes) -> int:
        try:
            return int(super().received(data))
        except (ValueError, RecursionError):  # a Content-Length of thousands of digits
            self._broken("the request cannot be read")
            return len(data)

    def _chunk(self, data: bytes) -> int:
        used = int(super().received(data))
        self._wire += used
        if self._wire > 2 * self.body_bytes + _OVERHEAD and not self.completed:
            self._broken("the body consists of hardly anything but the headers of its chunks")
        elif max(len(self.body_rcv.control_line), len(self.body_rcv.trailer)) > _CONTROL_BYTES:
            self._broken("a chunk has too long a header, or the body too long an end")
        return used

    def parse_header(self, header_plus: bytes) -> None:
        """As waitress (raises ParsingError), but refuses what proxies may parse differently (request smuggling)."""
        super().parse_header(header_plus)
        if self.version not in ("1.0", "1.1"):
            self._broken("the version of HTTP is not one that is spoken here")
        elif b"\r\n " in header_plus or b"\r\n\t" in header_plus:
            self._broken("a header goes on in the next line")
        elif (self.chunked and "CONTENT_LENGTH" in self.headers) or "TRANSFER_ENCODING" in self.headers:
            self._broken("the body has two lengths")
        if self.body_rcv is not None:
            self.body_rcv.buf = Body()
        self.place = find_place("/" + self.path.lstrip("/"))
        self.most = self.place.free

    def _broken(self, why: str) -> None:
        self.error = BadRequest(why)
        self.completed = self.headers_finished = True

    @property
    def body_bytes(self) -> int:
        """Bytes of the body received so far."""
        return 0 if self.body_rcv is None else len(self.body_rcv.getbuf())

    @property
    def has_body(self) -> bool:
        return bool(self.content_length > 0 or self.chunked)

    @property
    def wants(self) -> int:
        """Bytes of the body: announced, or received if that is more."""
        return max(int(self.content_length), self.body_bytes)

    def give_up(self) -> None:
        """Stop reading; the app answers without the body, and the connection closes."""
        self.refused = self.completed = True
        self.headers["CONTENT_LENGTH"] = str(max(self.wants, self.most + 1))
        self.headers["CONNECTION"] = "close"
        self.expect_continue = False
        if self.body_rcv is not None:
            self.body_rcv.getbuf().close()
            self.body_rcv.buf = Body()
