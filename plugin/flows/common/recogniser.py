"""The recogniser of this process, with the gallery last loaded into it by `matching.gallery`."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from plugin.config import Config, RecognizerSection
from plugin.hooks.dam import Picture
from plugin.recognizer.engines.card import EngineCard
from plugin.recognizer.engines.registry import EngineSource
from plugin.recognizer.examination.messages import Enrolment, Examination, ExaminationRequest, ReferencePicture
from plugin.recognizer.examination.view import PictureView
from plugin.recognizer.matching.gallery import Enrolled
from plugin.recognizer.process.examiner import Examiner

FindServing = Callable[[], EngineSource | None]
"""The engine that serves now; None where the store knows none yet."""


class _OpenEngine:
    """The processes of one engine; they end when it was retired and nobody waits for an answer any more."""

    def __init__(self, photos: Examiner, uploads: Examiner) -> None:
        self.photos, self.uploads = photos, uploads
        self._lock = threading.Lock()
        self._users = 0
        self._retired = False

    def enter(self) -> bool:
        """Count one more who waits for an answer; False if it was retired."""
        with self._lock:
            self._users += not self._retired
            return not self._retired

    def leave(self) -> None:
        with self._lock:
            self._users -= 1
            over = self._retired and not self._users
        if over:
            self.close()

    def retire(self) -> None:
        with self._lock:
            self._retired = True
            over = not self._users
        if over:
            self.close()

    def close(self) -> None:
        self.photos.close()
        self.uploads.close()


class Recogniser:
    """The recogniser with the gallery that this process last opened, of the engine that serves (`follow`)."""

    def __init__(
        self,
        examiner: Examiner,
        uploads: Examiner | None = None,
        config: Config | None = None,
        find_serving: FindServing = lambda: None,
    ) -> None:
        """`uploads`: looks at pictures that somebody hands in, in a process of its own: neither waits for the other.

        `config`: opens other engines; without it the one that was handed over stays, whatever serves. `find_serving`:
        the engine that serves now, asked for at each picture that is handed in.
        """
        self._open = _OpenEngine(examiner, uploads or examiner)
        self._loaded: _OpenEngine | None = None  # that has the gallery
        self._config = config
        self._find_serving = find_serving
        self._lock = threading.RLock()
        self.generation = -1
        self._closed = False
        self.enrolled: frozenset[str] = frozenset()
        self.declared: frozenset[str] = frozenset()

    @classmethod
    def from_config(cls, config: Config, find_serving: FindServing) -> Self:
        """Of the engine that serves, or of the configured one where none does yet."""
        source = find_serving()
        photos, uploads = Examiner.from_config(config, source), Examiner.for_uploads(config, source)
        return cls(photos, uploads, config, find_serving)

    @property
    def configured(self) -> RecognizerSection | None:
        """What this process is configured to open, whatever serves; None if it can open no other engine."""
        return None if self._config is None else self._config.recognizer

    @property
    def engine_id(self) -> str:
        """The engine and its version: templates of another one are never compared."""
        return self._open.photos.engine_id

    @property
    def card(self) -> EngineCard:
        """What is known of the engine: its scale, its calibration, what few reference photographs cost."""
        return self._open.photos.card

    def follow(self, source: EngineSource) -> None:
        """Open this engine in place of another; what the other is in the middle of comes to its end.

        Until the next `load` it compares nothing: what is asked for by the gallery of before is refused as stale.
        """
        with self._lock:
            if self._config is None or source.id == self.engine_id:
                return
            new = _OpenEngine(Examiner.from_config(self._config, source), Examiner.for_uploads(self._config, source))
            before, self._open = self._open, new
        before.retire()

    @contextmanager
    def encode_with(self, source: EngineSource) -> Iterator[Examiner]:
        """A process of another engine, for reference photographs, beside the one that serves."""
        if self._config is None:
            yield self._open.uploads
            return
        with Examiner.for_uploads(self._config, source) as apart:
            yield apart

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While the gallery is opened: whoever comes meanwhile waits for it."""
        with self._lock:
            yield

    def hold(self, generation: int, closed: bool) -> bool:
        """Whether the gallery is that of this generation, and of a house that is open, or closed."""
        return (generation, closed, self._open) == (self.generation, self._closed, self._loaded)

    def load(self, entries: Sequence[Enrolled], declared: frozenset[str], generation: int, closed: bool) -> None:
        """Take the gallery of a generation; `declared`: those whose pictures nobody vouched for."""
        self._open.photos.load_gallery(entries, generation)
        self._loaded = self._open
        self._closed, self.generation = closed, generation
        self.enrolled, self.declared = frozenset(entry.key for entry in entries), declared

    def examine(self, picture: Picture, request: ExaminationRequest) -> Examination:
        """Boxes and decisions for one picture; no vector comes back."""
        with self._use() as engine:
            return engine.photos.examine(_source(picture), request)

    def likeness(self, picture: Picture, view: PictureView) -> bytes:
        """A small JPEG of what `view` lets through of the picture, made where hostile pictures do no harm."""
        with self._use(follows=True) as engine:
            return engine.photos.likeness(_source(picture), view)

    def enrol(self, pictures: Sequence[bytes]) -> Enrolment:
        """A template of one consenting person's reference photographs."""
        with self._use(follows=True) as engine:
            return engine.uploads.enrol(list(pictures))

    def list_faces(self, picture: bytes) -> ReferencePicture:
        """The faces of a reference photograph, each cut out; with none that serves, the reason. Nothing is encoded."""
        with self._use(follows=True) as engine:
            return engine.uploads.list_faces(picture)

    @contextmanager
    def _use(self, follows: bool = False) -> Iterator[_OpenEngine]:
        if follows and (source := self._find_serving()) is not None:
            self.follow(source)
        engine = self._open
        while not engine.enter():  # it was retired this moment, and another one is open
            engine = self._open
        try:
            yield engine
        finally:
            engine.leave()

    def close(self) -> None:
        """End the child processes."""
        self._open.close()


def _source(picture: Picture) -> Path | bytes:
    source = picture.path if picture.path is not None else picture.data
    if source is None:
        raise ValueError("a picture has a path or bytes")
    return source
