"""Smaller programs that compute the same: what only renames, what is known beforehand, what nobody needs."""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np

from cornu.graph.graph import Graph, Node, Value
from cornu.primitives import TABLE
from cornu.primitives.primitive import broadcast

# Elements of a result that is computed beforehand: larger ones cost more to keep than to compute. What depends on an unknown
# dimension, for which a large number stands in (`ops.symbolic`), is never computed.
FOLDED_SIZE = 2**14


def simplify(graph: Graph) -> Graph:
    """A new graph over the same inputs, without identities, with constants computed, equal nodes merged, unneeded ones dropped.

    What is rectified and then pooled by its maximum is pooled first.

    The functions of control nodes are simplified too. Results are the same to the last bit.
    """
    simple = Graph()
    simple.inputs, simple.constants = graph.inputs, dict(graph.constants)
    instead: dict[Value, Value] = {}
    reshaped: dict[Value, Value] = {}  # result -> what was reshaped, or repeated
    repeated: dict[Value, Value] = {}
    sources = {"reshape": reshaped, "broadcast_to": repeated}
    same = {(array.dtype, array.shape, array.tobytes()): v for v, array in graph.constants.items() if array.ndim == 0}
    for node in graph.nodes:
        operands = [instead.get(v, v) for v in node.operands]
        if node.primitive.name == "reshape":
            operands = [reshaped.get(operands[0], operands[0])]
        elif node.primitive.shape is broadcast:
            operands = _narrow(operands, repeated)
        params = {key: simplify(value) if isinstance(value, Graph) else value for key, value in node.params.items()}
        node = _as_product(Node(node.primitive, operands, params, node.results), simple)
        if node.primitive.name == "with_gradient":  # all is differentiated by now
            instead.update(zip(node.results, operands, strict=False))
        elif _changes_nothing(node):
            instead[node.results[0]] = operands[0]
        elif (kept := _times_one(node, simple)) is not None:
            instead[node.results[0]] = kept
        elif _is_known(node, simple):
            for value, array in zip(node.results, _computed(node, simple), strict=True):
                instead[value] = same.setdefault((array.dtype, array.shape, array.tobytes()), value)
                simple.constants.setdefault(instead[value], array)
        else:
            if node.primitive.name in sources:
                sources[node.primitive.name][node.results[0]] = operands[0]
            simple.nodes.append(node)
    simple.outputs = [instead.get(v, v) for v in graph.outputs]
    return _pooled_first(simple.prune())


def _narrow(operands: list[Value], repeated: dict[Value, Value]) -> list[Value]:
    """The operands of a broadcasting primitive before they were repeated, where the result has its shape without that."""
    wanted = broadcast(*[v.shape for v in operands])
    for i, v in enumerate(operands):
        if v in repeated:
            narrower = [*operands[:i], repeated[v], *operands[i + 1 :]]
            if broadcast(*[v.shape for v in narrower]) == wanted:
                operands = narrower
    return operands


# Identities if shape and dtype stay.
_IDENTITIES = ("reshape", "broadcast_to", "slice", "concatenate", "stop_gradient", "cast", "real", "max", "min")


def _changes_nothing(node: Node) -> bool:
    name, params = node.primitive.name, node.params
    if len(node.operands) != 1:
        return False
    if (node.operands[0].shape, node.operands[0].dtype) != (node.results[0].shape, node.results[0].dtype):
        return False
    if name == "transpose":
        return params["axes"] == tuple(range(len(params["axes"])))
    if name == "flip":
        return all(node.operands[0].shape[axis] == 1 for axis in params["axes"])
    return name in _IDENTITIES


def _times_one(node: Node, graph: Graph) -> Value | None:
    """What is multiplied by the number one, as gradients of sums often are, if shape and dtype stay."""
    if node.primitive.name != "multiply":
        return None
    for value, other in (node.operands, node.operands[::-1]):
        one, result = graph.constants.get(other), node.results[0]
        if one is not None and one.ndim == 0 and one == 1 and (value.shape, value.dtype) == (result.shape, result.dtype):
            return value
    return None


def _as_product(node: Node, graph: Graph) -> Node:
    """Division by a power of two, as means often have it, is multiplication by its reciprocal: the same number, sooner."""
    divisor = graph.constants.get(node.operands[-1]) if node.primitive.name == "divide" else None
    dtypes = {v.dtype for v in (*node.operands, *node.results)}
    if divisor is None or divisor.ndim or dtypes not in ({"float32"}, {"float64"}):
        return node
    with np.errstate(all="ignore"):
        factor = np.asarray(1 / divisor, divisor.dtype)
    if abs(np.frexp(divisor)[0]) != 0.5 or not np.finfo(factor.dtype).tiny <= abs(factor) < np.inf:
        return node
    reciprocal = Value(node.operands[1].graph, (), node.operands[1].dtype)
    graph.constants[reciprocal] = factor
    return Node(TABLE["multiply"], [node.operands[0], reciprocal], {}, node.results)


def _is_known(node: Node, graph: Graph) -> bool:
    if node.primitive.family == "control" or any(v not in graph.constants for v in node.operands):
        return False
    limit = 1 if node.primitive.name == "full" else FOLDED_SIZE  # a filled tensor is not worth keeping
    return all(math.prod(v.shape) <= limit for v in node.results)


def _computed(node: Node, graph: Graph) -> list[np.ndarray]:
    with np.errstate(all="ignore"):
        results = node.primitive.reference(*[graph.constants[v] for v in node.operands], **node.params)
    return [np.asarray(array) for array in (results if isinstance(results, list) else [results])]


def _pooled_first(graph: Graph) -> Graph:
    """max_pool(relu(x)) becomes relu(max_pool(x)), which has fewer numbers to rectify; its gradient likewise."""
    made = {v: node for node in graph.nodes for v in node.results}
    users: dict[Value, list[Node | None]] = defaultdict(list, {v: [None] for v in graph.outputs})
    for node in graph.nodes:
        for v in node.operands:
            users[v].append(node)
    instead: dict[Node, list[Node]] = {}
    for node in graph.nodes:
        if _rectifies(node, made, graph):
            instead.update(_rectified_later(node, made, users))
    if not instead:
        return graph
    graph.nodes = [new for node in graph.nodes for new in instead.get(node, [node])]
    return graph.prune()


def _rectifies(node: Node, made: dict[Value, Node], graph: Graph) -> bool:
    """Whether it is where(x <= 0, 0, x)."""
    if node.primitive.name != "where" or node.operands[0] not in made:
        return False
    test, (_, zero, x) = made[node.operands[0]], node.operands
    if test.primitive.name != "less_equal" or test.operands[0] is not x:
        return False
    numbers = [graph.constants.get(v) for v in (zero, test.operands[1])]
    return all(n is not None and n.ndim == 0 and n == 0 for n in numbers)


def _rectified_later(relu: Node, made: dict[Value, Node], users: dict[Value, list[Node | None]]) -> dict[Node, list[Node]]:
    """What takes the place of the nodes behind this relu; nothing, if it is needed for more than max_pool and its gradient.

    In a window without positive numbers the maximum of x may be at another place than relu's, but what arrives there is zero.
    """
    (condition, zero, x), (y,), where = relu.operands, relu.results, relu.primitive
    instead: dict[Node, list[Node]] = {}
    largest: dict[Value, tuple[Value, Value]] = {}  # the pooled relu -> the pooled x, and where that is not positive
    for node in users[y]:
        if node is None or node.primitive.name not in ("max_pool", "max_pool_grad") or not _sees_something(node):
            return {}
        if node.primitive.name == "max_pool":
            (result,) = node.results
            top, low = Value(y.graph, result.shape, x.dtype), Value(y.graph, result.shape, condition.dtype)
            largest[result] = top, low
            instead[node] = [
                Node(node.primitive, [x], node.params, [top]),
                Node(made[condition].primitive, [top, zero], {}, [low]),
                Node(where, [low, zero, top], {}, [result]),
            ]
            continue
        _, pooled, g = node.operands
        mask, *others = users[node.results[0]]
        if node.operands[0] is not y or pooled not in largest or made[pooled].params != node.params or mask is None or others:
            return {}
        if mask.primitive is not where or mask.operands[0] is not condition or mask.operands[1] is not zero:
            return {}
        top, low = largest[pooled]
        arrived = Value(y.graph, g.shape, g.dtype)
        instead[node] = []
        instead[mask] = [
            Node(where, [low, zero, g], {}, [arrived]),
            Node(node.primitive, [x, top, arrived], node.params, mask.results),
        ]
    return instead


def _sees_something(pool: Node) -> bool:
    """Whether none of its windows lies in the padding."""
    return all(max(pair) < size for pair, size in zip(pool.params["padding"], pool.params["window"], strict=True))
