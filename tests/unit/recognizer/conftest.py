"""What the recognizer's tests share: one engine and one examiner a session, and pictures made here."""

import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from plugin.config import MatchingSection, RecognizerSection
from plugin.recognizer.engines.engine import Engine
from plugin.recognizer.engines.registry import open_engine
from plugin.recognizer.examination.examination import Pipeline
from plugin.recognizer.process.examiner import Examiner

FOREVER = datetime(9000, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="session")
def cache() -> Path:
    """Where the converted model is kept between runs."""
    return Path(".cache/models").resolve()


@pytest.fixture(scope="session")
def engine(cache: Path) -> Engine:
    """The default engine, in this process."""
    return open_engine(RecognizerSection(), cache)


@pytest.fixture(scope="session")
def pipeline(engine: Engine) -> Pipeline:
    """The default engine with the default settings."""
    return Pipeline(engine, RecognizerSection(), MatchingSection())


@pytest.fixture(scope="module")
def examiner(cache: Path) -> Iterator[Examiner]:
    """One child process with the default settings."""
    with Examiner(RecognizerSection(cache=str(cache)), MatchingSection()) as examiner:
        yield examiner


@pytest.fixture(scope="session")
def picture() -> Callable[..., Image.Image]:
    """`picture(width, height)`: a red quarter at the top left, green right of it, blue below, white."""

    def make(width: int = 64, height: int = 48) -> Image.Image:
        pixels = np.full((height, width, 3), 255, np.uint8)
        pixels[: height // 2, : width // 2] = (255, 0, 0)
        pixels[: height // 2, width // 2 :] = (0, 255, 0)
        pixels[height // 2 :, : width // 2] = (0, 0, 255)
        return Image.fromarray(pixels)

    return make


@pytest.fixture(scope="session")
def saved() -> Callable[..., bytes]:
    """`saved(image, "PNG", …)`: the bytes of the file Pillow writes."""

    def save(image: Image.Image, kind: str, **options: object) -> bytes:
        file = io.BytesIO()
        image.save(file, kind, **options)
        return file.getvalue()

    return save
