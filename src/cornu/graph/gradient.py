"""Reverse-mode differentiation of a recorded program, by the table's VJP rules. The result is recorded in the same way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cornu import context
from cornu.graph.graph import Graph, Node, Value
from cornu.primitives import dtypes as dt
from cornu.primitives.primitive import TABLE, lookup

# ruff: noqa: E731


def gradients(nodes: Sequence[Node], outputs: Sequence[Value], seeds: Sequence[Any] | None, inputs: Sequence[Value]) -> list[Any]:
    """Cotangents of `inputs`, recorded on the current (recording) engine.

    Args:
        nodes: the program between inputs and outputs, in order.
        outputs: what is differentiated.
        seeds: a cotangent for each output (None: no contribution); by default ones.
        inputs: with respect to what.

    Returns:
        For each input a tensor of its shape and dtype: zeros where the outputs don't depend on it.
    """
    found: dict[Value, Any] = {}
    for i, output in enumerate(outputs):
        seed = _full(output, 1) if seeds is None else seeds[i]
        if seed is not None:
            _add(found, output, seed)
    active = _depending_on(nodes, inputs)
    for node in reversed(list(nodes)):
        if not any(result in found for result in node.results) or not active.intersection(node.operands):
            continue
        for operand, cotangent in zip(node.operands, _cotangents(node, found, active), strict=True):
            if cotangent is not None and operand in active:
                _add(found, operand, _unbroadcast(cotangent, operand))
    return [found[v] if v in found else _full(v, 0) for v in inputs]


def _depending_on(nodes: Sequence[Node], inputs: Sequence[Value]) -> set[Value]:
    active = set(inputs)
    for node in nodes:
        if node.primitive.name != "stop_gradient" and active.intersection(node.operands):
            active.update(v for v in node.results if dt.is_differentiable(v.dtype))
    return active


def reaching(nodes: Sequence[Node], outputs: Sequence[Value]) -> set[Value]:
    """The values that have a gradient of the outputs: from which a differentiable way leads there."""
    reached = {v for v in outputs if dt.is_differentiable(v.dtype)}
    for node in reversed(list(nodes)):
        passes = node.primitive.name in _CONTROL or node.primitive.vjp is not None
        if passes and node.primitive.name != "stop_gradient" and reached.intersection(node.results):
            reached.update(v for v in node.operands if dt.is_differentiable(v.dtype))
    return reached


def _cotangents(node: Node, found: dict[Value, Any], active: set[Value]) -> Sequence[Any]:
    primitive = node.primitive
    if primitive.name in _CONTROL:
        return _CONTROL[primitive.name](node, found, active)
    if primitive.vjp is None:
        return [None] * len(node.operands)
    g: list[Any] = [found.get(v) for v in node.results]
    y: list[Any] = list(node.results)
    if len(y) > 1:
        g = [_full(v, 0) if seed is None else seed for v, seed in zip(y, g, strict=True)]
        return primitive.vjp(tuple(g), tuple(y), *node.operands, **node.params)
    return primitive.vjp(g[0], y[0], *node.operands, **node.params)


def _add(found: dict[Value, Any], value: Value, cotangent: Any) -> None:
    found[value] = lookup("add")(found[value], cotangent) if value in found else cotangent


def _full(value: Value, number: int) -> Any:
    return lookup("full")(shape=value.shape, value=number, dtype=value.dtype)


def _unbroadcast(cotangent: Any, operand: Value) -> Any:
    """Sum a cotangent over the dimensions along which its operand was repeated."""
    shape = tuple(cotangent.shape)
    if shape != operand.shape:
        if len(shape) < len(operand.shape) or (
            len(shape) == len(operand.shape) and 1 in shape and _smaller(shape, operand.shape)
        ):
            return lookup("broadcast_to")(cotangent, shape=operand.shape)
        extra = len(shape) - len(operand.shape)
        axes = tuple(i for i, size in enumerate(shape) if i < extra or (operand.shape[i - extra] == 1 and size != 1))
        cotangent = lookup("sum")(cotangent, axes=axes, keepdims=False)
        cotangent = lookup("reshape")(cotangent, shape=operand.shape)
    return cotangent if cotangent.dtype == operand.dtype else lookup("cast")(cotangent, dtype=operand.dtype)


def _smaller(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    return all(a in (1, b) for a, b in zip(shape, target, strict=True))


def graph_vjp(graph: Graph, operands: Sequence[Any], seeds: Sequence[Any]) -> list[Any]:
    """Inline `graph` at `operands` and differentiate it: cotangents of the operands for cotangents of the outputs.

    Both lists have None where an operand or an output is not differentiable.
    """
    tracer: Any = context.current()
    own = [tracer.lift(x) for x in operands]
    fresh = [Value(tracer.graph, v.shape, v.dtype) for v in own]
    start = len(tracer.graph.nodes)
    outputs = [tracer.lift(v) for v in graph(*fresh)]
    cotangents = gradients(tracer.graph.nodes[start:], outputs, seeds, fresh)
    # The fresh values made the operands distinct; now they are the operands.
    instead = dict(zip(fresh, own, strict=True))
    for node in tracer.graph.nodes[start:]:
        node.operands = [instead.get(v, v) for v in node.operands]
    return [c if dt.is_differentiable(v.dtype) else None for v, c in zip(own, cotangents, strict=True)]


def _cond_vjp(node: Node, found: dict[Value, Any], active: set[Value]) -> Sequence[Any]:
    pred, *operands = node.operands
    kept = [i for i, v in enumerate(operands) if dt.is_differentiable(v.dtype)]
    seeds = _seeds(node, found)
    given = [s for s in seeds if s is not None]

    def branch(graph: Graph) -> Any:
        def backward(*values: Any) -> list[Any]:
            each = iter(values[len(operands) :])
            cotangents = graph_vjp(graph, values[: len(operands)], [s if s is None else next(each) for s in seeds])
            return [cotangents[i] for i in kept]

        return backward

    results = lookup("cond")(
        pred, *operands, *given, true_fn=branch(node.params["true_fn"]), false_fn=branch(node.params["false_fn"])
    )
    return [None, *_place(results, kept, len(operands))]


def _seeds(node: Node, found: dict[Value, Any]) -> list[Any]:
    """A cotangent for each differentiable result."""
    return [
        None if not dt.is_differentiable(v.dtype) else found[v] if v in found else _full(v, 0) for v in node.results
    ]


def _place(items: Sequence[Any], places: Sequence[int], count: int) -> list[Any]:
    row: list[Any] = [None] * count
    for place, item in zip(places, items, strict=True):
        row[place] = item
    return row


def _scan_vjp(node: Node, found: dict[Value, Any], active: set[Value]) -> Sequence[Any]:
    """Walk back over what the forward scan saves of each step."""
    n_carry, n_xs = node.params["n_carry"], node.params["n_xs"]
    length, reverse, body = node.params["length"], node.params["reverse"], node.params["body_fn"]
    seeds = _seeds(node, found)
    operands = node.operands
    states = [
        Value(operands[i].graph, (length, *operands[i].shape), operands[i].dtype) for i in range(n_carry)
    ]  # before each step
    xs, constants = operands[n_carry : n_carry + n_xs], operands[n_carry + n_xs :]
    flows = lambda v: dt.is_differentiable(v.dtype)
    carried = [i for i in range(n_carry) if flows(operands[i])]
    summed = [i for i, v in enumerate(constants) if flows(v)]
    kept_xs = [i for i, v in enumerate(xs) if flows(v)]
    outputs = [i for i in range(n_carry, len(body.outputs)) if seeds[i] is not None]

    def backward(*values: Any) -> list[Any]:
        take = iter(values)
        ct_carry = [next(take) for _ in carried]
        ct_constants = [next(take) for _ in summed]
        ct_outputs = [next(take) for _ in outputs]
        carries = [next(take) for _ in range(n_carry)]
        elements = [next(take) for _ in range(n_xs)]
        rest = list(take)
        arriving = _place([*ct_carry, *ct_outputs], [*carried, *outputs], len(body.outputs))
        cotangents = graph_vjp(body, [*carries, *elements, *rest], arriving)
        new_constants = [
            lookup("add")(total, cotangents[n_carry + n_xs + i]) for i, total in zip(summed, ct_constants, strict=True)
        ]
        return [cotangents[i] for i in carried] + new_constants + [cotangents[n_carry + i] for i in kept_xs]

    initial = [seeds[i] for i in carried] + [_full(constants[i], 0) for i in summed]
    sequences = [seeds[i] for i in outputs] + states + xs
    results = lookup("scan")(
        *initial,
        *sequences,
        *constants,
        body_fn=backward,
        n_carry=len(initial),
        n_xs=len(sequences),
        length=length,
        reverse=not reverse,
    )
    tracer: Any = context.current()
    _share(node, tracer.graph.nodes[-1], len(initial), len(outputs), states)
    row = _place(results[: len(carried)], carried, len(operands))
    for i, cotangent in zip(summed, results[len(carried) : len(initial)], strict=True):
        row[n_carry + n_xs + i] = cotangent
    for i, cotangent in zip(kept_xs, results[len(initial) :], strict=True):
        row[n_carry + i] = cotangent
    return row


_MOVES = ("reshape", "transpose", "broadcast_to", "slice", "flip")  # cheaper to do again than to save


def _share(forward: Node, backward: Node, n_carry: int, n_outputs: int, states: Sequence[Value]) -> None:
    """Let the forward scan save what the backward scan needs of each step, states included, instead of computing it again.

    backward: over `n_carry` cotangents; along `n_outputs` more cotangents, the `states` (which are nobody's results yet) and the
        forward scan's sequences; with its constants and perhaps more.
    """
    ahead, back = forward.params["body_fn"], backward.params["body_fn"]
    start = n_carry + n_outputs
    step = dict(
        zip(back.inputs[start : start + len(ahead.inputs)], ahead.inputs, strict=True)
    )  # its inputs, as the forward step knows them
    varying = set(back.inputs[start : start + len(states) + forward.params["n_xs"]])
    known = {*step, *back.constants}
    producer: dict[Value, Node] = {}
    for node in back.nodes:
        producer.update(dict.fromkeys(node.results, node))
        if known.issuperset(node.operands):
            known.update(node.results)
            if varying.intersection(node.operands):
                varying.update(node.results)
    needed = list(back.outputs) + [v for node in back.nodes if not known.issuperset(node.results) for v in node.operands]
    saved: dict[Value, None] = {}
    again: set[Value] = set()
    while needed:
        value = needed.pop()
        if value not in known or value in saved or value in again:
            continue
        if value in producer and (value not in varying or producer[value].primitive.name in _MOVES):
            again.add(value)
            needed.extend(producer[value].operands)
        elif value in varying and value not in back.inputs[start + len(states) :]:
            saved[value] = None
    stacked = [Value(forward.results[0].graph, (forward.params["length"], *v.shape), v.dtype) for v in saved]

    ahead_nodes = [
        Node(n.primitive, [step.get(v, v) for v in n.operands], n.params, n.results)
        for n in back.nodes
        if known.issuperset(n.results)
    ]
    outputs = [*ahead.outputs, *[step.get(v, v) for v in saved]]
    constants = {**ahead.constants, **back.constants}
    forward.params = {**forward.params, "body_fn": _graph(ahead.inputs, constants, [*ahead.nodes, *ahead_nodes], outputs)}
    forward.results = [*forward.results, *stacked]

    behind = start + len(states)
    back_nodes = [n for n in back.nodes if not known.issuperset(n.results) or again.intersection(n.results)]
    inputs = [*back.inputs[:start], *saved, *back.inputs[behind:]]
    backward.operands = [*backward.operands[:start], *stacked, *backward.operands[behind:]]
    count = backward.params["n_xs"] + len(saved) - len(states)
    backward.params = {**backward.params, "n_xs": count, "body_fn": _graph(inputs, back.constants, back_nodes, back.outputs)}


def _graph(inputs: Sequence[Value], constants: dict[Value, Any], nodes: Sequence[Node], outputs: Sequence[Value]) -> Graph:
    made = Graph()
    made.inputs, made.constants, made.nodes, made.outputs = list(inputs), dict(constants), list(nodes), list(outputs)
    return made.prune()


def _while_vjp(node: Node, found: dict[Value, Any], active: set[Value]) -> Sequence[Any]:
    raise NotImplementedError(
        "while_loop has no reverse-mode gradient, since the number of its turns is unknown. Use `ops.scan` or `ops.fori_loop` "
        "with static bounds."
    )


def _with_gradient_vjp(node: Node, found: dict[Value, Any], active: set[Value]) -> Sequence[Any]:
    """What the program itself says; dtypes and shapes are the inputs', by the primitive's rules."""
    n_results, n_inputs = node.params["n_results"], node.params["n_inputs"]
    seeds = [found[v] if v in found else _full(v, 0) for v in node.results]
    inputs, constants = node.operands[n_results : n_results + n_inputs], node.operands[n_results + n_inputs :]
    cotangents = node.params["backward_fn"](*seeds, *constants)
    flowing = [c if dt.is_differentiable(v.dtype) else None for c, v in zip(cotangents, inputs, strict=True)]
    return [None] * n_results + flowing + [None] * len(constants)


_CONTROL = {"cond": _cond_vjp, "scan": _scan_vjp, "while_loop": _while_vjp, "with_gradient": _with_gradient_vjp}
assert set(_CONTROL) <= set(TABLE)
