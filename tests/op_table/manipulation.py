"""Cases of ops that move elements."""

from __future__ import annotations

from typing import Any

import numpy as np

from op_table.case import add, f, i, numbers, spec

X = f(2, 3, 4, dtype="float32")


def moving(op: str, reference: Any, *calls: Any, dtype: Any = "first", unknown: bool = True) -> None:
    """`calls`: (args, kwargs) after a tensor of shape (2, 3, 4). Another dtype and a gradient for the first of them."""
    s = spec(op, reference, dtype, 0.0)
    for count, (args, kwargs) in enumerate(calls):
        add(s, X, *args, **kwargs, compiled=count == 0, unknown=unknown)
    args, kwargs = calls[0]
    add(s, i(2, 3, 4, dtype="int8"), *args, **kwargs, unknown=unknown)
    add(s, numbers("bool", (2, 3, 4)), *args, **kwargs, unknown=unknown)
    add(s, f(2, 3, 4, dtype="complex64"), *args, **kwargs, unknown=unknown)
    add(s, f(2, 3, 4, dtype="bfloat16"), *args, **kwargs, unknown=unknown)
    add(s, f(2, 3, 4), *args, **kwargs, gradient=True, unknown=unknown)


def call(*args: Any, **kwargs: Any) -> Any:
    return args, kwargs


moving("reshape", lambda x, newshape: np.reshape(x, newshape), call((-1, 4)), call(24), call((2, -1)), unknown=False)
add(spec("reshape", np.reshape, "first"), np.zeros((0, 3), "float32"), (3, 0), unknown=False)
add(spec("reshape", np.reshape, "first"), np.zeros((0, 3), "float32"), (-1, 3))
add(spec("reshape", np.reshape, "first"), f(1, dtype="float32"), ())
add(spec("reshape", np.reshape, "first"), f(26, dtype="float32"), (-1, 13), case="a divisor that no stand-in has")
moving("ravel", np.ravel, call())
moving("transpose", lambda x, axes=None: np.transpose(x, axes), call(), call((1, 0, 2)), call(axes=(-1, 0, 1)))
moving("swapaxes", np.swapaxes, call(0, -1), call(1, 2))
moving("moveaxis", np.moveaxis, call(0, -1), call((0, 1), (-1, 0)))
moving("flip", np.flip, call(), call(1), call((0, -1)))
moving("flipud", np.flipud, call())
moving("fliplr", np.fliplr, call())
moving("rot90", np.rot90, call(), call(2), call(-1, (1, 2)), call(k=4), call(3, (2, 0)))
moving("roll", np.roll, call(1, 0), call(-5), call((1, 2), (0, 2)), call(1, (0, 1)), call(0, 1), call(7, -1))
moving("expand_dims", np.expand_dims, call(0), call(-1), call((0, 2)), call((1, -1)))
add(spec("expand_dims", np.expand_dims, "first"), np.array(3.0, "float32"), 0)
_s = spec("squeeze", np.squeeze, "first")
add(_s, f(2, 1, 3, 1, dtype="float32"), compiled=True)
add(_s, f(2, 1, 3, 1, dtype="float32"), axis=1)
add(_s, f(2, 1, 3, 1), axis=(1, -1), gradient=True)
add(_s, i(1, 1), unknown=False)
moving("broadcast_to", np.broadcast_to, call((2, 2, 3, 4)), call((2, 3, 4)), unknown=False)
add(spec("broadcast_to", np.broadcast_to, "first"), f(3, 1, dtype="float32"), (2, 3, 4), unknown=False)
add(spec("broadcast_to", np.broadcast_to, "first"), np.array(2, "int32"), (0, 2))


def joining(op: str, reference: Any, *calls: Any) -> None:
    """One, two and three tensors of several dtypes."""
    s = spec(op, reference, "joined", 0.0)
    a, b = f(2, 3, dtype="float32"), f(2, 3, seed=1, dtype="float32")
    for count, (args, kwargs) in enumerate(calls):
        add(s, [a, b], *args, **kwargs, compiled=count == 0)
        add(s, [a, i(2, 3), numbers("float16", (2, 3))], *args, **kwargs)
    add(s, [i(2, 3, dtype="int8"), i(2, 3, dtype="uint8")])
    add(s, [numbers("bool", (2,)), numbers("bool", (2,))])
    add(s, (a,))
    add(s, [f(2, 3), f(2, 3, seed=1)], gradient=True)


joining("concatenate", np.concatenate, call(), call(axis=1), call(axis=-1), call(axis=None))
add(spec("concatenate", np.concatenate), [np.zeros((0, 3), "float32"), f(2, 3, dtype="float32")])
joining("stack", np.stack, call(), call(axis=1), call(axis=-1))
joining("vstack", np.vstack, call())
joining("hstack", np.hstack, call())
joining("dstack", np.dstack, call())
add(spec("hstack", np.hstack), [f(2, dtype="float32"), f(3, dtype="float32")])
add(spec("dstack", np.dstack), [f(2, dtype="float32"), f(2, dtype="float32")])
add(spec("vstack", np.vstack), [np.array(1.0, "float32"), np.array(2.0, "float32")], case="scalars")
_s = spec("append", np.append)
add(_s, f(2, 3, dtype="float32"), f(2, 3, seed=1, dtype="float32"), compiled=True)
add(_s, f(2, 3), f(1, 3, seed=1), axis=0, gradient=True)
add(_s, i(2), f(3, dtype="float16"))

for _name in ("split", "array_split"):
    _s = spec(_name, getattr(np, _name), "first", 0.0)
    _x = f(6, 4, dtype="float32")
    add(_s, _x, 3, unknown=False, compiled=True)
    add(_s, _x, 2, axis=1)
    add(_s, _x, [1, 4])
    add(_s, _x, [1, 9, -1], axis=-1)
    add(_s, f(6, 4), 2, axis=-1, gradient=True)
    add(_s, np.zeros((0, 4), "int8"), 2)
add(spec("array_split", np.array_split, "first"), f(7, 2, dtype="float32"), 3, unknown=False)
for _name, _shape in (("hsplit", (2, 4)), ("vsplit", (4, 2)), ("dsplit", (2, 2, 4))):
    _s = spec(_name, getattr(np, _name), "first", 0.0)
    add(_s, f(*_shape, dtype="float32"), 2, unknown=_name != "vsplit", compiled=True)
    add(_s, f(*_shape, dtype="float32"), [1, 3])
    add(_s, f(*_shape), 2, gradient=True, unknown=_name != "vsplit")
add(spec("hsplit", np.hsplit, "first"), i(4), 2, unknown=False)


def _pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Any:
    if mode == "constant":
        return np.pad(x, pad_width, constant_values=0 if constant_values is None else constant_values)
    return np.pad(x, pad_width, {"circular": "wrap"}.get(mode, mode))


_s = spec("pad", _pad, "first", 4.0)
add(_s, f(3, 4, dtype="float32"), 1, compiled=True)
add(_s, f(3, 4, dtype="float32"), (1, 2))
add(_s, f(3, 4, dtype="float32"), ((1, 0), (2, 3)), constant_values=-1.5)
add(_s, f(3, dtype="float32"), 0)
add(_s, numbers("bool", (3,)), 1)
add(_s, np.zeros((0, 2), "int32"), 1)
add(_s, np.array(2.0, "float32"), 1, case="scalar")
for _mode in ("edge", "reflect", "symmetric", "wrap", "circular", "linear_ramp", "maximum", "minimum", "mean", "median"):
    add(_s, f(3, 4, dtype="float32"), ((1, 2), (2, 0)), mode=_mode)
    add(_s, f(3, 2), ((2, 1), (0, 0)), mode=_mode, gradient=True)
add(_s, f(3, dtype="float32"), 5, mode="reflect")
add(_s, i(4), 2, mode="mean")
add(_s, i(4), 2, mode="linear_ramp")
# What "empty" pads with is not specified; Cornu gives zeros.
add(spec("pad", lambda x, n, mode: np.pad(x, n), "first"), i(4), 2, mode="empty")

moving("repeat", np.repeat, call(2, axis=1), call(3), call([1, 0, 2], axis=1), call(1, axis=0), call(2, axis=-1))
add(spec("repeat", np.repeat, "first"), np.array(2.0, "float32"), 3, case="scalar")
moving("tile", np.tile, call(2), call((2, 1, 3)), call((2, 1, 1, 2)), call((0,)))
add(spec("tile", np.tile, "first"), np.array(2.0, "float32"), (2, 2), case="scalar")

moving(
    "diagonal", np.diagonal, call(), call(1), call(-1), call(0, 1, 2), call(offset=1, axis1=-1, axis2=0), call(9), unknown=False
)
add(spec("diagonal", np.diagonal, "first"), f(2, 3, 3, dtype="float32"), axis1=1, axis2=2)
_s = spec("diag", np.diag, "first", 0.0)
add(_s, f(3, dtype="float32"), compiled=True, unknown=False)
add(_s, f(3, dtype="float32"), k=2, unknown=False)
add(_s, f(3), k=-1, gradient=True, unknown=False)
add(_s, f(3, 4, dtype="float32"), k=1, unknown=False)
add(_s, i(0), unknown=False)
add(_s, numbers("bool", (2, 2)), unknown=False)
_s = spec("diagflat", np.diagflat, "first", 0.0)
add(_s, f(2, 2, dtype="float32"), compiled=True, unknown=False)
add(_s, i(3), k=1, unknown=False)

for _name, _reference in (("size", np.size), ("ndim", np.ndim)):
    _s = spec(_name, _reference, "int32")
    add(_s, f(2, 3, dtype="float32"), symbolic=False)
    add(_s, np.array(1.0, "float32"), symbolic=False)
    add(_s, np.zeros((0, 3), "int8"), symbolic=False)
