"""`python -m bench.int8_ranges FOLDER …`: the ranges that the detector's 8-bit form needs, from photographs.

What it prints stands in `plugin.recognizer.networks.retinaface_conversion`, so that nobody needs photographs to make
the form. Each photograph is seen at several sizes.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from onnx import TensorProto

from plugin.recognizer.examination.finer_pass import shrink
from plugin.recognizer.networks import weights
from plugin.recognizer.networks.retinaface_conversion import OPSET, RANGES, DetectorGraph
from plugin.recognizer.networks.session import open_session
from plugin.recognizer.pictures.pixels import Pixels

_SIDES = (1024, 640, 320, 160)
_MEAN = (104, 117, 127)


def main(folders: list[str]) -> None:
    """Print the least and the largest value of each tensor of RANGES."""
    graph = DetectorGraph(weights.read_retinaface(), "float")
    graph.build()
    names = list(RANGES)
    given = {name: (graph.tensors[name], (None, None, None, None)) for name in names}
    session = open_session(graph.model((TensorProto.FLOAT, (1, 3, "height", "width")), given, OPSET))
    low, high, count = np.zeros(len(names)), np.zeros(len(names)), 0
    for picture in _list_pictures(folders):
        tensors = session.run(names, {"input": cv2.dnn.blobFromImage(picture, mean=_MEAN)})
        low = np.minimum(low, [tensor.min() for tensor in tensors])
        high = np.maximum(high, [tensor.max() for tensor in tensors])
        count += 1
    print(f"{count} pictures")
    for name, least, most in zip(names, low, high, strict=True):
        print(f'    "{name}": ({least:.2f}, {most:.2f}),')


def _list_pictures(folders: list[str]) -> Iterator[Pixels]:
    for file in sorted(file for folder in folders for file in Path(folder).rglob("*.jpg")):
        picture = cv2.imread(str(file))
        if picture is None:
            raise SystemExit(f"{file} cannot be read")
        for side in {min(side, max(picture.shape[:2])) for side in _SIDES}:
            yield shrink(picture, side)  # type: ignore[arg-type]


if __name__ == "__main__":
    main(sys.argv[1:])
