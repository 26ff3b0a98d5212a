"""Cases of products."""

from __future__ import annotations

from typing import Any

import numpy as np

from op_table.case import add, f, i, numbers, spec


def product(op: str, reference: Any, *shapes: Any, dtype: Any = "joined", unknown: bool = False) -> None:
    """Pairs of shapes; dtypes and a gradient for the first of them."""
    s = spec(op, reference, dtype, 64.0, True)
    for count, (a, b) in enumerate(shapes):
        add(s, f(*a, dtype="float32"), f(*b, seed=1, dtype="float32"), compiled=count == 0, unknown=unknown)
    a, b = shapes[0]
    for one, other in (
        ("int8", "int8"),
        ("int32", "float16"),
        ("bfloat16", "bfloat16"),
        ("uint8", "int32"),
        ("complex64", "float32"),
    ):
        add(s, numbers(one, a), numbers(other, b, seed=1), unknown=unknown)
    add(s, f(*a), f(*b, seed=1), gradient=True, unknown=unknown)


# Of operands that np.matmul takes.
MATRICES = (
    ((2, 3), (3, 4)),
    ((3,), (3, 4)),
    ((2, 3), (3,)),
    ((3,), (3,)),
    ((5, 2, 3), (3, 4)),
    ((0, 3), (3, 2)),
    ((2, 0), (0, 3)),
    ((2, 1, 2, 3), (5, 3, 2)),
)
product("matmul", np.matmul, *MATRICES, dtype="widened")
product("dot", np.dot, ((2, 3), (3, 4)), ((3,), (3,)), ((2, 3), (3,)), ((2, 3), (4, 3, 5)), ((), (3,)), ((2,), ()))
product("inner", np.inner, ((2, 3), (4, 3)), ((3,), (3,)), ((2, 4, 3), (3,)), ((), (3,)))
product("outer", np.outer, ((2,), (3,)), ((2, 2), (3,)), ((), (3,)))
product("vdot", np.vdot, ((3,), (3,)), ((2, 2), (2, 2)), ((0,), (0,)))
add(spec("vdot", np.vdot, "joined", 64.0), f(3, dtype="complex64"), f(3, seed=1, dtype="complex64"), unknown=False)
product("kron", np.kron, ((2, 3), (2, 2)), ((2,), (3,)), ((2,), (2, 3)), ((), (2,)))
product("tensordot", lambda a, b, axes=2: np.tensordot(a, b, axes), ((2, 3, 4), (3, 4, 5)))
_s = spec("tensordot", lambda a, b, axes=2: np.tensordot(a, b, axes), "joined", 64.0, True)
add(_s, f(2, 3, dtype="float32"), f(3, 4, dtype="float32"), axes=1, unknown=False)
add(_s, f(2, dtype="float32"), f(3, dtype="float32"), axes=0)
add(_s, f(2, 3, 4, dtype="float32"), f(4, 3, 5, dtype="float32"), axes=[[1, 2], [1, 0]], unknown=False)
add(_s, f(2, 3, dtype="float32"), f(4, 3, dtype="float32"), axes=(-1, -1))


def cross(x1: Any, x2: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    """By the definition with a third component of 0 (NumPy no longer takes two)."""
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = (np.moveaxis(np.asarray(x), k, -1) for x, k in ((x1, axisa), (x2, axisb)))
    flat = a.shape[-1] == b.shape[-1] == 2
    a, b = (np.concatenate([x, np.zeros((*x.shape[:-1], 3 - x.shape[-1]), x.dtype)], -1) for x in (a, b))
    a, b = np.broadcast_arrays(a, b)
    c = np.stack([a[..., k] * b[..., j] - a[..., j] * b[..., k] for k, j in ((1, 2), (2, 0), (0, 1))], -1)
    return c[..., 2] if flat else np.moveaxis(c, -1, axisc)


product("cross", cross, ((2, 3), (2, 3)), ((3,), (4, 3)), ((2, 2), (2, 2)), ((2, 2), (2, 3)))
_s = spec("cross", cross, "joined", 64.0, True)
add(_s, f(3, 4, dtype="float32"), f(3, 4, seed=1, dtype="float32"), axis=0, unknown=False)
add(_s, f(3, 4, dtype="float32"), f(4, 3, dtype="float32"), axisa=0, axisb=1, axisc=0, unknown=False)

_s = spec(
    "trace", lambda x, **kwargs: np.trace(x.astype("int64") if x.dtype.kind in "bui" else x, **kwargs), "summed", 32.0, True
)
add(_s, f(3, 4, dtype="float32"), compiled=True, unknown=False)
add(_s, f(2, 3, 3), offset=1, axis1=1, axis2=2, gradient=True)
add(_s, i(3, 3, dtype="int8"), offset=-1, unknown=False)
add(_s, numbers("bool", (3, 3)), unknown=False)
add(_s, numbers("uint8", (3, 3)), unknown=False)

_s = spec("correlate", np.correlate, "floating", 64.0, True)
for _mode in ("valid", "same", "full"):
    for _m, _n in ((6, 3), (3, 6), (4, 4), (5, 1), (6, 4)):
        add(_s, f(_m, dtype="float32"), f(_n, seed=1, dtype="float32"), mode=_mode, unknown=False, compiled=(_m, _n) == (6, 3))
    add(_s, f(5, dtype="complex64"), f(2, seed=1, dtype="complex64"), mode=_mode, unknown=False)
add(_s, i(5), i(2), unknown=False)
add(_s, f(5), f(3, seed=1), gradient=True, unknown=False)

_s = spec("slogdet", lambda x: list(np.linalg.slogdet(x)), ("floating", "real_floating"), 256.0, True)
add(_s, f(3, 3, dtype="float32"), compiled=True, unknown=False)
add(_s, f(2, 3, 3), gradient=True)
add(_s, f(2, 2, dtype="complex64"), unknown=False)
add(_s, np.zeros((2, 2), "float32"), case="singular", unknown=False)

_s = spec("einsum", lambda subscripts, *operands, **kwargs: np.einsum(subscripts, *operands), "widened", 64.0, True)
_a, _b, _c = f(2, 3, 4, dtype="float32"), f(2, 4, 5, seed=1, dtype="float32"), f(5, 2, seed=2, dtype="float32")
for _subscripts in ("bij,bjk->bik", "bij,bjk->ik", "bij,cjk->bcik", "bij,bjk", "bij,bjk->"):
    add(_s, _subscripts, _a, _b, compiled=_subscripts == "bij,bjk->bik", unknown=False)
add(_s, "bij,bjk,kl->il", _a, _b, _c, unknown=False)
add(_s, "...ij,...jk->...ik", _a, _b, unknown=False)
add(_s, "...ij,jk->...ik", _a, _b[0], unknown=False)
add(_s, "bij->jb", _a)
add(_s, "bij->", _a)
add(_s, "...i->...", _a)
add(_s, "ii->i", f(3, 3, dtype="float32"), unknown=False)
add(_s, "ii", f(3, 3, dtype="float32"), unknown=False)
add(_s, "ij,jj->i", f(2, 3, dtype="float32"), f(3, 3, dtype="float32"), unknown=False)
add(_s, "i,j->ij", f(2, dtype="float32"), f(3, dtype="float32"), unknown=False)
add(_s, "ij,ij->ij", f(2, 3, dtype="float32"), f(1, 3, dtype="float32"), unknown=False)
add(_s, "ij,j->i", i(2, 3, dtype="int8"), i(3, dtype="int8"))
add(_s, "ij,j->i", f(2, 3), f(3), gradient=True, unknown=False)
