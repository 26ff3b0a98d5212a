"""Python's operators on symbolic tensors, recorded values and variables: each is the op of its name."""

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
COMPARISONS = {"lt": knp.less, "le": knp.less_equal, "gt": knp.greater, "ge": knp.greater_equal}


def install(kind: Any) -> None:
    """Give `kind` the operators. `==` stays identity: these objects are keys of dictionaries."""

    def forward(op: Any) -> Any:
        return lambda self, other: op(self, other)

    def backward(op: Any) -> Any:
        return lambda self, other: op(other, self)

    for name, op in BINARY.items():
        setattr(kind, f"__{name}__", forward(op))
        setattr(kind, f"__r{name}__", backward(op))
    for name, op in COMPARISONS.items():
        setattr(kind, f"__{name}__", forward(op))
    kind.__neg__ = lambda self: knp.negative(self)
    kind.__abs__ = lambda self: knp.absolute(self)
    kind.__getitem__ = lambda self, key: knp.get_item(self, key)
    kind.__array_priority__ = 1000
    kind.__array_ufunc__ = None


for _kind in (KerasTensor, Value, Cell):
    install(_kind)
