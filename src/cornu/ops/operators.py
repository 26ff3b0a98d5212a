"""Python's operators and a tensor's methods on symbolic tensors, recorded values and variables: each is the op of its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cornu.contract.state import Cell
from cornu.graph.graph import Value
from cornu.ops import numpy as knp
from cornu.ops.symbolic import KerasTensor

BINARY = {
    "add": knp.add,
    "sub": knp.subtract,
    "mul": knp.multiply,
    "truediv": knp.divide,
    "floordiv": knp.floor_divide,
    "mod": knp.mod,
    "pow": knp.power,
    "matmul": knp.matmul,
    "and": knp.logical_and,
    "or": knp.logical_or,
    "xor": knp.logical_xor,
}
COMPARISONS = {"lt": knp.less, "le": knp.less_equal, "gt": knp.greater, "ge": knp.greater_equal, "ne": knp.not_equal}
UNARY = {"neg": knp.negative, "abs": knp.absolute, "invert": knp.logical_not}


def install(kind: Any, through: Callable[[Any], Any] = lambda op: op) -> None:
    """Give `kind` the operators, each as `through(op)`. `==` stays identity, as in Keras: these objects are keys of dictionaries."""

    def forward(op: Any) -> Any:
        return lambda self, other: op(self, other)

    def backward(op: Any) -> Any:
        return lambda self, other: op(other, self)

    def alone(op: Any) -> Any:
        return lambda self: op(self)

    round_, get_item, reshape, squeeze = map(through, (knp.round, knp.get_item, knp.reshape, knp.squeeze))
    methods = {f"__{name}__": forward(through(op)) for name, op in {**BINARY, **COMPARISONS}.items()}
    methods |= {f"__r{name}__": backward(through(op)) for name, op in BINARY.items()}
    methods |= {f"__{name}__": alone(through(op)) for name, op in UNARY.items()}
    methods["__round__"] = lambda self, ndigits=None: round_(self, ndigits or 0)
    methods["__getitem__"] = lambda self, key: get_item(self, key)
    methods["reshape"] = lambda self, newshape: reshape(self, newshape)
    methods["squeeze"] = lambda self, axis=None: squeeze(self, axis)
    for name, method in methods.items():
        setattr(kind, name, method)
    kind.__array_priority__ = 1000
    kind.__array_ufunc__ = None


for _kind in (KerasTensor, Value, Cell):
    install(_kind)
