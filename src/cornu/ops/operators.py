"""Python's operators and a tensor's methods on symbolic tensors, recorded values and variables: each is the op of its name."""

from __future__ import annotations

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


def install(kind: Any) -> None:
    """Give `kind` the operators. `==` stays identity, as in Keras: these objects are keys of dictionaries."""

    def forward(op: Any) -> Any:
        return lambda self, other: op(self, other)

    def backward(op: Any) -> Any:
        return lambda self, other: op(other, self)

    def alone(op: Any) -> Any:
        return lambda self: op(self)

    methods = {f"__{name}__": forward(op) for name, op in {**BINARY, **COMPARISONS}.items()}
    methods |= {f"__r{name}__": backward(op) for name, op in BINARY.items()}
    methods |= {f"__{name}__": alone(op) for name, op in UNARY.items()}
    methods["__round__"] = lambda self, ndigits=None: knp.round(self, ndigits or 0)
    methods["__getitem__"] = lambda self, key: knp.get_item(self, key)
    methods["reshape"] = lambda self, newshape: knp.reshape(self, newshape)
    methods["squeeze"] = lambda self, axis=None: knp.squeeze(self, axis)
    for name, method in methods.items():
        setattr(kind, name, method)
    kind.__array_priority__ = 1000
    kind.__array_ufunc__ = None


for _kind in (KerasTensor, Value, Cell):
    install(_kind)
