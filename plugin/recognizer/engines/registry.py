"""Which engines there are, and who opens each."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from plugin.config import RecognizerSection
from plugin.errors import EngineError
from plugin.recognizer.engines.engine import Engine


@dataclass(frozen=True)
class EngineEntry:
    """A line of the registry: the id is known without loading anything."""

    id: Callable[[RecognizerSection], str]
    open: Callable[[RecognizerSection, Path], Engine]
    look_alike: Callable[[], float]


def engine_id(config: RecognizerSection) -> str:
    """The id that templates of the configured engine bear; no weights are loaded."""
    return _find_entry(config).id(config)


def find_look_alike(config: RecognizerSection) -> float:
    """The distance nearer than which two people's templates of the configured engine are confusable; loads nothing."""
    return _find_entry(config).look_alike()


def open_engine(config: RecognizerSection, cache: Path) -> Engine:
    """The configured engine, weights loaded; `cache` keeps the converted model. Raises EngineError."""
    return _find_entry(config).open(config, cache)


def _find_entry(config: RecognizerSection) -> EngineEntry:
    from plugin.recognizer.engines import classic, resnet  # they load networks: a command needs none

    registry = {
        "retinaface-dlib": EngineEntry(resnet.engine_id, resnet.open_engine, resnet.find_look_alike),
        "classic": EngineEntry(classic.engine_id, classic.open_engine, resnet.find_look_alike),
    }
    if config.engine not in registry:
        raise EngineError(f"{config.engine!r} is no engine: choose one of {', '.join(registry)}")
    return registry[config.engine]
