"""The recogniser of this process, with the gallery last loaded into it by `matching.gallery`."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from plugin.hooks.dam import Picture
from plugin.recognizer.examination.messages import Enrolment, Examination, ExaminationRequest
from plugin.recognizer.examination.view import PictureView
from plugin.recognizer.matching.gallery import Enrolled
from plugin.recognizer.process.examiner import Examiner


class Recogniser:
    """The recogniser with the gallery that this process last opened."""

    def __init__(self, examiner: Examiner, uploads: Examiner | None = None) -> None:
        """`uploads`: looks at pictures that somebody hands in, in a process of its own: neither waits for the other."""
        self._examiner = examiner
        self._uploads = uploads or examiner
        self._lock = threading.Lock()
        self.generation = -1
        self._closed = False
        self.enrolled: frozenset[str] = frozenset()
        self.declared: frozenset[str] = frozenset()

    @property
    def engine_id(self) -> str:
        """The engine and its version: templates of another one are never compared."""
        return self._examiner.engine_id

    @property
    def look_alike(self) -> float:
        """The distance nearer than which two people's templates are confusable."""
        return self._examiner.look_alike

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While the gallery is opened: whoever comes meanwhile waits for it."""
        with self._lock:
            yield

    def hold(self, generation: int, closed: bool) -> bool:
        """Whether the gallery is that of this generation, and of a house that is open, or closed."""
        return (generation, closed) == (self.generation, self._closed)

    def load(self, entries: Sequence[Enrolled], declared: frozenset[str], generation: int, closed: bool) -> None:
        """Take the gallery of a generation; `declared`: those whose pictures nobody vouched for."""
        self._examiner.load_gallery(entries, generation)
        self._closed, self.generation = closed, generation
        self.enrolled, self.declared = frozenset(entry.key for entry in entries), declared

    def examine(self, picture: Picture, request: ExaminationRequest) -> Examination:
        """Boxes and decisions for one picture; no vector comes back."""
        return self._examiner.examine(_source(picture), request)

    def likeness(self, picture: Picture, view: PictureView) -> bytes:
        """A small JPEG of what `view` lets through of the picture, made where hostile pictures do no harm."""
        return self._examiner.likeness(_source(picture), view)

    def enrol(self, pictures: Sequence[bytes]) -> Enrolment:
        """A template of one consenting person's reference photographs."""
        return self._uploads.enrol(list(pictures))

    def inspect(self, picture: bytes) -> str:
        """Why a photograph would not serve as a reference, "" if it would. It is looked at, not encoded."""
        return self._uploads.inspect(picture)

    def close(self) -> None:
        """End the child processes."""
        self._examiner.close()
        self._uploads.close()


def _source(picture: Picture) -> Path | bytes:
    source = picture.path if picture.path is not None else picture.data
    if source is None:
        raise ValueError("a picture has a path or bytes")
    return source
