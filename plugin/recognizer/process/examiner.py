"""The recogniser's interface: photographs in, boxes and decisions out, from child processes.

A photograph that kills its child, or takes too long, fails alone; the next gets a new child.
"""

import stat
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

import numpy as np

from plugin.config import Config, MatchingSection, RecognizerSection
from plugin.confinement import wire
from plugin.errors import (
    EngineError,
    EnrolmentRefused,
    ExaminationFailed,
    FaceLeaseError,
    GalleryStale,
    PictureError,
    PictureTooLarge,
)
from plugin.recognizer.engines import registry
from plugin.recognizer.engines.card import EngineCard
from plugin.recognizer.engines.engine import Floats
from plugin.recognizer.engines.registry import EngineSource
from plugin.recognizer.examination.messages import (
    EXAMINATION_JSON,
    REQUEST_JSON,
    Enrolment,
    Examination,
    ExaminationRequest,
    ReferencePicture,
)
from plugin.recognizer.examination.view import VIEW_JSON, PictureView
from plugin.recognizer.matching.gallery import Enrolled, Gallery
from plugin.recognizer.process.worker import Worker

UPLOAD_SECONDS = 20
"""For one picture that is looked at coarsely: some hundred times what an ordinary one takes."""

T = TypeVar("T")
_ERRORS: dict[str, type[FaceLeaseError]] = {
    "too-large": PictureTooLarge,
    "picture": PictureError,
    "engine": EngineError,
    "generation": GalleryStale,
}


@dataclass(frozen=True)
class _Order:
    header: Mapping[str, object]
    sources: Sequence[Path | bytes]
    parts: list[bytes]
    seconds: float
    settle: Callable[[wire.Message], None]
    fail: Callable[[BaseException], None]


@dataclass(frozen=True)
class _GallerySnapshot:
    serial: int
    header: dict[str, object]
    templates: bytes


class Examiner:
    """`recognizer.processes` children behind one queue; a thread each feeds them.

    Thread-safe. Children start with the first order. `load_gallery` reaches idle children at once.
    """

    def __init__(
        self,
        recognizer: RecognizerSection,
        matching: MatchingSection,
        data: str = "facelease-data",
        recognisable_px: int = 64,
        engine: str = "",
    ) -> None:
        """`data` replaces `{data}` in `recognizer.cache`; `from_config` takes it from the configuration.

        `engine`: the id that the engine must have; else what is configured, whatever its id.
        """
        self.recognizer = recognizer = registry.pin(recognizer)
        self._engine = engine
        cache = Path(recognizer.cache.replace("{data}", data)).expanduser()
        processes = range(recognizer.processes)
        self.workers = [Worker(recognizer, matching, cache, recognisable_px, engine) for _ in processes]
        self._orders: deque[_Order] = deque()
        self._changed = threading.Condition()
        self._snapshot: _GallerySnapshot | None = None
        self._serial = 0
        self._threads: list[threading.Thread] = []
        self._closed = False

    @classmethod
    def from_config(cls, config: Config, source: EngineSource | None = None) -> Self:
        """For the photographs; of the configured engine, or of `source`."""
        return cls._open(config, config.recognizer, source)

    @classmethod
    def for_uploads(cls, config: Config, source: EngineSource | None = None) -> Self:
        """A separate process for pictures that people upload, with a shorter time limit."""
        own = config.recognizer
        apart = own.model_copy(update={"processes": 1, "seconds": min(own.seconds, UPLOAD_SECONDS)})
        return cls._open(config, apart, source)

    @classmethod
    def _open(cls, config: Config, recognizer: RecognizerSection, source: EngineSource | None) -> Self:
        opened = recognizer if source is None else source.configure(recognizer)
        engine = "" if source is None else source.id
        return cls(opened, config.matching, config.data, config.clearance.recognisable_px, engine)

    @property
    def engine_id(self) -> str:
        """The engine's id for templates; loads nothing."""
        return self._engine or registry.engine_id(self.recognizer)

    @property
    def card(self) -> EngineCard:
        """What is known of the engine; loads nothing."""
        return registry.find_card(self.recognizer)

    def load_gallery(self, entries: Sequence[Enrolled], generation: int) -> None:
        """Compare with these from the next photograph on. Raises ValueError for an invalid entry."""
        Gallery(entries, 0)  # checks them
        listed = [[entry.key, entry.until.isoformat(), entry.may_auto] for entry in entries]
        header = {"order": "gallery", "entries": listed, "generation": generation}
        templates = b"".join(np.asarray(entry.template, "<f4").tobytes() for entry in entries)
        with self._changed:
            self._serial += 1
            self._snapshot = _GallerySnapshot(self._serial, header, templates)
            self._changed.notify_all()

    def examine(self, source: Path | bytes, request: ExaminationRequest) -> Examination:
        """Examine one photograph and wait.

        Raises PictureError or PictureTooLarge, ExaminationFailed if the child died or timed out, GalleryStale if
        another generation is loaded than requested.
        """
        return self.submit(source, request).result()

    def submit(self, source: Path | bytes, request: ExaminationRequest) -> "Future[Examination]":
        """Queue one photograph; the future raises what `examine` does."""
        header = {"order": "examine", "request": REQUEST_JSON.dump_python(request, mode="json")}
        return self._queue(header, [source], [], lambda got: EXAMINATION_JSON.validate_python(got[0]["examination"]))

    def enrol(self, pictures: Sequence[Path | bytes], previous: Floats | None = None) -> Enrolment:
        """A template from reference photographs. Raises EnrolmentRefused with a reason for each that does
        not serve, ExaminationFailed if the child died or ran out of time."""
        parts = [] if previous is None else [np.asarray(previous, "<f4").tobytes()]
        header = {"order": "enrol", "previous": previous is not None}
        read = self._queue(header, pictures, parts, lambda got: Enrolment.from_json(got[0]["enrolment"], got[1][0]))
        return read.result()

    def likeness(self, source: Path | bytes, view: PictureView) -> bytes:
        """A JPEG of the visible part of the picture, without metadata. Raises as `examine` does."""
        header = {"order": "likeness", "view": VIEW_JSON.dump_python(view, mode="json")}
        return self._queue(header, [source], [], lambda got: got[1][0]).result()

    def list_faces(self, picture: Path | bytes) -> ReferencePicture:
        """The faces of a reference photograph, each cut out; encodes nothing.

        Raises ExaminationFailed if the child died or timed out.
        """
        read = self._queue(
            {"order": "faces"}, [picture], [], lambda got: ReferencePicture.from_json(got[0]["reference"], got[1])
        )
        return read.result()

    def close(self) -> None:
        """End the children; queued orders fail."""
        with self._changed:
            self._closed = True
            left, self._orders = list(self._orders), deque()
            self._snapshot = None
            self._changed.notify_all()
        for order in left:
            order.fail(ExaminationFailed("the examiner was closed"))
        for worker in self.workers:
            worker.kill()
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _queue(
        self,
        header: Mapping[str, object],
        sources: Sequence[Path | bytes],
        parts: list[bytes],
        read: Callable[[wire.Message], T],
    ) -> "Future[T]":
        seconds = self.recognizer.seconds * max(1, len(sources))
        future: Future[T] = Future()

        def settle(answer: wire.Message) -> None:
            try:
                future.set_result(read(_raise_refusal(answer)))
            except FaceLeaseError as error:
                future.set_exception(error)
            except (KeyError, IndexError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
                future.set_exception(ExaminationFailed(f"the child answered nonsense ({type(error).__name__})"))

        future.set_running_or_notify_cancel()
        with self._changed:
            if self._closed:
                raise ExaminationFailed("the examiner is closed")
            self._orders.append(_Order(header, sources, parts, seconds, settle, future.set_exception))
            self._start_threads()
            self._changed.notify()
        return future

    def _start_threads(self) -> None:
        """Start the feeding threads, once."""
        if not self._threads:
            self._threads = [
                threading.Thread(target=self._feed, args=(worker,), daemon=True, name=f"examiner-{i}")
                for i, worker in enumerate(self.workers)
            ]
            for thread in self._threads:
                thread.start()

    def _feed(self, worker: Worker) -> None:
        """A feeding thread. It holds no picture while it waits."""
        while self._feed_once(worker):
            pass
        worker.stop()

    def _feed_once(self, worker: Worker) -> bool:
        """First the gallery, then the next order. False at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._orders or self._is_outdated(worker))
            if self._closed:
                return False
            snapshot = self._snapshot
            order = self._orders.popleft() if self._orders else None
        try:
            self._update_gallery(worker, snapshot)
            if order:
                order.settle(worker.ask(*self._attach_pictures(order), order.seconds))
        except Exception as error:
            if order:
                order.fail(error)
        return True

    def _attach_pictures(self, order: _Order) -> wire.Message:
        """The order with the bytes of its pictures: the child can open no file. Read when it is its turn."""
        most = self.recognizer.max_megabytes * 1_000_000
        found = [source if isinstance(source, bytes) else _read_file(source, most) for source in order.sources]
        paths = [str(source) if data is None else None for source, data in zip(order.sources, found, strict=True)]
        return {**order.header, "sources": paths}, [*(d for d in found if d is not None), *order.parts]

    def _is_outdated(self, worker: Worker) -> bool:
        """Whether a running child holds an outdated gallery."""
        snapshot = self._snapshot
        return worker.pid is not None and snapshot is not None and worker.holds != snapshot.serial

    def _update_gallery(self, worker: Worker, snapshot: _GallerySnapshot | None) -> None:
        """Send the child the gallery if it holds another."""
        worker.reap()
        if snapshot is None or (worker.pid is not None and worker.holds == snapshot.serial):
            return
        _raise_refusal(worker.ask(snapshot.header, [snapshot.templates], self.recognizer.seconds))
        worker.holds = snapshot.serial


def _read_file(path: Path, most: int) -> bytes | None:
    """The bytes of a file; None if unreadable or too large: the child reports why."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode) or found.st_size > most:
            return None
        with path.open("rb") as file:
            return file.read(most + 1)
    except (OSError, ValueError):
        return None


def _raise_refusal(answer: wire.Message) -> wire.Message:
    """The answer; raises the error of a refusal."""
    header = answer[0]
    if "refused" not in header:
        return answer
    if header["refused"] == "enrolment":
        reasons = header["reasons"]
        raise EnrolmentRefused([str(reason) for reason in reasons] if isinstance(reasons, list) else [])
    message = str(header.get("message", "no reason given"))
    raise _ERRORS.get(str(header["refused"]), ExaminationFailed)(message)
