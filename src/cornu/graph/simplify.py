"""Smaller programs that compute the same: what only renames, what is known beforehand, what nobody needs."""

from __future__ import annotations

import math

import numpy as np

from cornu.graph.graph import Graph, Node, Value
from cornu.primitives.primitive import broadcast

# Elements of a result that is computed beforehand: larger ones cost more to keep than to compute. What depends on an unknown
# dimension, for which a large number stands in (`ops.symbolic`), is never computed.
FOLDED_SIZE = 2**14


def simplify(graph: Graph) -> Graph:
    """A new graph over the same inputs, without identities, with constants computed, equal nodes merged, unneeded ones dropped.

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
        node = Node(node.primitive, operands, params, node.results)
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
    return simple.prune()


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


def _is_known(node: Node, graph: Graph) -> bool:
    if node.primitive.family == "control" or any(v not in graph.constants for v in node.operands):
        return False
    limit = 1 if node.primitive.name == "full" else FOLDED_SIZE  # a filled tensor is not worth keeping
    return all(math.prod(v.shape) <= limit for v in node.results)


def _computed(node: Node, graph: Graph) -> list[np.ndarray]:
    with np.errstate(all="ignore"):
        results = node.primitive.reference(*[graph.constants[v] for v in node.operands], **node.params)
    return [np.asarray(array) for array in (results if isinstance(results, list) else [results])]
