"""Control flow in ONNX: subgraphs see the surrounding values by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import onnx
from onnx import helper

from cornu.graph.graph import Graph, Value
from cornu.graph.onnx.elementwise import lowers
from cornu.graph.onnx.writer import Ref, Writer, value_info


def _subgraph(o: Writer, inputs: Sequence[Ref], outputs: Sequence[Ref]) -> onnx.GraphProto:
    """The nodes that were written to `o` as a graph."""
    names = o.outputs(outputs)
    declared = [value_info(ref.name, ref.dtype, ref.shape) for ref in inputs]
    given = [value_info(name, ref.dtype, ref.shape) for name, ref in zip(names, outputs, strict=True)]
    return helper.make_graph(o.nodes, o.fresh(), declared, given)


def _control(o: Writer, op: str, operands: Sequence[Ref], dtypes: Sequence[str], **attributes: Any) -> list[Ref]:
    names = [o.fresh() for _ in dtypes]
    o.nodes.append(helper.make_node(op, [ref.name for ref in operands], names, **attributes))
    return [Ref(name, dtype) for name, dtype in zip(names, dtypes, strict=True)]


def _inputs(o: Writer, values: Sequence[Value], shapes: Sequence[Any] | None = None) -> list[Ref]:
    return [Ref(o.fresh(), v.dtype, v.shape) for v in values]


@lowers
def cond(o: Writer, pred: Ref, *operands: Ref, true_fn: Graph, false_fn: Graph) -> list[Ref]:
    branches = {}
    for name, graph in (("then_branch", true_fn), ("else_branch", false_fn)):
        inner = o.inner()
        branches[name] = _subgraph(inner, [], inner.program(graph, operands))
    return _control(o, "If", [pred], [v.dtype for v in true_fn.outputs], **branches)


@lowers
def while_loop(o: Writer, *operands: Ref, cond_fn: Graph, body_fn: Graph, n_state: int) -> list[Ref]:
    state, constants = operands[:n_state], operands[n_state:]
    (first,) = o.program(cond_fn, operands)
    inner = o.inner()
    turn, going = Ref(inner.fresh(), "int64", ()), Ref(inner.fresh(), "bool", ())
    now = _inputs(inner, body_fn.inputs[:n_state])
    new = inner.program(body_fn, [*now, *constants])
    (again,) = inner.program(cond_fn, [*new, *constants])
    body = _subgraph(inner, [turn, going, *now], [again, *new])
    names = [o.fresh() for _ in state]
    o.nodes.append(helper.make_node("Loop", ["", first.name, *[ref.name for ref in state]], names, body=body))
    return [Ref(name, ref.dtype) for name, ref in zip(names, state, strict=True)]


@lowers
def scan(o: Writer, *operands: Ref, body_fn: Graph, n_carry: int, n_xs: int, length: int, reverse: bool = False) -> list[Ref]:
    carry, xs, constants = operands[:n_carry], operands[n_carry : n_carry + n_xs], operands[n_carry + n_xs :]
    outputs = body_fn.outputs[n_carry:]
    if length == 0:
        return [*carry, *[o.filled((0, *v.shape), 0, v.dtype) for v in outputs]]
    inner = o.inner()
    now = _inputs(inner, body_fn.inputs[: n_carry + n_xs])
    results = inner.program(body_fn, [*now, *constants])
    if not xs:  # ONNX's Scan takes its number of turns from a sequence
        xs, counter = (o.filled((length,), 0, "bool"),), [Ref(inner.fresh(), "bool", ())]
    else:
        counter = []
    directions = {"scan_input_directions": [1] * len(xs), "scan_output_directions": [1] * len(outputs)} if reverse else {}
    return _control(
        o, "Scan", [*carry, *xs], [v.dtype for v in body_fn.outputs], body=_subgraph(inner, [*now, *counter], results),
        num_scan_inputs=len(xs), **{name: row for name, row in directions.items() if row},
    )  # fmt: skip


@lowers
def with_gradient(o: Writer, *operands: Ref, backward_fn: Graph, n_results: int, n_inputs: int) -> list[Ref]:
    return list(operands[:n_results])  # all is differentiated by now
