"""Networks converted for onnxruntime: made once from verified files, in a process that ends, and kept in a cache."""

import hashlib
import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from plugin.errors import EngineError

_SECONDS = 120


def ensure_model(cache: Path, name: str, converter: str, sources: Sequence[Path]) -> Path:
    """The converted network in `cache`, created if missing or damaged. Raises EngineError.

    `converter`: a module that is run as `python -m CONVERTER SOURCE … TARGET`. The model's name has a hash of the
    converter and of the sources; a file beside it has its own hash.
    """
    recipe = _read_recipe(converter) + b"".join(_hash(source).encode() for source in sources)
    target = cache / f"{name}-{hashlib.sha256(recipe).hexdigest()[:12]}.onnx"
    record = target.with_suffix(".sha256")
    try:
        if record.read_text() == _hash(target):
            return target
    except (OSError, UnicodeDecodeError):
        pass  # missing or damaged: created below
    try:
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make(target, record, converter, sources)
    except OSError as error:
        raise EngineError(f"{cache}: the face model cannot be kept there ({error.strerror})") from error
    return target


def _read_recipe(converter: str) -> bytes:
    spec = importlib.util.find_spec(converter)
    if spec is None or spec.origin is None:
        raise EngineError(f"{converter} is missing: install FaceLease again")
    return Path(spec.origin).read_bytes()


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _make(target: Path, record: Path, converter: str, sources: Sequence[Path]) -> None:
    """Convert into a temporary folder and rename, so that no reader sees a partial file."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".making-") as folder:
        made, digest = Path(folder) / "model", Path(folder) / "sha256"
        made.touch(mode=0o600)
        _convert(converter, [*sources, made])
        digest.touch(mode=0o600)
        digest.write_text(_hash(made))
        made.replace(target)
        digest.replace(record)


def _convert(converter: str, files: Sequence[Path]) -> None:
    """In a process of its own: onnx takes 60 MB that would stay in this one."""
    root = str(Path(__file__).resolve().parents[3])
    try:
        subprocess.run(  # noqa: S603 (our own module, our own paths)
            [sys.executable, "-m", converter, *map(str, files)],
            check=True,
            capture_output=True,
            timeout=_SECONDS,
            env={**os.environ, "PYTHONPATH": root},
        )
    except subprocess.CalledProcessError as error:
        last = error.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise EngineError(f"the face model cannot be converted: {' '.join(last)}") from error
    except subprocess.TimeoutExpired as error:
        raise EngineError("the face model was not converted in time: try again") from error
