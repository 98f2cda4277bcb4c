"""What one request may cost before it is answered: memory and time, however its body is cut into pieces."""

import threading
import tracemalloc
from collections.abc import Callable, Iterator

import pytest
from waitress.adjustments import Adjustments
from waitress.utilities import BadRequest

from sidecar.serving.listener import is_read_too_slowly
from sidecar.serving.pools import Pool
from sidecar.serving.requests import Body, Request
from sidecar.serving.surfaces import Budget

FORM = b"POST /s/form HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


def permitted() -> Request:
    """A request in chunks whose headers have come, and whose body may."""
    request = Request(Adjustments())
    request.received(FORM)
    request.most = 1 << 30
    return request


def send(request: Request, data: bytes) -> None:
    """What a socket brings, until it is read or refused."""
    while data and not request.completed:
        data = data[request.received(data) :]


@pytest.fixture
def traced() -> Iterator[None]:
    """Memory is counted."""
    tracemalloc.start()
    yield
    tracemalloc.stop()


@pytest.mark.usefixtures("traced")
def test_a_body_takes_the_memory_of_its_bytes() -> None:
    """In chunks of five bytes, or in pieces of two: hardly more than it is long; and it is whole."""
    request, length = permitted(), 300_000
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(length // 5000):
        send(request, b"5\r\nabcde\r\n" * 1000)
    assert request.body_bytes == length
    assert tracemalloc.get_traced_memory()[0] - before < 1.25 * length + 200_000
    send(request, b"0\r\n\r\n")
    assert request.get_body_stream().read() == b"abcde" * (length // 5)

    body, before = Body(), tracemalloc.get_traced_memory()[0]
    for number in range(length // 2):
        body.append(number.to_bytes(2) if number < 1 << 16 else b"%02d" % (number % 100))
    assert tracemalloc.get_traced_memory()[0] - before < 1.25 * length + 200_000


@pytest.mark.usefixtures("traced")
def test_reading_a_body_frees_it() -> None:
    """While it is copied by who parses it, it is not there twice."""
    before, body = tracemalloc.get_traced_memory()[0], Body()
    for _ in range(10):
        body.append(b"x" * 100_000)
    kept = bytearray()
    while piece := body.read(30_000):
        kept += piece
        assert tracemalloc.get_traced_memory()[0] - before < 1_500_000
    assert len(kept) == len(body) == 1_000_000


@pytest.mark.parametrize("ending", [b"1;", b"0\r\nX: "])
def test_what_is_no_body_has_an_end(ending: bytes) -> None:
    """The line before a chunk, and what follows the last, are refused once they are long, whatever came before."""
    request = permitted()
    send(request, b"%x\r\n" % 1_000_000 + b"x" * 1_000_000 + b"\r\n" + ending)
    assert request.error is None
    send(request, b"a" * 32_768)
    assert isinstance(request.error, BadRequest)


class Work:
    """Something of a visit that is to be done."""

    def __init__(self, act: Callable[["Work"], None], visit: str = "", network: str = "") -> None:
        self._act, self.visit, self.network = act, visit, network
        self.done = threading.Event()
        self.left = False

    def give_way(self) -> None:
        self.left = True

    def do(self) -> None:
        self.done.set()
        self._act(self)


def _fail(error: BaseException) -> Callable[[Work], None]:
    def act(_: Work) -> None:
        raise error

    return act


def _begin_anew(work: Work) -> None:
    work.visit = ""  # the connection is free, and waits for its next request


@pytest.fixture
def pool() -> Iterator[Pool]:
    """One thread."""
    found = Pool("test", Budget(threads=1, waiting=10, held=0))
    yield found
    found.stop()


@pytest.mark.parametrize(
    "act", [_begin_anew, _fail(RuntimeError()), _fail(MemoryError()), _fail(SystemExit()), _fail(KeyboardInterrupt())]
)
def test_a_visit_is_free_after_what_was_done_of_it(pool: Pool, act: Callable[[Work], None]) -> None:
    """However it ended, the next of the same visit has its turn, and the thread is there."""
    for work in (Work(act, "visit"), Work(act, "visit"), Work(act, "visit")):
        assert pool.add(work)
        assert work.done.wait(10)


def _wait(event: threading.Event) -> None:
    assert event.wait(10)


def test_who_has_most_in_a_full_queue_gives_way(pool: Pool) -> None:
    """Somebody else is taken in, whatever one network or one visit sends; of equals the newest is refused."""
    busy = threading.Event()
    first = Work(lambda _: _wait(busy))
    pool.add(first)
    assert first.done.wait(10)
    of_visit = [Work(_begin_anew, "visit", str(number)) for number in range(9)]
    assert [pool.add(work) for work in of_visit] == [True] * 8 + [False]
    many = [Work(_begin_anew, network="many") for _ in range(3)]
    assert [pool.add(work) for work in many] == [True, True, False]
    one = Work(_begin_anew, network="one")
    assert pool.add(one)
    assert [work.left for work in many] == [False, True, False]
    assert not pool.add(Work(_begin_anew, network="another"))
    busy.set()
    assert one.done.wait(10)
    assert many[0].done.wait(10)


def test_a_large_answer_has_the_time_that_it_takes() -> None:
    """60 MB at a megabyte a second are taken to their end; who takes nothing, or hardly anything, has 20 seconds."""
    assert not any(is_read_too_slowly(seconds, 1_000_000 * seconds) for seconds in range(61))
    assert not is_read_too_slowly(20, 0)
    assert is_read_too_slowly(21, 0)
    assert is_read_too_slowly(60, 1_000_000)
