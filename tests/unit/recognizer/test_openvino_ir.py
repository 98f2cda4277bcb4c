"""OpenVINO's IR becomes an ONNX model that computes the same, operation by operation; another operation is refused."""

import itertools
from collections.abc import Callable, Mapping

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from plugin.errors import EngineError
from plugin.recognizer.engines.engine import Floats
from plugin.recognizer.networks.openvino_ir import convert
from plugin.recognizer.networks.session import open_session
from tests.ir_network import NONE, IrNetwork, embedding

DRAW = np.random.default_rng(7)
PICTURE = DRAW.normal(size=(1, 4, 6, 6)).astype("f4")
WINDOW = {"strides": "1, 1", "dilations": "1, 1", "pads_begin": "1, 0", "pads_end": "0, 1", "auto_pad": "explicit"}


def run(net: IrNetwork, picture: Floats = PICTURE) -> Floats:
    model = convert(net.xml, net.weights)
    found: Floats = open_session(model).run(None, {"input": picture})[0]
    return found


def convolve(x: Floats, kernel: Floats, groups: int) -> NDArray[np.float64]:
    """A convolution as its definition says: padded above and to the right by one, stride 1."""
    padded = np.pad(x[0].astype("f8"), ((0, 0), (1, 0), (0, 1)))
    given, taken, down, across = kernel.shape
    high, wide = padded.shape[1] - down + 1, padded.shape[2] - across + 1
    out = np.zeros((given, high, wide))
    for c, i, j in itertools.product(range(given), range(high), range(wide)):
        first = c // (given // groups) * taken
        out[c, i, j] = (padded[first : first + taken, i : i + down, j : j + across] * kernel[c]).sum()
    return out


KERNEL = DRAW.normal(size=(6, 4, 3, 3)).astype("f4")
GROUPED = DRAW.normal(size=(2, 3, 2, 3, 3)).astype("f4")
SLOPES = np.array([0.1, 0.5, -0.2, 1.5], "f4")
THIRDS = PICTURE.astype("f8").reshape(1, 4, 2, 3, 2, 3)
SHIFT = DRAW.normal(size=(1, 4, 1, 1)).astype("f4")


def one_layer(kind: str, second: Floats | None = None, data: Mapping[str, object] = NONE) -> IrNetwork:
    net = IrNetwork()
    inputs = (net.parameter(1, 4, 6, 6), *([] if second is None else [net.constant(second)]))
    shape = {"Convolution": (1, 6, 5, 5), "GroupConvolution": (1, 6, 5, 5), "AvgPool": (1, 4, 2, 2)}
    return net.result(net.layer(kind, inputs, shape.get(kind, (1, 4, 6, 6)), data))


POOL = {"kernel": "3, 3", "strides": "3, 3", "pads_begin": "0, 0", "pads_end": "0, 0", "exclude-pad": "true"}
OPERATIONS: dict[str, tuple[IrNetwork, Callable[[], NDArray[np.float64]]]] = {
    "Add": (one_layer("Add", SHIFT), lambda: PICTURE + SHIFT.astype("f8")),
    "Multiply": (one_layer("Multiply", SHIFT), lambda: PICTURE * SHIFT.astype("f8")),
    "Sigmoid": (one_layer("Sigmoid"), lambda: 1 / (1 + np.exp(-PICTURE.astype("f8")))),
    "ReLU": (one_layer("ReLU"), lambda: np.maximum(PICTURE.astype("f8"), 0)),
    "PReLU": (
        one_layer("PReLU", SLOPES),
        lambda: np.where(PICTURE > 0, PICTURE, PICTURE * SLOPES.astype("f8").reshape(1, 4, 1, 1)),
    ),
    "PReLU, one slope": (one_layer("PReLU", SLOPES[:1]), lambda: np.where(PICTURE > 0, PICTURE, PICTURE * 0.1)),
    "Convolution": (one_layer("Convolution", KERNEL, WINDOW), lambda: convolve(PICTURE, KERNEL, 1)),
    "GroupConvolution": (
        one_layer("GroupConvolution", GROUPED, WINDOW),
        lambda: convolve(PICTURE, GROUPED.reshape(6, 2, 3, 3), 2),
    ),
    "AvgPool": (
        one_layer("AvgPool", None, POOL),
        lambda: PICTURE.astype("f8").reshape(1, 4, 2, 3, 2, 3).mean(axis=(3, 5)),
    ),
}


@pytest.mark.parametrize("slope", [-2.3, 0.25, 4.1])
def test_one_slope_after_a_convolution_is_computed_with_it(slope: float) -> None:
    """A slope below 0 or above 1 too; the model has the convolution and nothing that multiplies after it."""
    net = IrNetwork()
    seen = net.layer("Convolution", (net.parameter(1, 4, 6, 6), net.constant(KERNEL)), (1, 6, 5, 5), WINDOW)
    net.result(net.layer("PReLU", (seen, net.constant(np.array([slope], "f4"))), (1, 6, 5, 5)))
    expected = convolve(PICTURE, KERNEL, 1)
    assert np.abs(run(net) - np.where(expected > 0, expected, expected * slope).reshape(1, -1)).max() < 1e-4
    kinds = [node.op_type for node in onnx.load_from_string(convert(net.xml, net.weights)).graph.node]
    assert kinds == ["Conv", "LeakyRelu", "Flatten"]


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_computes_what_it_says(name: str) -> None:
    net, expected = OPERATIONS[name]
    assert np.abs(run(net) - expected().reshape(1, -1)).max() < 1e-5


def test_many_pictures_at_once_and_half_floats() -> None:
    """The IR's batch of one becomes any; weights of 16 bits are read exactly."""
    net = embedding(16, 8)
    pictures = DRAW.uniform(0, 255, size=(5, 3, 16, 16)).astype("f4")
    together = run(net, pictures)
    assert together.shape == (5, 8)
    assert np.abs(together - np.concatenate([run(net, one[None]) for one in pictures])).max() < 1e-4
    assert convert(net.xml, net.weights) == convert(net.xml, net.weights)


def cut(net: IrNetwork) -> tuple[bytes, bytes]:
    return net.xml, net.weights[:-2]


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (lambda: (b"<html>404</html>", b""), "no IR"),
        (lambda: (b"not xml at all", b""), "no IR"),
        (lambda: cut(one_layer("Add", SHIFT)), r"does not belong|cut"),
        (lambda: (one_layer("MatMul", SHIFT).xml, one_layer("MatMul", SHIFT).weights), "operation MatMul"),
        (lambda: (one_layer("AvgPool", None, POOL | {"exclude-pad": "false", "pads_end": "1, 1"}).xml, b""), "padding"),
        (lambda: (one_layer("AvgPool", None, POOL | {"rounding_type": "ceil"}).xml, b""), "by a rule"),
        (lambda: (IrNetwork().xml, b""), "no input"),
    ],
)
def test_what_is_not_known_is_refused_and_named(broken: Callable[[], tuple[bytes, bytes]], said: str) -> None:
    with pytest.raises(EngineError, match=said):
        convert(*broken())
