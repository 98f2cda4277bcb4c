"""Small networks in OpenVINO's IR, written by hand: stand-ins for publishers' files."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

NONE: Mapping[str, object] = {}


@dataclass
class IrNetwork:
    """Builds the .xml and the .bin of a network, layer by layer; each method returns the layer's number."""

    layers: list[str] = field(default_factory=list)
    edges: list[str] = field(default_factory=list)
    weights: bytes = b""

    def layer(
        self, kind: str, inputs: tuple[int, ...], shape: tuple[int, ...] = (), data: Mapping[str, object] = NONE
    ) -> int:
        number = len(self.layers)
        given = " ".join(f'{name}="{value}"' for name, value in data.items())
        ports = "".join(f'<port id="{i}"/>' for i in range(len(inputs)))
        dims = "".join(f"<dim>{side}</dim>" for side in shape)
        out = f'<output><port id="{len(inputs)}">{dims}</port></output>' if shape else ""
        self.layers.append(
            f'<layer id="{number}" name="l{number}" type="{kind}" version="opset1">'
            f"<data {given}/><input>{ports}</input>{out}</layer>"
        )
        for port, source in enumerate(inputs):
            self.edges.append(f'<edge from-layer="{source}" from-port="0" to-layer="{number}" to-port="{port}"/>')
        return number

    def constant(self, value: NDArray[np.float32], kind: str = "f32") -> int:
        raw = value.astype({"f32": "<f4", "f16": "<f2"}[kind]).tobytes()
        start = len(self.weights)
        self.weights += raw
        shape = ",".join(map(str, value.shape))
        data = {"element_type": kind, "shape": shape, "offset": start, "size": len(raw)}
        number = self.layer("Const", (), value.shape, data)
        return self.layer("Convert", (number,), value.shape, {"destination_type": "f32"}) if kind == "f16" else number

    def parameter(self, *shape: int) -> int:
        return self.layer("Parameter", (), shape, {"element_type": "f32", "shape": ",".join(map(str, shape))})

    def result(self, source: int) -> "IrNetwork":
        self.layer("Result", (source,))
        return self

    @property
    def xml(self) -> bytes:
        layers, edges = "".join(self.layers), "".join(self.edges)
        return f'<net name="n" version="11"><layers>{layers}</layers><edges>{edges}</edges></net>'.encode()


def embedding(side: int, vector: int, seed: int = 1) -> IrNetwork:
    """A network that is none of a face: a strided convolution, PReLU, and a mean over the whole picture."""
    net, draw = IrNetwork(), np.random.default_rng(seed)
    picture = net.parameter(1, 3, side, side)
    kernel = net.constant((draw.normal(size=(vector, 3, 8, 8)) / 2000).astype("f4"), "f16")
    half = side // 8
    sides = {"strides": "8, 8", "dilations": "1, 1", "pads_begin": "0, 0", "pads_end": "0, 0", "auto_pad": "explicit"}
    seen = net.layer("Convolution", (picture, kernel), (1, vector, half, half), sides)
    slope = net.constant(np.array([0.25], "f4"), "f16")
    bent = net.layer("PReLU", (seen, slope), (1, vector, half, half))
    pool = {"kernel": f"{half}, {half}", "strides": "1, 1", "pads_begin": "0, 0", "pads_end": "0, 0"}
    words = {"exclude-pad": "true", "rounding_type": "floor", "auto_pad": "explicit"}
    mean = net.layer("AvgPool", (bent,), (1, vector, 1, 1), pool | words)
    return net.result(mean)
