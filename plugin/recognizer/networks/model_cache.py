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


def ensure_model(cache: Path, name: str, converter: str, sources: Sequence[bytes]) -> bytes:
    """The converted network, kept in `cache`; created if missing, damaged or another's. Raises EngineError.

    `converter`: a module that is run as `python -m CONVERTER SOURCE … TARGET`. The model's name has a hash of the
    converter, of the modules beside it and of the sources; a file beside it has a hash of that and of the model.
    """
    recipe = hashlib.sha256(read_recipe(converter) + b"".join(hashlib.sha256(source).digest() for source in sources))
    target = cache / f"{name}-{recipe.hexdigest()[:12]}.onnx"
    record = target.with_suffix(".sha256")
    try:
        kept = target.read_bytes()
        if record.read_text() == _seal(recipe.digest(), kept):
            return kept
    except (OSError, UnicodeDecodeError):
        pass  # missing or damaged: created below
    try:
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        return _make(target, record, converter, sources, recipe.digest())
    except OSError as error:
        raise EngineError(f"{cache}: the face model cannot be kept there ({error.strerror})") from error


def read_recipe(converter: str) -> bytes:
    """The converter and the modules beside it, which it may use. Raises EngineError if it is missing."""
    spec = importlib.util.find_spec(converter)
    if spec is None or spec.origin is None:
        raise EngineError(f"{converter} is missing: install FaceLease again")
    beside = sorted(Path(spec.origin).parent.glob("*.py"))
    return Path(spec.origin).name.encode() + b"".join(module.read_bytes() for module in beside)


def _seal(recipe: bytes, model: bytes) -> str:
    """Binds a model to what it was made from: one that was made from something else does not pass for it."""
    return hashlib.sha256(recipe + model).hexdigest()


def _make(target: Path, record: Path, converter: str, sources: Sequence[bytes], recipe: bytes) -> bytes:
    """Convert in a private temporary folder, then rename, so that no reader sees a partial file."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".making-") as folder:
        given = [Path(folder) / str(number) for number in range(len(sources))]
        for path, source in zip(given, sources, strict=True):
            path.write_bytes(source)
        made, digest = Path(folder) / "model", Path(folder) / "sha256"
        made.touch(mode=0o600)
        _convert(converter, [*given, made])
        model = made.read_bytes()
        digest.touch(mode=0o600)
        digest.write_text(_seal(recipe, model))
        made.replace(target)
        digest.replace(record)
    return model


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
