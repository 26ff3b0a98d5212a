"""Theano, as its maintained successor PyTensor: compiled functions are PyTensor functions, variables are shared variables.

What PyTensor has no operator for (convolution above all) is an Op of ours around the NumPy kernel, inside the same graph.
"""

from __future__ import annotations

import functools
import hashlib
import math
import os
import warnings
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from cornu.contract.staged import StagedEngine
from cornu.engines.numpy import NumpyEngine
from cornu.graph.graph import Graph, Node, Value
from cornu.primitives import dtypes as dt
from cornu.primitives.primitive import Primitive, lookup

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of a BLAS that only its C mode would link
    import pytensor
    import pytensor.tensor as pt
    from pytensor.compile.mode import Mode
    from pytensor.graph.basic import Apply, Constant
    from pytensor.graph.op import Op
    from pytensor.graph.rewriting.db import RewriteDatabaseQuery
    from pytensor.ifelse import ifelse
    from pytensor.link.numba.linker import NumbaLinker
    from pytensor.scalar.basic import BinaryScalarOp, upcast_out
    from pytensor.tensor.elemwise import Elemwise

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


# What PyTensor lacks


class Hosted(Op):
    """A primitive as an Op: PyTensor schedules it, NumPy's kernel computes it."""

    def __init__(self, primitive: Primitive, params: dict[str, Any], types: Sequence[Any]) -> None:
        graphs = {name: value for name, value in params.items() if isinstance(value, Graph)}
        plain = sorted((name, value) for name, value in params.items() if name not in graphs)
        self.key = (primitive.name, repr(plain), *graphs.values(), *types)
        self.number = int.from_bytes(hashlib.sha256(repr(self.key).encode()).digest()[:7])
        self.lasting = not graphs  # whether another process gives it the same number
        self.types, self.params = types, {**params, **{name: HOST.replay(graph) for name, graph in graphs.items()}}
        self.kernel = HOST.kernel(primitive)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.key == other.key  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash((type(self), self.key))

    def make_node(self, *inputs: Any) -> Apply:
        return Apply(self, [pt.constant(np.array([self.number])), *inputs], [kind() for kind in self.types])

    def perform(self, node: Apply, inputs: Sequence[Any], output_storage: Sequence[list[Any]]) -> None:
        for cell, result in zip(output_storage, self.compute(inputs[1:])):
            cell[0] = result

    def compute(self, inputs: Sequence[Any]) -> list[np.ndarray]:
        """The results as arrays of their own."""
        with np.errstate(all="ignore"):
            results = self.kernel(*[np.asarray(x) for x in inputs], **self.params)
        results = results if isinstance(results, (list, tuple)) else [results]
        # Copies: a result may be a view of an operand.
        return [np.array(result, kind.dtype, order="C").reshape(kind.shape) for kind, result in zip(self.types, results)]


HOST = NumpyEngine()
COMPILED: dict[int, Hosted] = {}


def run_hosted(number: np.ndarray, inputs: tuple[Any, ...]) -> Any:
    """What compiled code calls. It knows the Op by its number alone: so it can come from the cache on disk, and serve many Ops."""
    results = COMPILED[number[0]].compute(inputs)
    return results[0] if len(results) == 1 else tuple(results)


class View(Op):
    """The operand's elements in their order as another shape, or their bytes as another dtype of the same size.

    PyTensor's own forms take Numba ten times as long, and forget that the elements lie in order.
    """

    __props__ = ("shape", "dtype")
    view_map = {0: [0]}

    def __init__(self, shape: tuple[int, ...], dtype: str) -> None:
        self.shape, self.dtype = shape, dtype

    def make_node(self, x: Any) -> Apply:
        return Apply(self, [x], [pt.TensorType(self.dtype, shape=self.shape)()])

    def perform(self, node: Apply, inputs: Sequence[Any], output_storage: Sequence[list[Any]]) -> None:
        output_storage[0][0] = np.asarray(inputs[0], order="C").view(self.dtype).reshape(self.shape)

    def do_constant_folding(self, fgraph: Any, node: Apply) -> bool:
        return False  # Numba would compile products for arrays that must not be written into, too


def view(x: Any, shape: tuple[int, ...]) -> Any:
    """The tensor's elements in their order as another shape."""
    if x.owner and isinstance(x.owner.op, View) and x.owner.inputs[0].dtype == x.dtype:
        x = x.owner.inputs[0]
    if x.type.shape == shape:
        return x
    return pt.constant(x.data.reshape(shape)) if isinstance(x, Constant) else View(shape, x.dtype)(x)


class Transposed(Op):
    """The operand's axes in another order. Of matrices no element is moved: products take them so."""

    __props__ = ("axes",)
    view_map = {0: [0]}

    def __init__(self, axes: tuple[int, ...]) -> None:
        self.axes = axes

    def make_node(self, x: Any) -> Apply:
        return Apply(self, [x], [pt.TensorType(x.dtype, shape=[x.type.shape[axis] for axis in self.axes])()])

    def perform(self, node: Apply, inputs: Sequence[Any], output_storage: Sequence[list[Any]]) -> None:
        output_storage[0][0] = inputs[0].transpose(self.axes)


class Product(Op):
    """Of two matrices of floats or complex numbers."""

    __props__ = ()

    def make_node(self, x: Any, y: Any) -> Apply:
        return Apply(self, [x, y], [pt.TensorType(x.dtype, shape=(x.type.shape[0], y.type.shape[1]))()])

    def perform(self, node: Apply, inputs: Sequence[Any], output_storage: Sequence[list[Any]]) -> None:
        output_storage[0][0] = np.dot(*inputs)


@functools.cache
def _teach_numba() -> None:
    """How Numba's code calls an Op of ours. PyTensor's own way would keep the whole program out of the cache."""
    import numba
    from pytensor.link.numba.dispatch.basic import (
        direct_cast,
        get_numba_type,
        numba_njit,
        register_funcify_and_cache_key,
        register_funcify_default_op_cache_key,
    )

    @register_funcify_and_cache_key(Modular)
    def compute(op: Modular, node: Apply, **_: Any) -> tuple[Any, str]:
        dtype, function = np.dtype(node.outputs[0].dtype), getattr(np, op.nfunc_spec[0])

        @numba_njit
        def modular(x: Any, y: Any) -> Any:
            return direct_cast(function(x, y), dtype)

        return modular, f"cornu {op.name} {dtype}"

    @register_funcify_and_cache_key(View)
    def see(op: View, node: Apply, **_: Any) -> tuple[Any, str]:
        return _numba_view(op.shape, numba.from_dtype(np.dtype(op.dtype))), f"cornu view {op.shape} {op.dtype}"

    @register_funcify_default_op_cache_key(Transposed)
    def transpose(op: Transposed, node: Apply, **_: Any) -> Any:
        axes = op.axes

        @numba_njit
        def transposed(x: Any) -> Any:
            return np.ascontiguousarray(x.transpose(axes))

        @numba_njit
        def matrix_transposed(x: Any) -> Any:
            return x.T

        return matrix_transposed if axes == (1, 0) else transposed

    @register_funcify_default_op_cache_key(Product)
    def multiply(op: Product, node: Apply, **_: Any) -> Any:
        @numba_njit
        def product(x: Any, y: Any) -> Any:
            return np.dot(x, y)

        return product

    @functools.cache
    def caller(*kinds: Any) -> Any:
        kind = kinds[0] if len(kinds) == 1 else numba.types.Tuple(kinds)

        @numba_njit
        def hosted(number: Any, *inputs: Any) -> Any:
            with numba.objmode(result=kind):
                result = run_hosted(number, inputs)
            return result

        return hosted

    @register_funcify_and_cache_key(Hosted)
    def call(op: Hosted, node: Apply, **_: Any) -> tuple[Any, str | None]:
        COMPILED[op.number] = op
        kinds = [get_numba_type(x.type, layout="C") for x in node.outputs]
        return caller(*kinds), f"cornu hosted {kinds}" if op.lasting else None


def _numba_view(shape: tuple[int, ...], dtype: Any) -> Any:
    """`View` for Numba, without a function to compile."""
    import numba
    from numba.core import cgutils, types
    from numba.core.imputils import impl_ret_borrowed
    from numba.np.arrayobj import make_array, populate_array

    strides = [math.prod(shape[axis + 1 :]) * np.dtype(str(dtype)).itemsize for axis in range(len(shape))]

    @numba.extending.intrinsic
    def view(typing: Any, x: Any) -> Any:
        in_order = types.Array(x.dtype, x.ndim, "C") if isinstance(x, types.Array) else types.Array(x, 0, "C")

        def write(context: Any, builder: Any, signature: Any, args: Sequence[Any]) -> Any:
            given, kind = args[0], signature.return_type
            if x.layout != "C" if isinstance(x, types.Array) else True:
                make = np.ascontiguousarray if isinstance(x, types.Array) else np.asarray
                given = context.compile_internal(builder, lambda x: make(x), in_order(x), [given])
            source, result = make_array(in_order)(context, builder, given), make_array(kind)(context, builder)
            number = lambda n: context.get_constant(types.intp, n)  # noqa: E731
            populate_array(
                result,
                data=builder.bitcast(source.data, result.data.type),
                shape=cgutils.pack_array(builder, [number(n) for n in shape], ty=number(0).type),
                strides=cgutils.pack_array(builder, [number(n) for n in strides], ty=number(0).type),
                itemsize=source.itemsize,
                meminfo=source.meminfo,
                parent=source.parent,
            )
            return impl_ret_borrowed(context, builder, kind, result._getvalue())

        return types.Array(dtype, len(shape), "C")(x), write

    return view


def hosted(name: str, *operands: Any, **params: Any) -> Any:
    """The primitive applied by an Op of ours."""
    primitive = lookup(name)
    params = {**primitive.params, **params}
    shapes = primitive.result_shapes([x.type.shape for x in operands], params)
    dtypes = primitive.result_dtypes([x.dtype for x in operands], params)
    types = [pt.TensorType(dtype, shape=shape) for shape, dtype in zip(shapes, dtypes)]
    results = Hosted(primitive, params, types)(*operands, return_list=True)
    return results if primitive.family == "control" or len(types) > 1 else results[0]


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


class Modular(BinaryScalarOp):
    """Arithmetic of integers, each result in its dtype: in fused loops Numba would go on with 64 bits of PyTensor's own."""

    symbol: str

    def __reduce__(self) -> Any:
        return _modular, (self.name,)  # to keys of the C mode's cache

    def impl(self, x: Any, y: Any) -> Any:
        return getattr(np, self.nfunc_spec[0])(x, y)

    def c_code(self, node: Any, name: Any, inputs: Any, outputs: Any, sub: Any) -> str:
        return f"{outputs[0]} = {inputs[0]} {self.symbol} {inputs[1]};"


SYMBOLS = {"add": "+", "subtract": "-", "multiply": "*", "left_shift": "<<", "right_shift": ">>"}


@functools.cache
def _modular(name: str) -> Modular:
    """Each is a class of its own: PyTensor tells scalar functions apart by their classes."""
    return type(name, (Modular,), {"nfunc_spec": (name, 2, 1), "symbol": SYMBOLS[name]})(upcast_out, name=name)


MODULAR = {name: Elemwise(_modular(name)) for name in SYMBOLS}


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
    ones = View(shape, x.dtype)(pt.constant(np.ones(shape, x.dtype)))
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
    inside = pt.clip(pt.cast(indices, "int64"), 0, max(x.type.shape[axis] - 1, 0))
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
        (result,) = node.results
        edges = [0, *sorted(cuts[result]), len(result.shape)]

        def merged(shape: tuple[int, ...]) -> tuple[int, ...]:
            shape = (1,) * (len(result.shape) - len(shape)) + shape
            return tuple([math.prod(shape[start:end]) for start, end in pairwise(edges)])

        found = LOWERING[node.primitive.name](*[view(x, merged(v.shape)) for x, v in zip(operands, node.operands)], **node.params)
        return view(_settled(found, result.dtype, merged(result.shape)), result.shape)

    return graph.evaluate(operands, apply, pt.constant)


MADE: WeakValueDictionary[Any, Any] = WeakValueDictionary()  # key and types -> Numba's function, for all programs


class OneStageLinker(NumbaLinker):
    """PyTensor's, without the functions around each program and each Op that are there for the cache: Numba would compile all twice.

    A program is kept on disk as a whole, under a key like PyTensor's.
    """

    def fgraph_convert(self, fgraph: Any, **kwargs: Any) -> Any:
        from pytensor.link.numba.cache import CACHED_SRC_FUNCTIONS
        from pytensor.link.numba.dispatch.basic import (
            cache_key_for_constant,
            numba_funcify_and_cache_key,
            numba_njit,
            numba_typify,
        )
        from pytensor.link.utils import fgraph_to_python

        order = fgraph.toposort()
        places = {v: str(i) for i, v in enumerate([*fgraph.inputs, *[v for node in order for v in node.outputs]])}
        keys: list[Any] = []

        def place(v: Any) -> str:
            return places[v] if v in places else cache_key_for_constant(v.data)

        def convert(op: Op, *args: Any, node: Apply, **kwargs: Any) -> Any:
            function, key = numba_funcify_and_cache_key(op, *args, node=node, **kwargs)
            keys.append(key and (key, [place(v) for v in node.inputs]))
            kinds = [(getattr(v.type, "dtype", v.type), getattr(v.type, "ndim", 0)) for v in (*node.inputs, *node.outputs)]
            return function if key is None else MADE.setdefault((key, *kinds), function)

        source = fgraph_to_python(
            fgraph, convert, type_conversion_fn=numba_typify, fgraph_name="numba_funcified_fgraph", **kwargs
        )
        if None in keys:
            return numba_njit(source), None
        key = hashlib.sha256(repr((keys, [place(v) for v in fgraph.outputs])).encode()).hexdigest()
        source.__code__ = source.__code__.replace(co_filename="<string>")  # else it would have another name in every process
        CACHED_SRC_FUNCTIONS[source] = key
        return numba_njit(source), key

    def jit_compile(self, fn_and_cache: Any) -> Any:
        from pytensor.link.numba.dispatch.basic import numba_njit

        function, key = fn_and_cache
        return numba_njit(function.py_func, final_function=True, no_cfunc_wrapper=True, cache=key is not None)


# The graph is simple already. PyTensor's algebra would change results' last bits, and takes longer than all that stands here.
REWRITES = "minimum_compile", "merge", "fusion", "inplace"
MODES = {
    "numba": Mode(OneStageLinker(), RewriteDatabaseQuery(include=[*REWRITES, "numba"])),
    "c": Mode("cvm", RewriteDatabaseQuery(include=[*REWRITES, "cxx_only"])),
    "python": Mode("py", "merge"),
}


def _mode(name: str, graph: Graph) -> Mode:
    if name == "python" or all(node.primitive.family != "control" for node in graph.nodes):
        return MODES[name]
    # A scan as it was written reads and writes its sequences by detours. (Our softmax is stable already.)
    return MODES[name].including("canonicalize", "specialize", "scan").excluding("symbolic_op_recognition")


class TheanoEngine(StagedEngine, NumpyEngine):
    """Theano's successor PyTensor.

    `CORNU_THEANO_MODE` says how programs are compiled: "numba" (the default: the fastest steps), "c", or "python" (slow steps,
    but no compiler).
    """

    name = "theano"
    library = "pytensor"
    compiles_calls = True
    lowering = LOWERING
    dtypes = frozenset(dt.DTYPES) - {"bfloat16", "float16"}

    def support(self, name: str) -> str:
        return "host" if name in HOSTED else super().support(name)

    def lower(self, graph: Graph, storages: Sequence[Any], written: Sequence[int]) -> Callable[..., Sequence[np.ndarray]]:
        arguments = [pt.TensorType(v.dtype, shape=v.shape)() for v in graph.inputs[len(storages) :]]
        outputs = write(graph, [*storages, *arguments])
        count = len(written)
        updates = [(storages[i], new) for i, new in zip(written, outputs)]
        mode = os.environ.get("CORNU_THEANO_MODE", "numba")
        if mode not in MODES:
            raise ValueError(f"The environment variable CORNU_THEANO_MODE is {mode!r}, expected one of: {', '.join(MODES)}.")
        if mode == "numba":
            _teach_numba()
        # Fast math would turn x + (y - x) * c into other sums.
        with warnings.catch_warnings(), pytensor.config.change_flags(numba__fastmath=False):
            warnings.filterwarnings("ignore", "Numba will use object mode")  # as for some scalar Ops of its own
            function = pytensor.function(
                arguments, outputs[count:], updates=updates, mode=_mode(mode, graph), on_unused_input="ignore"
            )
        function.trust_input = True
        specs = [(v.shape, dt.numpy_dtype(v.dtype)) for v in graph.outputs[count:]]

        def run(*args: np.ndarray) -> list[np.ndarray]:
            results = function(*args)
            return [np.asarray(x, dtype).reshape(shape) for x, (shape, dtype) in zip(results, specs)]

        return run

    def upload(self, array: np.ndarray) -> Any:
        return pytensor.shared(np.array(array, order="C"), shape=array.shape, borrow=True)

    def download(self, storage: Any) -> np.ndarray:
        return np.array(storage.get_value(borrow=True))

    def update(self, storage: Any, array: np.ndarray) -> None:
        storage.set_value(np.array(array, order="C"), borrow=True)
