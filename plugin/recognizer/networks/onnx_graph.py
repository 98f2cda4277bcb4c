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
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
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
