"""dlib's face recognition ResNet (.dat) as an ONNX file that gives the same vectors 12 times as fast.

The .dat is dlib's own serialisation: tensors from the input to the output, each as a version, four
dimensions and little-endian float32. The shape of the network is that of dlib's example
dnn_face_recognition_ex.cpp; affine layers are folded into the convolutions before them. In the form "int8"
convolutions and additions count in 8 bits. Run as
`python -m plugin.recognizer.networks.dlib_conversion FORM DAT OUT`, so that onnx is loaded in a process that ends.
"""

import hashlib
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from plugin.recognizer.networks.onnx_graph import RoundedGraph
from plugin.recognizer.networks.weights import DAT_SHA256, check_sha256

FORMS = ("float", "int8")
SIDE = 150
OPSET = 13
RANGES = (
    (-0.48, 0.59),
    (0.00, 12.02),
    (0.00, 12.02),
    (0.00, 11.72),
    (-11.70, 9.25),
    (0.00, 14.91),
    (0.00, 10.85),
    (-14.70, 12.09),
    (0.00, 17.58),
    (0.00, 9.08),
    (-12.01, 13.58),
    (0.00, 23.40),
    (0.00, 9.80),
    (-6.34, 9.24),
    (-6.34, 9.24),
    (0.00, 13.63),
    (0.00, 13.38),
    (0.00, 7.26),
    (-6.31, 9.65),
    (0.00, 14.78),
    (0.00, 6.00),
    (-7.48, 9.38),
    (0.00, 20.68),
    (0.00, 5.93),
    (-6.20, 8.46),
    (0.00, 21.01),
    (0.00, 7.94),
    (-4.67, 8.78),
    (-4.67, 8.78),
    (0.00, 10.30),
    (0.00, 9.13),
    (0.00, 5.08),
    (-5.19, 5.26),
    (0.00, 10.53),
    (0.00, 5.62),
    (-6.09, 6.06),
    (0.00, 10.67),
    (0.00, 7.49),
    (-7.38, 18.47),
    (-7.38, 18.47),
    (0.00, 5.63),
    (0.00, 20.61),
    (0.00, 6.20),
    (-8.76, 4.49),
    (0.00, 19.56),
    (0.00, 3.46),
    (-3.11, 2.66),
    (0.00, 18.68),
    (0.00, 13.94),
    (-4.40, 2.69),
    (-4.40, 2.69),
    (0.00, 5.71),
    (0.00, 5.33),
)
"""Least and largest values of the tensors of the form "int8", in order: of the input, after each addition, and of each
convolution; negative parts of what max(x, 0) follows are left out.

`bench.int8_ranges` printed them, for the seven portraits of face_recognition's tests and 273 people of LFW.
"""
_MEAN = (122.782, 117.001, 104.298)  # RGB, of dlib's input_rgb_image_sized


class TensorReader:
    """Reads the tensors of a dlib network from its file, in order."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def tensor(self, *shape: int) -> NDArray[np.float32]:
        """The next tensor with this shape (samples, k, rows, columns), flat. Raises ValueError if none."""
        head = b"\x01\x02" + b"".join(_pack(side) for side in shape)
        found = self._data.find(head, self._at)
        count = int(np.prod(shape))
        start = found + len(head)
        if found < 0 or start + 4 * count > len(self._data):
            raise ValueError(f"no tensor of shape {shape} after byte {self._at}")
        self._at = start + 4 * count
        return np.frombuffer(self._data, "<f4", count, start)


def _pack(number: int) -> bytes:
    """dlib's serialisation of a positive integer: its length in bytes, then little-endian bytes."""
    size = (number.bit_length() + 7) // 8
    return bytes([size]) + number.to_bytes(size, "little")


class ResNetGraph(RoundedGraph):
    """dlib's layers, each with the weights that come next in its file; a method returns the name of its result.

    `tensors` has those that 8 bits must span, in the order of RANGES.
    """

    def __init__(self, reader: TensorReader, form: str) -> None:
        super().__init__(form == "int8")
        self.reader = reader
        self.tensors: list[str] = []

    def span(self, x: str) -> str:
        """Round to the next of RANGES."""
        self.tensors.append(x)
        return self.round(x, *RANGES[len(self.tensors) - 1]) if self.integers else x

    def convolution(self, x: str, taken: int, given: int, side: int, stride: int) -> str:
        """A convolution with the following affine layer folded in; padded only where stride is 1."""
        count = given * taken * side * side
        raw = self.reader.tensor(count + given, 1, 1, 1)
        gamma, beta = np.split(self.reader.tensor(2 * given, 1, 1, 1), 2)
        kernel = raw[:count].reshape(given, taken, side, side) * gamma[:, None, None, None]
        bias = raw[count:] * gamma + beta
        pad = side // 2 if stride == 1 else 0
        shape = {"kernel_shape": [side, side], "strides": [stride, stride], "pads": [pad] * 4}
        return self.convolve(x, kernel, bias, **shape)

    def residual(self, x: str, depth: int) -> str:
        """dlib's `residual`: two convolutions and the input added."""
        inner = self.span(self.node("Relu", self.convolution(x, depth, depth, 3, 1)))
        return self._add(self.span(self.convolution(inner, depth, depth, 3, 1)), x)

    def _add(self, x: str, y: str) -> str:
        return self.span(self.node("Relu", self.node("Add", x, y)))

    def residual_down(self, x: str, taken: int, given: int, side: int) -> tuple[str, int]:
        """dlib's `residual_down`: halves the side; dlib's addition pads with zeros."""
        inner = self.span(self.node("Relu", self.convolution(x, taken, given, 3, 2)))
        inner = self.span(self.convolution(inner, given, given, 3, 1))
        pooled = self.node("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2])
        inner_side, pooled_side = (side - 3) // 2 + 1, (side - 2) // 2 + 1
        result = max(inner_side, pooled_side)
        inner = self.span(self.padded(inner, 0, result - inner_side))
        pooled = self.span(self.padded(pooled, given - taken, result - pooled_side))
        return self._add(inner, pooled), result

    def padded(self, x: str, channels: int, sides: int) -> str:
        """Zeros after the channels, and below and to the right."""
        if channels == sides == 0:
            return x
        return self.node("Pad", x, self.constant(np.array([0, 0, 0, 0, 0, channels, sides, sides])))


def convert(dat: bytes, form: str) -> bytes:
    """The ONNX model of dlib's network: (n, 150, 150, 3) uint8 RGB -> (n, 128) float32, not normalised.

    The same bytes give the same model. Raises EngineError if `dat` is not dlib's published file, ValueError for a form
    that is not of FORMS.
    """
    if form not in FORMS:
        raise ValueError(f"{form!r} is none of {', '.join(FORMS)}")
    check_sha256(hashlib.sha256(dat).hexdigest(), DAT_SHA256, "dlib_face_recognition_resnet_model_v1.dat")
    graph, x = build(dat, form)
    return graph.model((TensorProto.UINT8, ("n", SIDE, SIDE, 3)), {"embedding": (x, ("n", 128))}, OPSET)


def build(dat: bytes, form: str) -> tuple[ResNetGraph, str]:
    """The network, and the name of its result."""
    graph = ResNetGraph(TensorReader(dat), form)
    x = graph.node("Cast", graph.node("Transpose", "input", perm=[0, 3, 1, 2]), to=TensorProto.FLOAT)
    x = graph.node("Sub", x, graph.constant(np.array(_MEAN, "f4").reshape(1, 3, 1, 1)))
    x = graph.span(graph.node("Mul", x, graph.constant(np.array(1 / 256, "f4"))))
    x = graph.span(graph.node("Relu", graph.convolution(x, 3, 32, 7, 2)))
    x = graph.span(graph.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2]))
    x = _build_stages(graph, x)
    x = graph.node("Flatten", graph.node("GlobalAveragePool", x))
    last = graph.reader.tensor(256, 128, 1, 1).reshape(256, 128)
    return graph, graph.node("MatMul", x, graph.constant(last))


def _build_stages(build: ResNetGraph, x: str) -> str:
    """The 14 residual blocks: (residual, depth) thrice, down, and so on, to 256 channels."""
    side = 35  # of 150 after a 7 x 7 convolution and a 3 x 3 pooling, both of stride 2
    depth = 32
    for blocks, deeper in ((3, 64), (3, 128), (2, 256), (2, 256)):
        for _ in range(blocks):
            x = build.residual(x, depth)
        x, side = build.residual_down(x, depth, deeper, side)
        depth = deeper
    return x


def main(arguments: list[str]) -> None:
    """Convert the second file into the third, in the form that the first names."""
    form, source, target = map(Path, arguments)
    target.write_bytes(convert(source.read_bytes(), form.read_text()))


if __name__ == "__main__":
    main(sys.argv[1:])
