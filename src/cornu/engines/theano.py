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
from typing import Any

import numpy as np

from cornu.contract.staged import StagedEngine
from cornu.engines.numpy import NumpyEngine
from cornu.graph.graph import Graph, Node
from cornu.primitives import dtypes as dt
from cornu.primitives.primitive import Primitive, lookup

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of a BLAS that only its C mode would link
    import pytensor
    import pytensor.tensor as pt
    from pytensor.compile.mode import Mode
    from pytensor.graph.basic import Apply
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
    "exp expm1 log log1p sqrt sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh erf real imag "
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
        self.digest = hashlib.sha256(repr(self.key).encode()).hexdigest()
        self.lasting = not graphs  # whether another process gives it the same digest
        self.types, self.params = types, {**params, **{name: HOST.replay(graph) for name, graph in graphs.items()}}
        self.kernel = HOST.kernel(primitive)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.key == other.key  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash((type(self), self.key))

    def make_node(self, *inputs: Any) -> Apply:
        return Apply(self, list(inputs), [kind() for kind in self.types])

    def perform(self, node: Apply, inputs: Sequence[Any], output_storage: Sequence[list[Any]]) -> None:
        for cell, result in zip(output_storage, self.compute(inputs)):
            cell[0] = result

    def compute(self, inputs: Sequence[Any]) -> list[np.ndarray]:
        """The results as arrays of their own."""
        with np.errstate(all="ignore"):
            results = self.kernel(*[np.asarray(x) for x in inputs], **self.params)
        results = results if isinstance(results, (list, tuple)) else [results]
        # Copies: a result may be a view of an operand.
        return [np.array(result, kind.dtype, order="C").reshape(kind.shape) for kind, result in zip(self.types, results)]


HOST = NumpyEngine()
COMPILED: dict[str, Hosted] = {}


def run_hosted(digest: str, inputs: tuple[Any, ...]) -> Any:
    """What compiled code calls. It knows the Op by its digest alone, so that it can come from the cache on disk."""
    results = COMPILED[digest].compute(inputs)
    return results[0] if len(results) == 1 else tuple(results)


@functools.cache
def _teach_numba() -> None:
    """How Numba's code calls an Op of ours. PyTensor's own way would keep the whole program out of the cache."""
    import numba
    from pytensor.link.numba.dispatch.basic import get_numba_type, numba_njit, register_funcify_and_cache_key

    @register_funcify_and_cache_key(Hosted)
    def funcify(op: Hosted, node: Apply, **_: Any) -> tuple[Any, str | None]:
        COMPILED[op.digest] = op
        digest, kinds = op.digest, [get_numba_type(x.type, layout="C") for x in node.outputs]
        kind = kinds[0] if len(kinds) == 1 else numba.types.Tuple(kinds)

        @numba_njit
        def hosted(*inputs: Any) -> Any:
            with numba.objmode(result=kind):
                result = run_hosted(digest, inputs)
            return result

        return hosted, digest if op.lasting else None


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
    "bitcast erfinv logaddexp floor_divide mod sort argsort searchsorted pad take_along_axis scatter dynamic_slice "
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
    return x if x.dtype == "bool" else -x


@lower
def abs_(x: Any) -> Any:
    return x if x.dtype == "bool" or x.dtype.startswith("uint") else pt.abs(x)


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
def stop_gradient(x: Any) -> Any:
    return x


@lower
def isfinite(x: Any) -> Any:
    if not x.dtype.startswith(("float", "complex")):
        return pt.ones_like(x, dtype="bool")
    parts = [x] if x.dtype.startswith("float") else [pt.real(x), pt.imag(x)]
    return pt.and_(*[pt.invert(pt.or_(pt.isnan(part), pt.isinf(part))) for part in (parts * 2)[:2]])


def _arithmetic(native: Any, of_bools: Any) -> Callable[..., Any]:
    return lambda x1, x2: of_bools(x1, x2) if x1.dtype == "bool" else native(x1, x2)


LOWERING["add"] = _arithmetic(pt.add, pt.or_)
LOWERING["subtract"] = _arithmetic(pt.sub, pt.xor)
LOWERING["multiply"] = _arithmetic(pt.mul, pt.and_)


@lower
def power(x1: Any, x2: Any) -> Any:
    return pt.pow(x1, x2) if dt.is_differentiable(x1.dtype) else hosted("power", x1, x2)


class _Shift(BinaryScalarOp):
    def c_code(self, node: Any, name: Any, inputs: Any, outputs: Any, sub: Any) -> str:
        return f"{outputs[0]} = {inputs[0]} {self.operator} {inputs[1]};"


class _LeftShift(_Shift):
    nfunc_spec = ("left_shift", 2, 1)
    operator = "<<"

    def impl(self, x: Any, y: Any) -> Any:
        return np.left_shift(x, y)


class _RightShift(_Shift):
    nfunc_spec = ("right_shift", 2, 1)
    operator = ">>"

    def impl(self, x: Any, y: Any) -> Any:
        return np.right_shift(x, y)


LOWERING["left_shift"] = Elemwise(_LeftShift(upcast_out, name="left_shift"))
LOWERING["right_shift"] = Elemwise(_RightShift(upcast_out, name="right_shift"))


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
    if not axes or x.dtype not in ("float32", "float64") or not (leading or trailing):
        return hosted("sum", x, axes=axes, keepdims=keepdims)
    rows = math.prod(x.type.shape[: len(axes) if leading else x.ndim - len(axes)])
    matrix = pt.reshape(x, (rows, math.prod(x.type.shape) // rows))
    ones = np.ones((1, rows) if leading else (matrix.type.shape[1], 1), x.dtype)
    total = pt.dot(ones, matrix) if leading else pt.dot(matrix, ones)
    return pt.reshape(total, [1 if i in axes else n for i, n in enumerate(x.type.shape) if keepdims or i not in axes])


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
    return pt.reshape(x, shape, ndim=len(shape))


@lower
def transpose(x: Any, *, axes: Any) -> Any:
    return x.dimshuffle(*axes)


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
    return pt.dot(x1, x2) if x1.ndim == x2.ndim == 2 else pt.matmul(x1, x2)


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
        return [_settled(x, v) for x, v in zip(results, node.results)]
    return _settled(results, node.results[0])


def _settled(x: Any, value: Any) -> Any:
    """PyTensor must know which dimensions are 1; and no operator may have widened the dtype."""
    x = pt.as_tensor_variable(x)
    if x.dtype != value.dtype:
        x = pt.cast(x, value.dtype)
    return x if x.type.shape == value.shape else pt.specify_shape(x, value.shape)


def write(graph: Graph, operands: Sequence[Any]) -> list[Any]:
    """The graph's outputs as PyTensor variables."""
    return graph.evaluate(operands, _apply, pt.constant)


class OneStageLinker(NumbaLinker):
    """PyTensor's, without the function around each program that is there for the cache: it would compile the whole program twice."""

    def fgraph_convert(self, fgraph: Any, **kwargs: Any) -> Any:
        from pytensor.link.numba.cache import CACHED_SRC_FUNCTIONS
        from pytensor.link.numba.dispatch.basic import numba_funcify_and_cache_key

        function, key = numba_funcify_and_cache_key(fgraph, **kwargs)
        if key is not None:
            # Else it would have another name in every process.
            function.py_func.__code__ = function.py_func.__code__.replace(co_filename="<string>")
            CACHED_SRC_FUNCTIONS[function.py_func] = f"{key}_cornu"
        return function, key


# Sums that are written as products with ones would become scattered additions again. Our softmax is stable already, and PyTensor's
# own would add loops to compile.
UNWANTED = "selection_dot_to_indexing", "symbolic_op_recognition"
MODES = {
    "numba": Mode(OneStageLinker(), RewriteDatabaseQuery(include=["fast_run", "numba"], exclude=UNWANTED)),
    "c": Mode("cvm", "fast_run").excluding(*UNWANTED),
    "python": Mode("py", "merge"),
}


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
            function = pytensor.function(arguments, outputs[count:], updates=updates, mode=MODES[mode], on_unused_input="ignore")
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
