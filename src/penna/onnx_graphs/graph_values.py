"""An ONNX graph as plain values: the output of Penna's writers and its reader, and the conversion to a file.

Knows arrays; imports onnx only to write.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from penna.data.arrays import Array

if TYPE_CHECKING:
    import onnx

#: Versions in every model of Penna: of the file format, and of the two operator sets.
IR = 8
FUSED = "com.microsoft"
OPERATORS: Mapping[str, int] = {"": 17, FUSED: 1}
PRODUCER = "penna"
#: Number of a type in a file -> type. There are no others.
TYPES: Mapping[int, Any] = {1: np.float32, 2: np.uint8, 3: np.int8, 6: np.int32, 7: np.int64, 9: np.bool_}


@dataclass(frozen=True)
class Value:
    """An input or output of a graph; an axis is a number, or a name if it is variable."""

    name: str
    kind: str  # a NumPy dtype name
    shape: tuple[int | str, ...]


@dataclass(frozen=True)
class Node:
    """One operator. A setting is a whole number, a float, a list of whole numbers, or a graph."""

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    domain: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Graph:
    """Nodes in order, with inputs, outputs, and weights by name."""

    name: str
    nodes: Sequence[Node] = ()
    inputs: Sequence[Value] = ()
    outputs: Sequence[Value] = ()
    weights: Mapping[str, Array] = field(default_factory=dict)


def model(graph: Graph) -> "onnx.ModelProto":
    """Return the graph as an ONNX model."""
    from onnx import helper

    operators = [helper.make_opsetid(domain, version) for domain, version in OPERATORS.items()]
    return helper.make_model(_graph(graph), opset_imports=operators, ir_version=IR, producer_name=PRODUCER)


def weights_alone(weights: Mapping[str, Array]) -> "onnx.ModelProto":
    """Return a model that holds only these weights."""
    import onnx

    return onnx.ModelProto(graph=onnx.GraphProto(initializer=_tensors(weights)))


def _graph(graph: Graph) -> Any:
    from onnx import helper

    nodes = [
        helper.make_node(
            node.operator,
            list(node.inputs),
            list(node.outputs),
            domain=node.domain,
            **{name: _graph(value) if isinstance(value, Graph) else value for name, value in node.settings.items()},
        )
        for node in graph.nodes
    ]
    inputs, outputs = ([_described(value) for value in values] for values in (graph.inputs, graph.outputs))
    return helper.make_graph(nodes, graph.name, inputs, outputs, initializer=_tensors(graph.weights))


def _described(value: Value) -> Any:
    from onnx import helper

    (number,) = (n for n, kind in TYPES.items() if np.dtype(kind) == value.kind)
    return helper.make_tensor_value_info(value.name, number, list(value.shape))


def _tensors(weights: Mapping[str, Array]) -> list[Any]:
    from onnx import numpy_helper

    return [numpy_helper.from_array(np.asarray(array, order="C"), name) for name, array in weights.items()]
