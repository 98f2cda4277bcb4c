"""A network in OpenVINO's IR (version 10 or 11, opset1) as an ONNX model that gives the same vectors.

Only the operations that face networks are made of; another one is refused by its name. The file's checksum is
verified before (`cards`): the XML is the publisher's. Run as `python -m plugin.recognizer.networks.openvino_ir XML BIN
OUT`, so that onnx is loaded in a process that ends.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError, fromstring

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from plugin.errors import EngineError

_TYPES = {"f16": "<f2", "f32": "<f4", "i64": "<i8", "i32": "<i4"}
_SIMPLE = {"Add": "Add", "Multiply": "Mul", "Sigmoid": "Sigmoid", "ReLU": "Relu"}


@dataclass(frozen=True)
class Layer:
    """An operation of the IR: its attributes, and the layers whose results it takes, in order."""

    id: str
    kind: str
    data: dict[str, str]
    inputs: list[str]
    shape: list[int]

    def numbers(self, name: str) -> list[int]:
        """The attribute `name` as integers. Raises EngineError without it."""
        try:
            return [int(part) for part in self.data[name].split(",")]
        except (KeyError, ValueError):
            raise EngineError(f"the network's {self.kind} has no readable {name!r}: it cannot be converted") from None


def convert(xml: bytes, weights: bytes) -> bytes:
    """The ONNX model: `input` (n, channels, height, width) float32 -> `embedding` (n, width) float32.

    The same files give the same bytes. Raises EngineError for an operation that is not known here, or a broken file.
    """
    try:
        layers = _read_layers(fromstring(xml))  # noqa: S314 (the checksum was verified)
    except (ParseError, AttributeError, ValueError, KeyError) as error:
        raise EngineError("the network's .xml is no IR of OpenVINO (version 10 or 11)") from error
    return _Converter(layers, weights).build()


def _read_layers(root: Element) -> list[Layer]:
    if root.tag != "net" or root.attrib["version"] not in {"10", "11"}:
        raise ValueError(root.tag)
    sources: dict[str, dict[int, str]] = {}
    for edge in root.iterfind("edges/edge"):
        sources.setdefault(edge.attrib["to-layer"], {})[int(edge.attrib["to-port"])] = edge.attrib["from-layer"]
    layers = []
    for layer in root.iterfind("layers/layer"):
        data, ports = layer.find("data"), layer.find("output/port")
        shape = [int(dim.text or 0) for dim in ports.iterfind("dim")] if ports is not None else []
        inputs = [source for _, source in sorted(sources.get(layer.attrib["id"], {}).items())]
        attributes = {} if data is None else dict(data.attrib)
        layers.append(Layer(layer.attrib["id"], layer.attrib["type"], attributes, inputs, shape))
    return layers


class _Converter:
    """Turns layers into nodes; constants are folded, so that `Convert` of half floats leaves no node."""

    def __init__(self, layers: list[Layer], weights: bytes) -> None:
        self._layers = {layer.id: layer for layer in layers}
        self._weights = weights
        self._constants: dict[str, NDArray[np.generic]] = {}
        self._names: dict[str, str] = {}
        self._nodes: list[NodeProto] = []
        self._stored: dict[str, NDArray[np.generic]] = {}
        self._input: Layer | None = None
        self._result = ""

    def build(self) -> bytes:
        for layer in self._ordered():
            self._take(layer)
        if self._input is None or not self._result:
            raise EngineError("the network has no input or no result: it cannot be converted")
        self._node("Flatten", [self._result], output="embedding", axis=1)
        last = self._layers[next(layer.inputs[0] for layer in self._layers.values() if layer.kind == "Result")]
        taken = helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", *self._input.shape[1:]])
        width = int(np.prod(last.shape[1:]))
        given = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", width])
        held = [numpy_helper.from_array(value, name) for name, value in self._stored.items()]
        graph = helper.make_graph(self._nodes, "openvino", [taken], [given], held)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString(deterministic=True))

    def _ordered(self) -> list[Layer]:
        """Each layer after those that it takes from."""
        done: dict[str, Layer] = {}
        waiting = list(self._layers.values())
        while waiting:
            ready = [layer for layer in waiting if all(one in done for one in layer.inputs)]
            if not ready:
                raise EngineError("the network's layers form a circle: it cannot be converted")
            done |= {layer.id: layer for layer in ready}
            waiting = [layer for layer in waiting if layer.id not in done]
        return list(done.values())

    def _take(self, layer: Layer) -> None:
        known: dict[str, Callable[[Layer], None]] = {
            "Parameter": self._parameter,
            "Const": self._const,
            "Convert": self._convert,
            "Convolution": self._convolution,
            "GroupConvolution": self._group_convolution,
            "PReLU": self._prelu,
            "AvgPool": self._average_pool,
            "Result": self._end,
        }
        known |= dict.fromkeys(_SIMPLE, self._simple)
        if layer.kind not in known:
            raise EngineError(f"the network has an operation {layer.kind}: it cannot be converted")
        known[layer.kind](layer)

    def _node(self, kind: str, inputs: list[str], output: str = "", **attributes: int | float | list[int]) -> str:
        name = output or f"n{len(self._nodes)}"
        node = helper.make_node(kind, inputs, [name])
        node.attribute.extend(helper.make_attribute(key, value) for key, value in sorted(attributes.items()))
        self._nodes.append(node)
        return name

    def _store(self, value: NDArray[np.generic]) -> str:
        name = f"c{len(self._stored)}"
        self._stored[name] = np.ascontiguousarray(value)
        return name

    def _name(self, layer_id: str) -> str:
        """The name of a layer's result; a constant is stored when it is first asked for."""
        if layer_id not in self._names:
            self._names[layer_id] = self._store(self._constants[layer_id])
        return self._names[layer_id]

    def _parameter(self, layer: Layer) -> None:
        if self._input is not None:
            raise EngineError("the network has more than one input: it cannot be converted")
        self._input, self._names[layer.id] = layer, "input"

    def _const(self, layer: Layer) -> None:
        kind = _TYPES.get(layer.data.get("element_type", ""))
        start, size = layer.numbers("offset")[0], layer.numbers("size")[0]
        raw = self._weights[start : start + size]
        if kind is None or len(raw) != size or size != int(np.prod(layer.shape)) * np.dtype(kind).itemsize:
            raise EngineError("the network's .bin does not belong to its .xml, or is cut: get both again")
        self._constants[layer.id] = np.frombuffer(raw, kind).reshape(layer.shape)

    def _convert(self, layer: Layer) -> None:
        value = self._constants.get(layer.inputs[0])
        if value is None or layer.data.get("destination_type") != "f32":
            raise EngineError("the network converts values while it runs: it cannot be converted")
        self._constants[layer.id] = value.astype(np.float32)

    def _simple(self, layer: Layer) -> None:
        inputs = [self._name(one) for one in layer.inputs]
        self._names[layer.id] = self._node(_SIMPLE[layer.kind], inputs)

    def _convolution(self, layer: Layer) -> None:
        self._convolve(layer, self._constants[layer.inputs[1]], 1)

    def _group_convolution(self, layer: Layer) -> None:
        kernel = self._constants[layer.inputs[1]]  # (groups, given, taken, height, width)
        self._convolve(layer, kernel.reshape(-1, *kernel.shape[2:]), kernel.shape[0])

    def _convolve(self, layer: Layer, kernel: NDArray[np.generic], groups: int) -> None:
        inputs = [self._name(layer.inputs[0]), self._store(kernel)]
        strides, pads = self._read_window(layer)
        sides, apart = list(kernel.shape[2:]), layer.numbers("dilations")
        self._names[layer.id] = self._node(
            "Conv", inputs, kernel_shape=sides, group=groups, dilations=apart, strides=strides, pads=pads
        )

    def _average_pool(self, layer: Layer) -> None:
        strides, pads = self._read_window(layer)
        if layer.data.get("exclude-pad") != "true" and any(pads):
            raise EngineError("the network's AvgPool counts its padding: it cannot be converted")
        x, kernel = self._name(layer.inputs[0]), layer.numbers("kernel")
        self._names[layer.id] = self._node("AveragePool", [x], kernel_shape=kernel, strides=strides, pads=pads)

    def _read_window(self, layer: Layer) -> tuple[list[int], list[int]]:
        """Strides, and pads at the begin and at the end."""
        if layer.data.get("auto_pad", "explicit") != "explicit" or layer.data.get("rounding_type", "floor") != "floor":
            raise EngineError(f"the network's {layer.kind} pads by a rule: it cannot be converted")
        return layer.numbers("strides"), layer.numbers("pads_begin") + layer.numbers("pads_end")

    def _prelu(self, layer: Layer) -> None:
        """max(x, 0) + slope * min(x, 0): with one slope LeakyRelu, which onnxruntime computes within the convolution.

        With a slope for each channel x * slope + max(x, 0) * (1 - slope): its PRelu is slower.
        """
        slope = self._constants[layer.inputs[1]].astype(np.float32).reshape(-1)
        x = self._name(layer.inputs[0])
        if len(slope) == 1:
            self._names[layer.id] = self._node("LeakyRelu", [x], alpha=float(slope[0]))
            return
        rank = len(self._layers[layer.inputs[0]].shape)
        slope = slope.reshape(-1, *[1] * (rank - 2))
        below = self._node("Mul", [x, self._store(slope)])
        above = self._node("Mul", [self._node("Relu", [x]), self._store(1 - slope)])
        self._names[layer.id] = self._node("Add", [below, above])

    def _end(self, layer: Layer) -> None:
        self._result = self._name(layer.inputs[0])


def main(arguments: list[str]) -> None:
    """Convert the first two files into the third."""
    xml, weights, target = arguments
    Path(target).write_bytes(convert(Path(xml).read_bytes(), Path(weights).read_bytes()))


if __name__ == "__main__":
    main(sys.argv[1:])
