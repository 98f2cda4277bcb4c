"""Which engines there are, and who opens each."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from plugin.config import Recognizer
from plugin.errors import EngineError
from plugin.recognizer.engines.engine import Engine


@dataclass(frozen=True)
class Entry:
    """A line of the registry: the id is known without loading anything."""

    id: Callable[[Recognizer], str]
    open: Callable[[Recognizer, Path], Engine]
    look_alike: Callable[[], float]


def engine_id(config: Recognizer) -> str:
    """The id that templates of the configured engine bear; no weights are loaded."""
    return _entry(config).id(config)


def look_alike(config: Recognizer) -> float:
    """The distance nearer than which two people's templates of the configured engine are confusable; loads nothing."""
    return _entry(config).look_alike()


def open_engine(config: Recognizer, cache: Path) -> Engine:
    """The configured engine, weights loaded; `cache` keeps the converted model. Raises EngineError."""
    return _entry(config).open(config, cache)


def _entry(config: Recognizer) -> Entry:
    from plugin.recognizer.engines import classic, resnet  # they load networks: a command needs none

    registry = {
        "retinaface-dlib": Entry(resnet.engine_id, resnet.open_engine, resnet.look_alike),
        "classic": Entry(classic.engine_id, classic.open_engine, resnet.look_alike),
    }
    if config.engine not in registry:
        raise EngineError(f"{config.engine!r} is no engine: choose one of {', '.join(registry)}")
    return registry[config.engine]
