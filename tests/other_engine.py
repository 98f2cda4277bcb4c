"""A second engine that finds people: dlib's network as a site's own card, aligned by the card's five points.

Every other number of its vectors has the other sign: distances are the same, and nobody is near who was made by dlib's.
"""

import hashlib
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from plugin.recognizer.engines import resnet

NAME = "other"
POINTS = "[[0.319, 0.287], [0.685, 0.284], [0.505, 0.501], [0.324, 0.669], [0.674, 0.668]]"
"""Where dlib's own alignment brings the eyes, the nose and the corners of the mouth, on average."""


@cache
def _network(models: Path) -> bytes:
    """The network that `resnet` runs, with the input that a card's encoder gives: (n, 3, 150, 150) float32."""
    model = onnx.load_from_string(resnet.ensure_model(models, "float"))
    before = model.graph.input[0].name
    given = helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["n", 3, resnet.SIDE, resnet.SIDE])
    nodes = [
        helper.make_node("Transpose", ["picture"], ["turned"], perm=[0, 2, 3, 1]),
        helper.make_node("Cast", ["turned"], [before], to=TensorProto.UINT8),
    ]
    del model.graph.input[:]
    model.graph.input.append(given)
    for node in reversed(nodes):
        model.graph.node.insert(0, node)
    (end,) = [node for node in model.graph.node if model.graph.output[0].name in node.output]
    signs = np.resize(np.array([1, -1], np.float32), 128)
    model.graph.initializer.append(numpy_helper.from_array(signs, "signs"))
    model.graph.node.insert(len(model.graph.node) - 1, helper.make_node("Mul", [end.input[0], "signs"], ["signed"]))
    end.input[0] = "signed"
    written: bytes = model.SerializeToString()
    return written


def write(folder: Path, models: Path, version: int = 1, points: str = POINTS) -> Path:
    """The card and its file in the folder; returns the card's path. Other `points` make another engine."""
    body = _network(models)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{NAME}.onnx").write_bytes(body)
    text = (resources.files("plugin.recognizer.engines") / "cards/retinaface-dlib.toml").read_text("utf-8")
    text = text[: text.index("[measured]")]
    for old, new in (
        ('name = "retinaface-dlib"', f'name = "{NAME}"'),
        ('encoder = "dlib"', 'encoder = "onnx"'),
        ("version = 1", f"version = {version}"),
        ('colours = "rgb"', f'colours = "rgb"\npoints = {points}'),
    ):
        text = text.replace(old, new)
    file = f'{{ name = "{NAME}.onnx", sha256 = "{hashlib.sha256(body).hexdigest()}", bytes = {len(body)} }}'
    card = folder / f"{NAME}.toml"
    card.write_text(text.replace("files = []", f"files = [{file}]"), "utf-8")
    return card
