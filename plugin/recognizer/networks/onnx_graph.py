"""Builds an ONNX model node by node; the same calls give the same bytes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Dims = Sequence[int | str | None]
"""The sides of a tensor; a name or None where any is taken."""


class OnnxGraph:
    """Each method returns the name of its result."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[TensorProto] = []

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """A node with one result."""
        name = f"n{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def constant(self, value: NDArray[np.generic]) -> str:
        """A constant tensor."""
        name = f"c{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.array(value, order="C"), name))
        return name

    def model(self, taken: tuple[int, Dims], given: Mapping[str, tuple[str, Dims]], opset: int) -> bytes:
        """The model: `input` with its type (`TensorProto`) and sides, and float results by name, each with its tensor.

        Raises onnx's ValidationError if it is none.
        """
        entry = helper.make_tensor_value_info("input", *taken)
        results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, dims) for name, (_, dims) in given.items()]
        ends = [helper.make_node("Identity", [tensor], [name]) for name, (tensor, _) in given.items()]
        graph = helper.make_graph([*self._nodes, *ends], "network", [entry], results, self._constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString(deterministic=True))


class RoundedGraph(OnnxGraph):
    """A graph that can count in 8 bits: the pairs of nodes that onnxruntime turns into integer arithmetic (QDQ)."""

    def __init__(self, integers: bool) -> None:
        """Without `integers` everything stays as it is, in float."""
        super().__init__()
        self.integers = integers
        self._scales: dict[str, np.float32] = {}

    def round(self, x: str, low: float, high: float) -> str:
        """To the 256 values that span this range, 0 among them; in float `x` itself."""
        if not self.integers:
            return x
        least, most = np.float32(low), np.float32(high)
        scale = (most - least) / np.float32(255)
        how = self.constant(np.array(scale)), self.constant(np.array(np.rint(-least / scale), np.uint8))
        y = self.node("DequantizeLinear", self.node("QuantizeLinear", x, *how), *how)
        self._scales[y] = scale
        return y

    def convolve(self, x: str, kernel: NDArray[np.float32], bias: NDArray[np.float32], **attributes: Any) -> str:
        """A convolution. Where `x` was rounded, by a kernel of 8 bits, one scale a channel, symmetric."""
        if x not in self._scales:
            return self.node("Conv", x, self.constant(kernel), self.constant(bias), **attributes)
        scales = np.abs(kernel).max(axis=(1, 2, 3)) / np.float32(127)
        small = np.rint(kernel / scales[:, None, None, None]).astype(np.int8)
        of_bias = scales * self._scales[x]
        whole = np.rint(bias / of_bias).astype(np.int32)
        return self.node("Conv", x, self._restore(small, scales), self._restore(whole, of_bias), **attributes)

    def _restore(self, value: NDArray[np.generic], scales: NDArray[np.float32]) -> str:
        zeros = np.zeros(len(scales), value.dtype)
        return self.node("DequantizeLinear", *map(self.constant, (value, scales, zeros)), axis=0)
