"""Random arguments of products."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from op_table import products
from op_table.case import factors
from op_table.drawing import ANY, Draw, Numbers, fuzzed

FACTORS = Numbers("buifc", edges="small")  # no huge ones: whether a sum overflows on the way depends on its order


def _exact(function: Callable[..., Any]) -> Callable[..., Any]:
    """A reference whose integers have 64 bits, to wrap around in the end only."""

    def wide(x: Any) -> Any:
        return x.astype("int64") if isinstance(x, np.ndarray) and x.dtype.kind in "bui" else x

    return lambda *args, **kwargs: function(*map(wide, args), **kwargs)


def _scaled(function: Callable[..., Any]) -> Callable[..., Any]:
    """A reference that multiplies by a scalar elementwise: BLAS, which NumPy takes for it, thinks that 0 times infinity is 0."""
    return lambda a, b: a * b if 0 in (a.ndim, b.ndim) else function(a, b)


def _product(op: str, reference: Callable[..., Any], *pairs: Any, dtype: str = "joined", single: Any = ()) -> None:
    """single: pairs of shapes whose products are no sums, so that huge numbers may be among them."""

    @fuzzed(op, _exact(reference), dtype, 64.0, True, None, factors)
    def _arguments(d: Draw) -> Any:
        shapes = d.of(*pairs, *single)
        wanted = ANY if shapes in single else FACTORS
        one = d.tensor(shapes[0], wanted)
        # mostly of one dtype, as they are in programs
        return (one, d.tensor(shapes[1], wanted, one.dtype.name if d.int(0, 3) else None)), {}


_product("matmul", np.matmul, *products.MATRICES, ((2, 3), (2, 3)), dtype="widened", single=[((2, 1), (1, 3))])
_product(
    "dot",
    _scaled(np.dot),
    ((2, 3), (3, 4)),
    ((3,), (3,)),
    ((2, 3), (4, 3, 5)),
    ((0, 3), (3, 2)),
    ((2, 0), (0,)),
    ((3,), (4,)),
    single=[((), (3,))],
)
_product("inner", _scaled(np.inner), ((2, 3), (4, 3)), ((3,), (3,)), ((2, 4, 3), (3,)), ((0,), (0,)), single=[((), (3,))])
_product("outer", np.outer, single=[((2,), (3,)), ((2, 2), (3,)), ((), (3,)), ((0,), (3,))])
_product("vdot", np.vdot, ((3,), (3,)), ((2, 2), (2, 2)), ((0,), (0,)), ((2,), (3,)))
_product("kron", np.kron, single=[((2, 3), (2, 2)), ((2,), (3,)), ((2,), (2, 3)), ((), (2,))])
_product("cross", products.cross, ((2, 3), (2, 3)), ((3,), (4, 3)), ((2, 2), (2, 2)), ((2, 2), (2, 3)))


@fuzzed("tensordot", _exact(np.tensordot), "joined", 64.0, True, None, factors)
def _tensordot(d: Draw) -> Any:
    one, other, axes = d.of(
        ((2, 3), (3, 4), 1),
        ((2,), (3,), 0),
        ((2, 3, 4), (4, 3, 5), [[1, 2], [1, 0]]),
        ((2, 3), (4, 3), (-1, -1)),
        ((2, 0), (0, 3), 1),
    )
    return (d.tensor(one, FACTORS), d.tensor(other, FACTORS)), {"axes": axes}


@fuzzed("einsum", _exact(np.einsum), "widened", 64.0, True, None, factors)
def _einsum(d: Draw) -> Any:
    subscripts, *shapes = d.of(
        ("ij,jk->ik", (2, 3), (3, 4)),
        ("bij,bjk->bik", (2, 3, 4), (2, 4, 5)),
        ("...ij,jk->...ik", (2, 3, 4), (4, 5)),
        ("bij,bjk->", (2, 3, 4), (2, 4, 5)),
        ("ii->i", (3, 3)),
        ("ij->ji", (2, 0)),
        ("i,j->ij", (2,), (3,)),
        ("ij,j->i", (0, 3), (3,)),
    )
    # Without infinities where an operand may be summed before it is multiplied.
    wanted = Numbers("buifc") if subscripts == "bij,bjk->" else FACTORS
    return (subscripts, *[d.tensor(shape, wanted) for shape in shapes]), {}


@fuzzed("trace", _exact(np.trace), "summed", 32.0, True, None, factors)
def _trace(d: Draw) -> Any:
    x = d.tensor(d.shape(2), FACTORS)
    one, other = d.permutation(x.ndim)[:2]
    return (x,), {"offset": d.int(-2, 2), "axis1": one, "axis2": other - x.ndim}


@fuzzed("correlate", np.correlate, "floating", 64.0, True, None, factors)
def _correlate(d: Draw) -> Any:
    one, other = d.of((6, 3), (3, 6), (4, 4), (5, 1), (6, 4))
    numbers = Numbers("buifc")
    return (d.tensor((one,), numbers), d.tensor((other,), numbers)), {"mode": d.of("valid", "same", "full")}
