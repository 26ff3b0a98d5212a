"""Recorded programs as ONNX graphs. Needs the package `onnx`, and nothing that runs them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import onnx
from onnx import helper

from cornu.graph.graph import Graph, Node, Value
from cornu.graph.onnx import contraction, control, structure  # noqa: F401 (they enter what they lower)
from cornu.graph.onnx.dims import Dim
from cornu.graph.onnx.elementwise import LOWERING
from cornu.graph.onnx.writer import IR_VERSION, OPSET, Ref, Writer, value_info
from cornu.primitives import dtypes as dt

DTYPES = frozenset(dt.DTYPES) - set(dt.COMPLEXES)
# Where the standard's operators, or ONNX Runtime's kernels for them, stop short of double precision.
_NOT_DOUBLE = {
    *("sin", "cos", "tan", "arcsin", "arccos", "arctan", "arctan2", "sinh", "cosh", "arcsinh", "arccosh", "arctanh"),
    *("expm1", "erf", "erfinv"),
    *("conv", "conv_grad_input", "conv_grad_kernel"),
}
_NOT_UINT64 = {"max", "min", "argmax", "argmin", "sort", "argsort", "searchsorted", "maximum", "minimum"}


def can_write(node: Node) -> bool:
    """Whether the node has a form in ONNX that computes it exactly as specified."""
    name = node.primitive.name
    dtypes = {v.dtype for v in (*node.operands, *node.results)}
    if name not in LOWERING or not dtypes <= DTYPES:
        return False
    if ("float64" in dtypes and name in _NOT_DOUBLE) or ("uint64" in dtypes and name in _NOT_UINT64):
        return False
    return all(can_write(inner) for graph in node.params.values() if isinstance(graph, Graph) for inner in graph.nodes)


def model(
    graph: Graph, inputs: Sequence[str] = (), outputs: Sequence[str] = (), weights: Mapping[Value, str] | None = None,
    newest: int = OPSET,
) -> onnx.ModelProto:
    """The program as a model.

    Args:
        graph: its nodes are all such that `can_write` holds. Its shapes may hold `Dim`s.
        inputs, outputs: names; by default i0, i1, … and o0, o1, …
        weights: names of constants. newest: version of ONNX's operators up to which they are used freely; later ones where
        needed.
    """
    writer = Writer(LOWERING, newest=newest)
    for value, name in (weights or {}).items():
        writer.constant(graph.constants[value], name=name)
    refs = [Ref(name, v.dtype, v.shape) for name, v in zip(inputs or [f"i{i}" for i in range(len(graph.inputs))], graph.inputs)]
    for ref in refs:
        if writer.batch is None and Dim(1) in ref.shape:
            axis = ref.shape.index(Dim(1))
            writer.batch = writer.node("Shape", ref, dtype="int64", start=axis, end=axis + 1)
    results = writer.program(graph, refs)
    names = list(outputs or [f"o{i}" for i in range(len(results))])
    made = {name for node in writer.nodes for name in node.output}
    renamed: dict[str, str] = {}
    for name, ref in zip(names, results, strict=True):
        if ref.name in made and ref.name not in renamed:
            renamed[ref.name] = name
        else:  # an input, a constant, or an output that stands twice
            writer.nodes.append(helper.make_node("Identity", [ref.name], [name]))
    _rename(writer.nodes, renamed)
    given = [value_info(name, v.dtype, v.shape) for name, v in zip(names, graph.outputs)]
    used = set(_read(writer.nodes))
    constants = [tensor for tensor in writer.initializers if tensor.name in used]
    proto = helper.make_graph(writer.nodes, "cornu", [value_info(r.name, r.dtype, r.shape) for r in refs], given, constants)
    return helper.make_model(
        proto, opset_imports=[helper.make_opsetid("", writer.opset)], ir_version=IR_VERSION, producer_name="cornu"
    )


def _rename(nodes: Iterable[onnx.NodeProto], names: Mapping[str, str]) -> None:
    for node in nodes:
        for row in (node.input, node.output):
            for i, name in enumerate(row):
                row[i] = names.get(name, name)
        for attribute in node.attribute:
            if attribute.HasField("g"):
                _rename(attribute.g.node, names)


def _read(nodes: Iterable[onnx.NodeProto]) -> Iterator[str]:
    """Names of what the nodes, and those of their subgraphs, read."""
    for node in nodes:
        yield from node.input
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _read(attribute.g.node)


__all__: list[Any] = ["DTYPES", "LOWERING", "can_write", "model"]
