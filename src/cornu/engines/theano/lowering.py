"""How each primitive, and a whole graph, is written with PyTensor's operators."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.graph.basic import Constant
from pytensor.ifelse import ifelse

from cornu.engines.theano.own_ops import HOST, MODULAR, Product, Transposed, View, hosted, view
from cornu.graph.graph import Graph, Node, Value
from cornu.primitives import dtypes as dt
from cornu.primitives.primitive import lookup

LOWERING: dict[str, Callable[..., Any]] = {}


def lower(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator: how the primitive of this name is written (a trailing underscore is dropped)."""
    LOWERING[function.__name__.rstrip("_")] = function
    return function


def _take(same: str = "", **renamed: str) -> None:
    for name, theirs in {**{name: name for name in same.split()}, **renamed}.items():
        LOWERING[name] = getattr(pt, theirs)


_take(
    "exp expm1 log log1p sqrt sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh erf "
    "maximum minimum arctan2 complex",
    divide="true_div", equal="eq", not_equal="neq", less="lt", less_equal="le", greater="gt", greater_equal="ge",
    logical_and="and_", logical_or="or_", logical_not="invert", bitwise_and="and_", bitwise_or="or_", bitwise_xor="xor",
    where="switch",
)  # fmt: skip


def _hosted(name: str) -> Callable[..., Any]:
    @functools.wraps(lookup(name).reference)
    def write(*operands: Any, **params: Any) -> Any:
        return hosted(name, *operands, **params)

    return write


# For each reduction but sums PyTensor has a loop, which Numba takes 2 to 4 seconds to compile.
HOSTED = (
    "conv conv_grad_input conv_grad_kernel max_pool max_pool_grad sum_pool sum_pool_grad prod max min any all argmax argmin "
    "erfinv logaddexp floor_divide mod sort argsort searchsorted pad take_along_axis scatter dynamic_slice "
    "dynamic_update_slice cholesky triangular_solve solve lu qr svd eigh eig slogdet fft ifft while_loop"
).split()
LOWERING.update({name: _hosted(name) for name in HOSTED})


# Elementwise


@lower
def sigmoid(x: Any) -> Any:
    return hosted("sigmoid", x) if x.dtype in dt.COMPLEXES else pt.sigmoid(x)


@lower
def rsqrt(x: Any) -> Any:
    return pt.reciprocal(pt.sqrt(x))


@lower
def softplus(x: Any) -> Any:
    return pt.maximum(x, np.asarray(0, x.dtype)) + pt.log1p(pt.exp(-pt.abs(x)))


@lower
def negative(x: Any) -> Any:
    if x.dtype.startswith("uint"):
        return hosted("negative", x)  # PyTensor's rewrites make it -1 * x, which no unsigned dtype can say
    if dt.is_integer(x.dtype):
        return MODULAR["subtract"](np.zeros((1,) * x.ndim, x.dtype), x)
    return x if x.dtype == "bool" else -x


@lower
def abs_(x: Any) -> Any:
    if x.dtype == "bool" or x.dtype.startswith("uint"):
        return x
    return pt.switch(pt.lt(x, 0), negative(x), x) if dt.is_integer(x.dtype) else pt.abs(x)


@lower
def sign(x: Any) -> Any:
    if x.dtype == "bool" or x.dtype.startswith("uint"):
        return pt.neq(x, 0).astype(x.dtype)
    if x.dtype in dt.COMPLEXES:
        return hosted("sign", x)
    return pt.switch(pt.isnan(x), x, pt.sign(x)) if x.dtype.startswith("float") else pt.sign(x)


for _name, _native in {"floor": pt.floor, "ceil": pt.ceil, "round": lambda x: pt.round(x, mode="half_to_even")}.items():
    LOWERING[_name] = lambda x, native=_native: native(x) if x.dtype.startswith("float") else x


@lower
def bitcast(x: Any, *, dtype: str) -> Any:
    same = np.dtype(x.dtype).itemsize == np.dtype(dtype).itemsize
    return View(x.type.shape, dtype)(x) if same else hosted("bitcast", x, dtype=dtype)


@lower
def stop_gradient(x: Any) -> Any:
    return x


@lower
def real(x: Any) -> Any:
    return pt.real(x) if x.dtype.startswith("complex") else x


@lower
def imag(x: Any) -> Any:
    return pt.imag(x) if x.dtype.startswith("complex") else pt.zeros_like(x)


@lower
def isfinite(x: Any) -> Any:
    if not x.dtype.startswith(("float", "complex")):
        return pt.ones_like(x, dtype="bool")
    parts = [x] if x.dtype.startswith("float") else [pt.real(x), pt.imag(x)]
    return pt.and_(*[pt.invert(pt.or_(pt.isnan(part), pt.isinf(part))) for part in (parts * 2)[:2]])


def _arithmetic(name: str, native: Any, of_bools: Any) -> Callable[..., Any]:
    def write(x1: Any, x2: Any) -> Any:
        if x1.dtype == "bool":
            return of_bools(x1, x2)
        return (MODULAR[name] if dt.is_integer(x1.dtype) else native)(x1, x2)

    return write


LOWERING["add"] = _arithmetic("add", pt.add, pt.or_)
LOWERING["subtract"] = _arithmetic("subtract", pt.sub, pt.xor)
LOWERING["multiply"] = _arithmetic("multiply", pt.mul, pt.and_)
LOWERING["left_shift"], LOWERING["right_shift"] = MODULAR["left_shift"], MODULAR["right_shift"]


@lower
def power(x1: Any, x2: Any) -> Any:
    return pt.pow(x1, x2) if dt.is_differentiable(x1.dtype) else hosted("power", x1, x2)


@lower
def cast(x: Any, *, dtype: str) -> Any:
    if dtype == "bool":
        return pt.neq(x, 0) if x.dtype != "bool" else x
    if x.dtype in dt.COMPLEXES and dtype not in dt.COMPLEXES:
        x = pt.real(x)
    if dt.is_integer(x.dtype) and dt.is_integer(dtype):
        return hosted("cast", x, dtype=dtype)  # PyTensor's Python mode raises where a number does not fit
    return pt.cast(x, dtype)


# Made of nothing


@lower
def full(*, shape: Any, value: Any, dtype: str) -> Any:
    number = np.asarray(value, dt.numpy_dtype(dtype))
    if not number and np.signbit(number.real):
        return hosted("full", shape=shape, value=value, dtype=dtype)  # PyTensor takes the zeros for equal
    return pt.alloc(number, *shape) if shape else pt.constant(number)


@lower
def iota(*, shape: Any, axis: int, dtype: str) -> Any:
    line = np.arange(shape[axis]).astype(dt.numpy_dtype(dtype)).reshape([-1 if i == axis else 1 for i in range(len(shape))])
    return pt.broadcast_to(pt.constant(line), shape)


# Reductions


@lower
def sum_(x: Any, *, axes: Any, keepdims: bool = False) -> Any:
    """As a product with ones where the axes lie side by side at an end: BLAS is faster and more exact."""
    leading, trailing = axes == tuple(range(len(axes))), axes == tuple(range(x.ndim - len(axes), x.ndim))
    if not axes:
        return x
    if x.dtype not in ("float32", "float64") or not (leading or trailing):
        return hosted("sum", x, axes=axes, keepdims=keepdims)
    rows = math.prod(x.type.shape[: len(axes) if leading else x.ndim - len(axes)])
    matrix = view(x, (rows, math.prod(x.type.shape) // rows))
    shape = (1, rows) if leading else (matrix.type.shape[1], 1)
    ones = pt.constant(np.ones(shape, x.dtype))
    total = Product()(ones, matrix) if leading else Product()(matrix, ones)
    return view(total, tuple([1 if i in axes else n for i, n in enumerate(x.type.shape) if keepdims or i not in axes]))


def _cumulative(native: Any) -> Callable[..., Any]:
    def write(x: Any, *, axis: int, reverse: bool = False) -> Any:
        x = pt.cast(x, "int32") if x.dtype == "bool" else x
        y = native(flip(x, axes=(axis,)) if reverse else x, axis=axis)
        y = flip(y, axes=(axis,)) if reverse else y
        return y.astype(x.dtype)

    return write


LOWERING["cumsum"], LOWERING["cumprod"] = _cumulative(pt.cumsum), _cumulative(pt.cumprod)


# Moving elements


@lower
def reshape(x: Any, *, shape: Any) -> Any:
    return view(x, tuple(shape))


@lower
def transpose(x: Any, *, axes: Any) -> Any:
    return Transposed(tuple(axes))(x)


@lower
def broadcast_to(x: Any, *, shape: Any) -> Any:
    return pt.broadcast_to(x, shape)


@lower
def concatenate(*xs: Any, axis: int) -> Any:
    return pt.join(axis, *xs)


@lower
def slice_(x: Any, *, start: Any, limit: Any, strides: Any) -> Any:
    return x[tuple(map(slice, start, limit, strides))]


@lower
def flip(x: Any, *, axes: Any) -> Any:
    return x[tuple(slice(None, None, -1) if axis in axes else slice(None) for axis in range(x.ndim))]


@lower
def take(x: Any, indices: Any, *, axis: int) -> Any:
    last = max(x.type.shape[axis] - 1, 0)
    if isinstance(indices, Constant):  # as in `_folded`
        inside = pt.constant(np.clip(indices.data.astype("int64"), 0, last))
    else:
        inside = pt.clip(pt.cast(indices, "int64"), 0, last)
    return x[(*(slice(None),) * axis, inside)]


@lower
def matmul(x1: Any, x2: Any) -> Any:
    if x1.ndim == x2.ndim == 2:
        return (Product() if dt.is_differentiable(x1.dtype) else pt.dot)(x1, x2)
    return pt.matmul(x1, x2)


# Control flow


@lower
def cond(pred: Any, *operands: Any, true_fn: Graph, false_fn: Graph) -> Any:
    results = ifelse(pred, write(true_fn, operands), write(false_fn, operands))
    return results if isinstance(results, list) else [results]


@lower
def scan(*operands: Any, body_fn: Graph, n_carry: int, n_xs: int, length: int, reverse: bool = False) -> Any:
    carry, sequences, constants = operands[:n_carry], operands[n_carry : n_carry + n_xs], operands[n_carry + n_xs :]
    count = len(body_fn.outputs)

    def step(*given: Any) -> list[Any]:
        xs, state, rest = given[:n_xs], given[n_xs : n_xs + n_carry], given[n_xs + n_carry :]
        return write(body_fn, [*state, *xs, *rest])

    outputs = pytensor.scan(
        step, sequences=[flip(x, axes=(0,)) if reverse else x for x in sequences],
        outputs_info=[*carry, *[None] * (count - n_carry)], non_sequences=list(constants), n_steps=length, strict=True,
        return_list=True, return_updates=False,
    )  # fmt: skip
    last = [y[-1] for y in outputs[:n_carry]]
    return [*last, *[flip(y, axes=(0,)) if reverse else y for y in outputs[n_carry:]]]


def _apply(node: Node, *operands: Any) -> Any:
    if any(0 in v.shape for v in (*node.operands, *node.results)):
        results = hosted(node.primitive.name, *operands, **node.params)
    else:
        results = LOWERING[node.primitive.name](*operands, **node.params)
    if isinstance(results, (list, tuple)):
        return [_settled(x, v.dtype, v.shape) for x, v in zip(results, node.results)]
    return _settled(results, node.results[0].dtype, node.results[0].shape)


def _settled(x: Any, dtype: str, shape: tuple[int, ...]) -> Any:
    """PyTensor must know which dimensions are 1; and no operator may have widened the dtype."""
    x = pt.as_tensor_variable(x)
    if x.dtype != dtype:
        x = pt.cast(x, dtype)
    return x if x.type.shape == shape else pt.specify_shape(x, shape)


def _folded(node: Node, operands: Sequence[Any]) -> Any:
    """The result of a node whose operands are constants. PyTensor's fusion fails on them, and prints a traceback."""
    with np.errstate(all="ignore"):
        result = HOST.kernel(node.primitive)(*[x.data for x in operands], **node.params)
    return pt.constant(np.asarray(result, dt.numpy_dtype(node.results[0].dtype)))


def _is_elementwise(node: Node) -> bool:
    (result, *others) = node.results
    return bool(node.primitive.family == "elementwise" and node.operands and not others and math.prod(result.shape))


def _axes_apart(node: Node) -> set[int]:
    """Axes that can't be merged with the one before: along one of the two an operand is repeated."""
    rank = len(node.results[0].shape)
    shapes = [(1,) * (rank - len(v.shape)) + v.shape for v in node.operands]
    axes = [axis for axis, n in enumerate(node.results[0].shape) if n != 1]
    return {after for before, after in pairwise(axes) if any((shape[before] == 1) != (shape[after] == 1) for shape in shapes)}


def _cuts(graph: Graph) -> dict[Value, set[int]]:
    """The result of each elementwise node -> axes before which its shape must be cut; what is connected has the same cuts.

    So PyTensor can fuse it, and what Numba compiles for one shape serves for others.
    """
    cuts: dict[Value, set[int]] = {}
    members: dict[int, list[Value]] = {}
    for node in filter(_is_elementwise, graph.nodes):
        (result,) = node.results
        cuts[result] = _axes_apart(node)
        members[id(cuts[result])] = [result]
        for v in node.operands:
            if v.shape == result.shape and v in cuts and cuts[v] is not cuts[result]:
                cuts[result] |= cuts[v]
                for other in members.pop(id(cuts[v])):
                    cuts[other] = cuts[result]
                    members[id(cuts[result])].append(other)
    return cuts


def write(graph: Graph, operands: Sequence[Any]) -> list[Any]:
    """The graph's outputs as PyTensor variables."""
    cuts = _cuts(graph)

    def apply(node: Node, *operands: Any) -> Any:
        if node.results[0] not in cuts:
            return _apply(node, *operands)
        if all(isinstance(x, Constant) for x in operands):
            return _folded(node, operands)
        (result,) = node.results
        edges = [0, *sorted(cuts[result]), len(result.shape)]

        def merged(shape: tuple[int, ...]) -> tuple[int, ...]:
            shape = (1,) * (len(result.shape) - len(shape)) + shape
            return tuple([math.prod(shape[start:end]) for start, end in pairwise(edges)])

        found = LOWERING[node.primitive.name](*[view(x, merged(v.shape)) for x, v in zip(operands, node.operands)], **node.params)
        return view(_settled(found, result.dtype, merged(result.shape)), result.shape)

    return graph.evaluate(operands, apply, pt.constant)
