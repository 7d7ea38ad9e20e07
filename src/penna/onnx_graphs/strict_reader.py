"""A strict reader of ONNX files: it refuses every field that Penna does not write.

Knows the wire format (Protocol Buffers) and NumPy; no onnx and no onnxruntime, which must not see an unchecked file.

Weights stay in the memory-mapped file, so reading takes only the time of the few other bytes.
"""

import mmap
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from penna.data.arrays import Array
from penna.onnx_graphs.graph_values import IR, OPERATORS, PRODUCER, TYPES, Graph, Node, Value

Span: TypeAlias = tuple[int, int]
#: The most fields of a file in all messages: a thousand layers have fewer.
_MOST_FIELDS = 500_000
_MOST_NAME = 256  # bytes
_LARGEST_NUMBER = 1 << 62
#: A graph may hold the bodies of loops, and these hold no graphs.
_DEEPEST = 1
#: Wire types of values.
_VARINT, _LENGTH, _FIXED32 = 0, 2, 5


def read(path: Path) -> Graph:
    """Return the graph of a model file.

    Raises ValueError for anything that Penna does not write, OSError if the file cannot be read.
    """
    file = _File(path)
    model = _message(file, (0, len(file.content)), _MODEL)
    versions = {operators["domain"]: operators["version"] for operators in model["opset_import"]}
    if (model["ir_version"], model["producer_name"]) != (IR, PRODUCER) or len(model["opset_import"]) != len(versions):
        raise ValueError("its producer or its version differs")
    if versions != OPERATORS:
        raise ValueError("its operator sets differ")
    return _graph(file, model["graph"])


def weights_alone(path: Path) -> Mapping[str, Array]:
    """Return the weights of a file that holds nothing else. Raise the errors of ``read``."""
    file = _File(path)
    graph = _message(file, (0, len(file.content)), {7: ("graph", _span, False)})["graph"]
    tensors = _message(file, graph, {5: ("initializer", _span, True)})["initializer"]
    return _weights(file, tensors)


class _File:
    def __init__(self, path: Path) -> None:
        with path.open("rb") as opened:
            self.content = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
        self.fields = 0


#: The reader of a field: (file, wire type, number or span) -> value.
_Reader: TypeAlias = Callable[["_File", int, Any], Any]
#: Number of a field -> its name, its reader, and whether it may be repeated.
_Fields: TypeAlias = Mapping[int, tuple[str, _Reader, bool]]


def _message(file: _File, span: Span, fields: _Fields) -> dict[str, Any]:
    """Return the values of a message by name: a list for a repeated field, None for a missing one."""
    values: dict[str, Any] = {name: [] if several else None for name, _, several in fields.values()}
    for number, wire, value in _parts(file, span):
        if number not in fields:
            raise ValueError(f"it has a field {number} that no graph of Penna has")
        name, reader, several = fields[number]
        if several:
            element = reader(file, wire, value)
            values[name] += element if reader is _numbers else [element]
        elif values[name] is not None:
            raise ValueError(f"it gives {name} twice")
        else:
            values[name] = reader(file, wire, value)
    return values


def _parts(file: _File, span: Span) -> Iterator[tuple[int, int, Any]]:
    """Yield (number of the field, wire type, value), the value of a length-delimited field as its span."""
    at, end = span
    while at < end:
        file.fields += 1
        if file.fields > _MOST_FIELDS:
            raise ValueError("it has more parts than any graph of Penna")
        key, at = _varint(file.content, at, end)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _varint(file.content, at, end)
            yield number, wire, value
            continue
        if wire not in (_LENGTH, _FIXED32):
            raise ValueError(f"its field {number} is of a kind that Penna never writes")
        length, at = _varint(file.content, at, end) if wire == _LENGTH else (4, at)
        if length > end - at:
            raise ValueError("it is truncated")
        yield number, wire, (at, at + length)
        at += length


def _varint(content: mmap.mmap, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end and shift < 64:
        byte = content[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise ValueError("it is truncated")


def _span(file: _File, wire: int, value: Any) -> Span:
    if wire != _LENGTH:
        raise ValueError("a part of it is of another kind than Penna writes")
    span: Span = value
    return span


def _text(file: _File, wire: int, value: Any) -> str:
    start, end = _span(file, wire, value)
    if end - start > _MOST_NAME:
        raise ValueError("a name in it is longer than any of Penna's")
    return file.content[start:end].decode("ascii")


def _number(file: _File, wire: int, value: Any) -> int:
    if wire != _VARINT:
        raise ValueError("a number in it is of another kind than Penna writes")
    whole = int(value) - (1 << 64 if value >= 1 << 63 else 0)
    if abs(whole) > _LARGEST_NUMBER:
        raise ValueError("a number in it is larger than any of Penna's")
    return whole


def _numbers(file: _File, wire: int, value: Any) -> list[int]:
    """Return one number, or several that are packed into one field."""
    if wire == _VARINT:
        return [_number(file, wire, value)]
    at, end = _span(file, wire, value)
    numbers = []
    while at < end:
        file.fields += 1
        if file.fields > _MOST_FIELDS:
            raise ValueError("it has more parts than any graph of Penna")
        number, at = _varint(file.content, at, end)
        numbers.append(_number(file, _VARINT, number))
    return numbers


def _float(file: _File, wire: int, value: Any) -> float:
    if wire != _FIXED32:
        raise ValueError("a number in it is of another kind than Penna writes")
    (number,) = struct.unpack("<f", file.content[value[0] : value[1]])
    return float(number)


def _elsewhere(file: _File, wire: int, value: Any) -> None:
    raise ValueError("it keeps weights in other files, which could be any file of this machine")


_MODEL: _Fields = {
    1: ("ir_version", _number, False),
    2: ("producer_name", _text, False),
    7: ("graph", _span, False),
    8: ("opset_import", lambda file, wire, value: _message(file, _span(file, wire, value), _OPERATORS), True),
}
_OPERATORS: _Fields = {1: ("domain", _text, False), 2: ("version", _number, False)}
_GRAPH: _Fields = {
    1: ("node", _span, True),
    2: ("name", _text, False),
    5: ("initializer", _span, True),
    11: ("input", _span, True),
    12: ("output", _span, True),
}
_NODE: _Fields = {
    1: ("input", _text, True),
    2: ("output", _text, True),
    4: ("op_type", _text, False),
    5: ("attribute", _span, True),
    7: ("domain", _text, False),
}
_ATTRIBUTE: _Fields = {
    1: ("name", _text, False),
    2: ("f", _float, False),
    3: ("i", _number, False),
    6: ("g", _span, False),
    8: ("ints", _numbers, True),
    20: ("type", _number, False),
}
#: Number of an attribute's type -> the field that holds it.
_HELD = {1: "f", 2: "i", 5: "g", 7: "ints"}
_TENSOR: _Fields = {
    1: ("dims", _numbers, True),
    2: ("data_type", _number, False),
    8: ("name", _text, False),
    9: ("raw_data", _span, False),
    13: ("external_data", _elsewhere, True),
    14: ("data_location", _elsewhere, False),
}
_VALUE: _Fields = {1: ("name", _text, False), 2: ("type", _span, False)}
_TYPE: _Fields = {1: ("tensor_type", _span, False)}
_TENSOR_TYPE: _Fields = {1: ("elem_type", _number, False), 2: ("shape", _span, False)}
_SHAPE: _Fields = {1: ("dim", _span, True)}
_AXIS: _Fields = {1: ("dim_value", _number, False), 2: ("dim_param", _text, False)}


@dataclass(frozen=True)
class _Tensor:
    name: str
    array: Array


def _graph(file: _File, span: Span | None, depth: int = 0) -> Graph:
    if span is None:
        raise ValueError("it has no graph")
    if depth > _DEEPEST:
        raise ValueError("its graphs are nested deeper than any of Penna's")
    parts = _message(file, span, _GRAPH)
    return Graph(
        parts["name"] or "",
        [_node(file, node, depth) for node in parts["node"]],
        [_value(file, value) for value in parts["input"]],
        [_value(file, value) for value in parts["output"]],
        _weights(file, parts["initializer"]),
    )


def _node(file: _File, span: Span, depth: int) -> Node:
    parts = _message(file, span, _NODE)
    settings: dict[str, Any] = {}
    for part in parts["attribute"]:
        name, value = _attribute(file, part, depth)
        if name in settings:
            raise ValueError(f"it gives {name} twice")
        settings[name] = value
    return Node(parts["op_type"] or "", tuple(parts["input"]), tuple(parts["output"]), parts["domain"] or "", settings)


def _attribute(file: _File, span: Span, depth: int) -> tuple[str, Any]:
    parts = _message(file, span, _ATTRIBUTE)
    held = _HELD.get(parts["type"])
    if held is None or any(parts[other] not in (None, []) for other in set(_HELD.values()) - {held}):
        raise ValueError("a setting in it is of another kind than Penna writes")
    value = _graph(file, parts["g"], depth + 1) if held == "g" else parts[held]
    if value is None:  # zeros may be omitted
        value = 0
    return parts["name"] or "", value


def _value(file: _File, span: Span) -> Value:
    parts = _message(file, span, _VALUE)
    kind = _message(file, parts["type"] or (0, 0), _TYPE)
    tensor = _message(file, kind["tensor_type"] or (0, 0), _TENSOR_TYPE)
    axes = [_message(file, axis, _AXIS) for axis in _message(file, tensor["shape"] or (0, 0), _SHAPE)["dim"]]
    if tensor["elem_type"] not in TYPES or any((axis["dim_value"] is None) == (not axis["dim_param"]) for axis in axes):
        raise ValueError("an input or output is of another kind than Penna writes")
    shape = tuple(axis["dim_param"] or axis["dim_value"] for axis in axes)
    return Value(parts["name"] or "", np.dtype(TYPES[tensor["elem_type"]]).name, shape)


def _weights(file: _File, spans: list[Span]) -> Mapping[str, Array]:
    arrays: dict[str, Array] = {}
    for span in spans:
        tensor = _tensor(file, span)
        if tensor.name in arrays:
            raise ValueError(f"it gives the weights {tensor.name} twice")
        arrays[tensor.name] = tensor.array
    return arrays


def _tensor(file: _File, span: Span) -> _Tensor:
    parts = _message(file, span, _TENSOR)
    name, shape = parts["name"] or "", tuple(parts["dims"])
    if parts["data_type"] not in TYPES or len(shape) > 4 or any(edge < 0 for edge in shape):
        raise ValueError(f"its weights {name} are of another kind than Penna writes")
    kind = np.dtype(TYPES[parts["data_type"]])
    start, end = parts["raw_data"] or (0, 0)
    count = 1
    for edge in shape:
        count *= edge
    if end - start != count * kind.itemsize:
        raise ValueError(f"its weights {name} do not have their stated size")
    if not count:
        return _Tensor(name, np.zeros(shape, kind))
    return _Tensor(name, np.frombuffer(file.content, kind, count, start).reshape(shape))
