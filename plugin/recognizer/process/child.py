"""The process that examines photographs: limited, expendable, and silent about strangers.

Started by `worker` as `python -m plugin.recognizer.process.child`; speaks `wire` on its former stdin and stdout. It
answers with boxes and decisions, with a template only for an enrolment, and with a picture only for the person on it.
"""

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter

from plugin.config import MatchingSection
from plugin.confinement import environment, wire
from plugin.confinement.sandbox import Bounds, Confinement, confine
from plugin.errors import EngineError, EnrolmentRefused, FaceLeaseError, PictureError, PictureTooLarge
from plugin.recognizer.engines.registry import open_engine
from plugin.recognizer.evaluation import identification
from plugin.recognizer.evaluation.accuracy_report import report_accuracy
from plugin.recognizer.evaluation.group_labels import GroupLabels
from plugin.recognizer.examination.examination import Pipeline
from plugin.recognizer.examination.likeness import draw_likeness
from plugin.recognizer.examination.messages import EXAMINATION_JSON, REQUEST_JSON
from plugin.recognizer.examination.quality import build_enrolment
from plugin.recognizer.examination.reference_faces import list_reference_faces
from plugin.recognizer.examination.view import VIEW_JSON
from plugin.recognizer.matching.gallery import Enrolled, Gallery
from plugin.recognizer.pictures.decode import Limits
from plugin.recognizer.process.worker import ChildSettings

_ENTRIES = TypeAdapter(list[tuple[str, datetime, bool]])
_LABELS = TypeAdapter(GroupLabels | None)
_SOURCES = TypeAdapter(list[str | None])
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)
_STATM = os.open("/proc/self/statm", os.O_RDONLY) if sys.platform == "linux" else -1  # /proc is closed later
_ROOMY = 280 * 2**20  # bytes resident; giving back costs a few ms when the next photograph asks again
_KINDS: tuple[tuple[type[FaceLeaseError], str], ...] = (
    (PictureTooLarge, "too-large"),
    (PictureError, "picture"),
    (EngineError, "engine"),
)


class ChildState:
    """The engine, the gallery from the parent, and the confinement (`held`)."""

    def __init__(self, pipeline: Pipeline, limits: Limits, held: Confinement, matching: MatchingSection) -> None:
        self.held = held
        self._matching = matching
        self._pipeline = pipeline
        self._limits = limits
        self._gallery = Gallery([], 0)
        self._generation: object = None
        self._shots: dict[object, list[identification.Shot | None]] = {}

    def answer(self, header: dict[str, object], parts: list[bytes]) -> wire.Message:
        """Carry out one order."""
        orders: dict[str, Callable[[dict[str, object], list[bytes]], wire.Message]] = {
            "gallery": self._load,
            "examine": self._examine,
            "enrol": self._enrol,
            "likeness": self._likeness,
            "faces": self._list_faces,
            "note": self._note,
            "count": self._count,
        }
        return orders[str(header["order"])](header, parts)

    def _load(self, header: dict[str, object], parts: list[bytes]) -> wire.Message:
        templates = np.frombuffer(parts[0], "<f4").reshape(-1, self._pipeline.engine.card.vector)
        entries = [
            Enrolled(key, template, until, may_auto)
            for (key, until, may_auto), template in zip(
                _ENTRIES.validate_python(header["entries"]), templates, strict=True
            )
        ]
        self._gallery = Gallery(entries, self._pipeline.engine.card.distances.look_alike)
        self._generation = header["generation"]
        return {"ok": True}, []

    def _examine(self, header: dict[str, object], parts: list[bytes]) -> wire.Message:
        request = REQUEST_JSON.validate_python(header["request"])
        if request.compare and request.generation != self._generation:
            return {"refused": "generation", "message": f"generation {self._generation} is loaded"}, []
        source = _list_sources(header, parts)[0]
        found = self._pipeline.examine(source, request, self._gallery)
        return {"examination": EXAMINATION_JSON.dump_python(found, mode="json")}, []

    def _enrol(self, header: dict[str, object], parts: list[bytes]) -> wire.Message:
        previous = np.frombuffer(parts.pop(), "<f4") if header["previous"] else None
        enrolment = build_enrolment(self._pipeline, _list_sources(header, parts), previous)
        return {"enrolment": enrolment.to_json()}, [enrolment.template.astype("<f4").tobytes()]

    def _likeness(self, header: dict[str, object], parts: list[bytes]) -> wire.Message:
        view = VIEW_JSON.validate_python(header["view"])
        return {"ok": True}, [draw_likeness(_list_sources(header, parts)[0], view, self._limits)]

    def _list_faces(self, header: dict[str, object], parts: list[bytes]) -> wire.Message:
        found = list_reference_faces(self._pipeline, _list_sources(header, parts)[0], self._limits)
        return {"reference": found.to_json()}, [face.cut for face in found.faces]

    def _note(self, header: dict[str, object], parts: list[bytes]) -> wire.Message:
        """For `accuracy`: one person's photograph, or with None a stranger's."""
        seen = identification.read_main_shot(self._pipeline, _list_sources(header, parts)[0], bool(header["mirrored"]))
        self._shots.setdefault(header["who"], []).append(seen)
        return {"ok": True}, []

    def _count(self, header: dict[str, object], parts: list[bytes]) -> wire.Message:
        strangers = self._shots.pop(None, [])
        people = [identification.LabelledPerson(str(name), tuple(shots)) for name, shots in self._shots.items()]
        labels, engine = _LABELS.validate_json(parts[0]), self._pipeline.engine
        return {"report": report_accuracy(people, strangers, engine, self._matching, labels, bool(header["curve"]))}, []


def _list_sources(header: dict[str, object], parts: list[bytes]) -> list[Path | bytes]:
    """The pictures, each the next part; a path where the parent could not read it, to report why."""
    given = iter(parts)
    return [next(given) if path is None else Path(path) for path in _SOURCES.validate_python(header["sources"])]


def main() -> None:
    """Serve orders until the parent closes the pipe; ends after running out of memory, to be replaced."""
    source, sink = wire.take_over_pipes()
    try:
        header, _ = wire.receive(source, 0)
        settings = ChildSettings.model_validate(header)
        _die_with_parent(settings.parent)
        state = _build_state(settings)
    except wire.PipeClosed:
        return
    except Exception as error:
        wire.send(sink, {"refused": "engine", "message": str(error)[:1000]})
        return
    try:
        wire.send(sink, {"ready": True, "held": state.held.to_json()})
        while True:
            header, parts = wire.receive(source, wire.BODY_LIMIT)
            reply, leave = _answer_safely(state, header, parts)
            del parts
            wire.send(sink, *reply)
            if _resident_bytes() > _ROOMY:
                _release_memory()
            if leave:
                return
    except wire.PipeClosed:
        return


def _build_state(settings: ChildSettings) -> ChildState:
    recognizer, matching = settings.recognizer, settings.matching
    engine = open_engine(recognizer, settings.cache)
    if settings.engine not in {"", engine.id}:
        raise EngineError(f"the card {engine.card.name} makes another engine now, {engine.id}, not {settings.engine}")
    _release_memory()
    held = _confine(recognizer.memory_mb)  # after loading: what is trusted may be large, and is made at the first start
    limits = Limits(recognizer.max_megapixels, recognizer.max_megabytes)
    return ChildState(Pipeline(engine, recognizer, matching, settings.recognisable_px), limits, held, matching)


def _answer_safely(state: ChildState, header: dict[str, object], parts: list[bytes]) -> tuple[wire.Message, bool]:
    """The answer, or the error as a message; and whether this process should end."""
    try:
        return state.answer(header, parts), False
    except EnrolmentRefused as error:
        return ({"refused": "enrolment", "reasons": error.reasons}, []), False
    except FaceLeaseError as error:
        kind = next((name for known, name in _KINDS if isinstance(error, known)), "failed")
        return ({"refused": kind, "message": str(error)}, []), False
    except MemoryError:
        words = "the picture takes more memory than recognizer.memory_mb allows"
        return ({"refused": "too-large", "message": words, "leaving": True}, []), True
    except Exception as error:  # a native library that could not allocate, most likely
        return ({"refused": "failed", "message": f"{type(error).__name__}: {error}"[:300], "leaving": True}, []), True


def _confine(memory_mb: int) -> Confinement:
    """From here on only Python's modules are readable: photographs arrive as bytes, the engine is loaded."""
    paths = [*environment.list_library_paths(), *environment.list_package_paths()]
    return confine(Bounds(paths, memory_mb, threads=True))


def _resident_bytes() -> int:
    """Resident memory in bytes; 0 if the kernel does not say."""
    try:
        return int(os.pread(_STATM, 100, 0).split()[1]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        return 0


def _release_memory() -> None:
    """Return freed memory to the system: glibc keeps what loading and large pictures used."""
    if sys.platform == "linux" and hasattr(_LIBC, "malloc_trim"):
        _LIBC.malloc_trim(0)


def _die_with_parent(parent: int) -> None:
    """Have the kernel end this process with the thread that started it; never dump core."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    if sys.platform == "linux":
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise wire.PipeClosed("the parent has gone")


if __name__ == "__main__":
    main()
