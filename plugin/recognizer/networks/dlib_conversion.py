"""dlib's face recognition ResNet (.dat) as an ONNX file that gives the same vectors 12 times as fast.

The .dat is dlib's own serialisation: tensors from the input to the output, each as a version, four
dimensions and little-endian float32. The shape of the network is that of dlib's example
dnn_face_recognition_ex.cpp; affine layers are folded into the convolutions before them. Run as
`python -m plugin.recognizer.networks.dlib_conversion DAT OUT`, so that onnx is loaded in a process that ends.
"""

import hashlib
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from plugin.recognizer.networks.onnx_graph import OnnxGraph
from plugin.recognizer.networks.weights import DAT_SHA256, check_sha256

SIDE = 150
OPSET = 13
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


class ResNetGraph(OnnxGraph):
    """dlib's layers, each with the weights that come next in its file; a method returns the name of its result."""

    def __init__(self, reader: TensorReader) -> None:
        super().__init__()
        self.reader = reader

    def convolution(self, x: str, taken: int, given: int, side: int, stride: int) -> str:
        """A convolution with the following affine layer folded in; padded only where stride is 1."""
        count = given * taken * side * side
        raw = self.reader.tensor(count + given, 1, 1, 1)
        gamma, beta = np.split(self.reader.tensor(2 * given, 1, 1, 1), 2)
        kernel = raw[:count].reshape(given, taken, side, side) * gamma[:, None, None, None]
        bias = raw[count:] * gamma + beta
        pad = side // 2 if stride == 1 else 0
        shape = {"kernel_shape": [side, side], "strides": [stride, stride], "pads": [pad] * 4}
        return self.node("Conv", x, self.constant(kernel), self.constant(bias), **shape)

    def residual(self, x: str, depth: int) -> str:
        """dlib's `residual`: two convolutions and the input added."""
        inner = self.node("Relu", self.convolution(x, depth, depth, 3, 1))
        return self.node("Relu", self.node("Add", self.convolution(inner, depth, depth, 3, 1), x))

    def residual_down(self, x: str, taken: int, given: int, side: int) -> tuple[str, int]:
        """dlib's `residual_down`: halves the side; dlib's addition pads with zeros."""
        inner = self.node("Relu", self.convolution(x, taken, given, 3, 2))
        inner = self.convolution(inner, given, given, 3, 1)
        pooled = self.node("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2])
        inner_side, pooled_side = (side - 3) // 2 + 1, (side - 2) // 2 + 1
        result = max(inner_side, pooled_side)
        inner = self.padded(inner, 0, result - inner_side)
        pooled = self.padded(pooled, given - taken, result - pooled_side)
        return self.node("Relu", self.node("Add", inner, pooled)), result

    def padded(self, x: str, channels: int, sides: int) -> str:
        """Zeros after the channels, and below and to the right."""
        if channels == sides == 0:
            return x
        return self.node("Pad", x, self.constant(np.array([0, 0, 0, 0, 0, channels, sides, sides])))


def convert(dat: bytes) -> bytes:
    """The ONNX model of dlib's network: (n, 150, 150, 3) uint8 RGB -> (n, 128) float32, not normalised.

    The same bytes give the same model. Raises EngineError if `dat` is not dlib's published file.
    """
    check_sha256(hashlib.sha256(dat).hexdigest(), DAT_SHA256, "dlib_face_recognition_resnet_model_v1.dat")
    build = ResNetGraph(TensorReader(dat))
    x = build.node("Cast", build.node("Transpose", "input", perm=[0, 3, 1, 2]), to=TensorProto.FLOAT)
    x = build.node("Sub", x, build.constant(np.array(_MEAN, "f4").reshape(1, 3, 1, 1)))
    x = build.node("Mul", x, build.constant(np.array(1 / 256, "f4")))
    x = build.node("Relu", build.convolution(x, 3, 32, 7, 2))
    x = build.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2])
    x = _build_stages(build, x)
    x = build.node("Flatten", build.node("GlobalAveragePool", x))
    last = build.reader.tensor(256, 128, 1, 1).reshape(256, 128)
    x = build.node("MatMul", x, build.constant(last))
    return build.model((TensorProto.UINT8, ("n", SIDE, SIDE, 3)), {"embedding": (x, ("n", 128))}, OPSET)


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
    """Convert the first file into the second."""
    source, target = arguments
    Path(target).write_bytes(convert(Path(source).read_bytes()))


if __name__ == "__main__":
    main(sys.argv[1:])
