"""`python -m bench.int8_ranges FOLDER …`: the ranges that the 8-bit forms need, from photographs.

What it prints stands in `plugin.recognizer.networks`, in the detector's and dlib's conversion, so that nobody needs
photographs to make the forms. Each photograph is seen at several sizes.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from plugin.recognizer.engines import resnet
from plugin.recognizer.engines.resnet import ResNet
from plugin.recognizer.engines.retinaface import RetinaFace
from plugin.recognizer.examination.finer_pass import shrink
from plugin.recognizer.networks import dlib_conversion, weights
from plugin.recognizer.networks.onnx_graph import OnnxGraph
from plugin.recognizer.networks.retinaface_conversion import OPSET, RANGES, DetectorGraph
from plugin.recognizer.networks.session import open_session
from plugin.recognizer.pictures.pixels import Pixels

_SIDES = (1024, 640, 320, 160)
_MEAN = (104, 117, 127)
_SCORE = 0.7

Given = Iterator[NDArray[np.generic]]


def main(folders: list[str]) -> None:
    """Print the least and the largest value of each tensor, of the detector and of dlib's network."""
    detector = DetectorGraph(weights.read_retinaface(), "float")
    detector.build()
    seen = (cv2.dnn.blobFromImage(picture, mean=_MEAN) for picture in _list_pictures(folders))
    names = [detector.tensors[name] for name in RANGES]
    spans = _span(detector, names, (TensorProto.FLOAT, (1, 3, "height", "width")), seen)
    for name, (low, high) in zip(RANGES, spans, strict=True):
        print(f'    "{name}": ({low:.2f}, {high:.2f}),')
    dat = weights.read_package_file(resnet.MODELS, resnet.DAT, weights.DAT_SHA256)
    graph, _ = dlib_conversion.build(dat, "float")
    side = dlib_conversion.SIDE
    spans = _span(graph, graph.tensors, (TensorProto.UINT8, ("n", side, side, 3)), _list_chips(folders))
    print("   ", ", ".join(f"({low:.2f}, {high:.2f})" for low, high in spans))


def _span(
    graph: OnnxGraph, tensors: Sequence[str], taken: tuple[int, tuple[int | str, ...]], seen: Given
) -> list[tuple[float, float]]:
    """The least and the largest value of these tensors of a graph; 0 lies between."""
    names = [f"t{place}" for place in range(len(tensors))]
    given = {name: (tensor, (None, None, None, None)) for name, tensor in zip(names, tensors, strict=True)}
    session = open_session(graph.model(taken, given, OPSET))
    low, high, count = np.zeros(len(names)), np.zeros(len(names)), 0
    for one in seen:
        found = session.run(names, {"input": one})
        low = np.minimum(low, [tensor.min() for tensor in found])
        high = np.maximum(high, [tensor.max() for tensor in found])
        count += 1
    print(f"{count} pictures")
    return list(zip(low.tolist(), high.tolist(), strict=True))


def _list_chips(folders: list[str]) -> Given:
    """The faces of the photographs, aligned, also their mirror images, a photograph at a time."""
    with TemporaryDirectory() as cache:
        detector, encoder = RetinaFace(_SCORE, Path(cache), "float"), ResNet(Path(cache), "float")
        for picture in _list_pictures(folders):
            faces = detector.detect(picture)
            if len(faces):
                rgb: Pixels = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)  # type: ignore[assignment]
                chips = encoder.chips(rgb, resnet.to_squares(faces))
                yield np.ascontiguousarray(np.concatenate([chips, chips[:, :, ::-1]]))


def _list_pictures(folders: list[str]) -> Iterator[Pixels]:
    for file in sorted(file for folder in folders for file in Path(folder).rglob("*.jpg")):
        picture = cv2.imread(str(file))
        if picture is None:
            raise SystemExit(f"{file} cannot be read")
        for side in {min(side, max(picture.shape[:2])) for side in _SIDES}:
            yield shrink(picture, side)  # type: ignore[arg-type]


if __name__ == "__main__":
    main(sys.argv[1:])
