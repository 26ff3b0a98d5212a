"""The JAX engine. It turns on 64-bit types, so that float64 and int64 mean what they say; all dtypes here are explicit."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Sequence
from types import NoneType
from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.linalg
import numpy as np
from jax import lax

from cornu import config
from cornu.contract.engine import Engine, Kernels, default_dtype
from cornu.contract.state import Cell, StateScope, functionalize
from cornu.primitives import dtypes as dt
from cornu.primitives.contraction import settled
from cornu.primitives.primitive import TABLE

jax.config.update("jax_enable_x64", True)

kernels = Kernels()
kernels.take(
    jnp,
    "exp expm1 log sqrt sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh real imag "
    "add multiply divide maximum minimum floor_divide logaddexp arctan2 "
    "equal not_equal less less_equal greater greater_equal logical_and logical_or logical_not "
    "bitwise_and bitwise_or bitwise_xor left_shift right_shift isfinite where "
    "reshape transpose broadcast_to matmul",
)
kernels.take(lax, "rsqrt stop_gradient", erf="erf", erfinv="erf_inv")
define = kernels.define


def _float_only(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x: function(x) if jnp.issubdtype(x.dtype, jnp.floating) else jnp.asarray(x)


kernels["floor"], kernels["ceil"] = _float_only(jnp.floor), _float_only(jnp.ceil)
kernels["round"] = _float_only(jnp.round)


@define
def negative(x: Any) -> Any:
    return x if x.dtype == bool else jnp.negative(x)


@define
def sign(x: Any) -> Any:
    return x if x.dtype == bool else jnp.sign(x)


@jax.custom_jvp
def _log1p(x: Any) -> Any:
    """XLA's own, and its arctanh, are off by a hundred units in the last place around -0.4, in double precision."""
    u = lax.optimization_barrier(1 + x)  # else u - 1 is simplified to x
    return jnp.where(u == 1, x, jnp.log(u) * jnp.where(jnp.abs(x) < 0.5, x / jnp.where(u == 1, 1, u - 1), 1))


_log1p.defjvp(lambda primals, tangents: (_log1p(*primals), tangents[0] / (1 + primals[0])))


@jax.custom_jvp
def _mod(x1: Any, x2: Any) -> Any:
    """JAX's own gradient divides once more, and where x2 goes into x1 may round to another multiple than the result."""
    return jnp.mod(x1, x2)


_mod.defjvp(lambda primals, tangents: (_mod(*primals), tangents[0] - jnp.floor_divide(*primals) * tangents[1]))
kernels["mod"] = jax.jit(_mod)


@define
def log1p(x: Any) -> Any:
    if not jnp.issubdtype(x.dtype, jnp.complexfloating):
        return _log1p(x) if x.dtype == jnp.float64 else jnp.log1p(x)
    small = jnp.abs(x) < 1
    re, im = jnp.where(small, x, 0).real, jnp.where(small, x, 0).imag
    return jnp.where(small, lax.complex(log1p(re * (2 + re) + im * im) / 2, jnp.arctan2(im, 1 + re)), jnp.log(1 + x))


@define
def arctanh(x: Any) -> Any:
    return (_log1p(x) - _log1p(-x)) / 2 if x.dtype == jnp.float64 else jnp.arctanh(x)


@define
def abs_(x: Any) -> Any:
    return _real_abs(x) if jnp.issubdtype(x.dtype, jnp.floating) else jnp.abs(x)


_real_abs = jax.custom_jvp(jnp.abs)
_real_abs.defjvp(lambda primals, tangents: (jnp.abs(*primals), tangents[0] * jnp.sign(primals[0])))  # 0 at 0, not 1


@define
def subtract(x1: Any, x2: Any) -> Any:
    return jnp.not_equal(x1, x2) if x1.dtype == bool else jnp.subtract(x1, x2)


@define
def sigmoid(x: Any) -> Any:
    return jax.nn.sigmoid(x)


@define
def softplus(x: Any) -> Any:
    return jnp.maximum(x, 0) + jnp.log1p(jnp.exp(-jnp.abs(x)))


_plain_softplus = jax.custom_jvp(softplus)
_plain_softplus.defjvp(lambda primals, tangents: (softplus(*primals), tangents[0] * jax.nn.sigmoid(primals[0])))
kernels["softplus"] = _plain_softplus


@define
def power(x1: Any, x2: Any) -> Any:
    if not jnp.issubdtype(x1.dtype, jnp.integer):
        return jnp.power(x1, x2)
    if jnp.issubdtype(x1.dtype, jnp.unsignedinteger):
        return jnp.power(x1, x2)
    result = jnp.power(x1, jnp.maximum(x2, 0))
    one = jnp.ones((), x1.dtype)
    inverse = jnp.where(x1 == 1, one, jnp.where(x1 == -1, jnp.where(x2 % 2 == 0, one, -one), 0))
    return jnp.where(x2 < 0, inverse, result).astype(x1.dtype)


@define
def complex_(re: Any, im: Any) -> Any:
    wide = "float64" if re.dtype == jnp.float64 else "float32"
    return lax.complex(*jnp.broadcast_arrays(re.astype(wide), im.astype(wide)))


@define
def cast(x: Any, *, dtype: str) -> Any:
    if jnp.issubdtype(x.dtype, jnp.complexfloating) and dtype not in dt.COMPLEXES:
        x = x != 0 if dtype == "bool" else jnp.real(x)
    return lax.convert_element_type(x, dt.numpy_dtype(dtype))


@define
def bitcast(x: Any, *, dtype: str) -> Any:
    return jnp.asarray(x).view(dt.numpy_dtype(dtype)) if dtype == "bool" or x.dtype == bool else lax.bitcast_convert_type(x, dt.numpy_dtype(dtype))


@define
def full(*, shape: Any, value: Any, dtype: str) -> Any:
    return jnp.full(shape, value, dt.numpy_dtype(dtype))


@define
def iota(*, shape: Any, axis: int, dtype: str) -> Any:
    if dtype == "bool" or 0 in shape:
        return lax.broadcasted_iota(np.int32, shape, axis).astype(dt.numpy_dtype(dtype))
    return lax.broadcasted_iota(dt.numpy_dtype(dtype), shape, axis)


@define
def sum_(x: Any, *, axes: Any, keepdims: bool = False) -> Any:
    if x.dtype.kind in "fcV":  # V: bfloat16
        along = axes[0] if len(axes) == 1 else axes  # of which a number takes less time
        return jnp.sum(x, along, keepdims=True) if keepdims else jnp.sum(x, along)
    return jnp.sum(x, axis=axes, keepdims=keepdims, dtype=dt.accumulate(x.dtype.name))


@define
def prod(x: Any, *, axes: Any, keepdims: bool = False) -> Any:
    return jnp.prod(x, axis=axes, keepdims=keepdims, dtype=dt.accumulate(x.dtype.name))


def _reduce(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, *, axes, keepdims=False: function(x, axis=axes, keepdims=keepdims)


for _name in ("max", "min", "any", "all"):
    kernels[_name] = _reduce(getattr(jnp, _name))


@define
def argmax(x: Any, *, axis: int) -> Any:
    return jnp.argmax(x, axis=axis).astype("int32")


@define
def argmin(x: Any, *, axis: int) -> Any:
    return jnp.argmin(x, axis=axis).astype("int32")


def _cumulative(function: Callable[..., Any]) -> Callable[..., Any]:
    def kernel(x: Any, *, axis: int, reverse: bool = False) -> Any:
        x = x.astype("int32") if x.dtype == bool else x
        return function(x, axis=axis, reverse=reverse)

    return kernel


kernels["cumsum"], kernels["cumprod"] = _cumulative(lax.cumsum), _cumulative(lax.cumprod)


@define
def sort(x: Any, *, axis: int) -> Any:
    return jnp.sort(x, axis=axis)


@define
def argsort(x: Any, *, axis: int) -> Any:
    return jnp.argsort(x, axis=axis, stable=True).astype("int32")


@define
def searchsorted(ordered: Any, values: Any, *, side: str = "left") -> Any:
    return jnp.searchsorted(ordered, values, side=side).astype("int32")


@define
def concatenate(*xs: Any, axis: int) -> Any:
    return lax.concatenate(xs, axis)


@define
def pad(x: Any, value: Any, *, low: Any, high: Any, interior: Any) -> Any:
    return lax.pad(x, value, list(zip(low, high, interior, strict=True)))


@define
def slice_(x: Any, *, start: Any, limit: Any, strides: Any) -> Any:
    return lax.slice(x, start, limit, strides)


@define
def flip(x: Any, *, axes: Any) -> Any:
    return lax.rev(x, axes)


@define
def take(x: Any, indices: Any, *, axis: int) -> Any:
    return jnp.take(x, jnp.clip(indices, 0, max(x.shape[axis] - 1, 0)), axis=axis, mode="clip")


@define
def take_along_axis(x: Any, indices: Any, *, axis: int) -> Any:
    return jnp.take_along_axis(x, jnp.clip(indices, 0, max(x.shape[axis] - 1, 0)), axis=axis, mode="clip")


@define
def scatter(x: Any, indices: Any, updates: Any, *, mode: str) -> Any:
    if mode == "multiply":
        return _multiplied(x, indices, updates)
    return getattr(jnp.asarray(x).at[_spots(x, indices)], "set" if mode == "update" else mode)(updates, mode="drop")


def _spots(x: Any, indices: Any) -> tuple[Any, ...]:
    """Negative indices are out of range here, not counted from the end."""
    return tuple(jnp.where(indices[..., i] < 0, n, indices[..., i]) for i, n in zip(range(indices.shape[-1]), x.shape))


@jax.custom_vjp
def _multiplied(x: Any, indices: Any, updates: Any) -> Any:
    """JAX differentiates it only where no two updates meet; the table's rule does."""
    return jnp.asarray(x).at[_spots(x, indices)].multiply(updates, mode="drop")


def _multiplied_forward(x: Any, indices: Any, updates: Any) -> Any:
    y = _multiplied(x, indices, updates)
    return y, (y, x, indices, updates)


def _multiplied_backward(saved: Any, g: Any) -> Any:
    rule: Any = TABLE["scatter"].vjp
    return tuple(rule(g, *saved, mode="multiply"))


_multiplied.defvjp(_multiplied_forward, _multiplied_backward)


@define
def dynamic_slice(x: Any, start: Any, *, sizes: Any) -> Any:
    return lax.dynamic_slice(x, list(_clamped(start, x.shape, sizes)), sizes)


def _clamped(start: Any, shape: Any, sizes: Any) -> Any:
    """Starts moved inside; lax counts negative ones from the end."""
    return [jnp.clip(start[i], 0, n - size) for i, (n, size) in enumerate(zip(shape, sizes, strict=True))]


@define
def dynamic_update_slice(x: Any, update: Any, start: Any) -> Any:
    return lax.dynamic_update_slice(x, update, _clamped(start, x.shape, update.shape))


# Convolution and pooling


def _dimensions(rank: int) -> Any:
    spatial = "DHW"[3 - rank :]
    return (f"N{spatial}C", f"{spatial}IO", f"N{spatial}C")


@define
def conv(x: Any, kernel: Any, *, strides: Any, padding: Any, dilation: Any, groups: int) -> Any:
    if not jnp.issubdtype(x.dtype, jnp.inexact):  # XLA's CPU convolution has no integers
        return conv(x.astype("float64"), kernel.astype("float64"), strides=strides, padding=padding, dilation=dilation, groups=groups).astype(x.dtype)
    strides, padding, dilation = settled(x.shape, kernel.shape, strides, padding, dilation)
    return lax.conv_general_dilated(
        x, kernel, strides, padding, rhs_dilation=dilation, dimension_numbers=_dimensions(x.ndim - 2), feature_group_count=groups
    )


@define
def conv_grad_input(g: Any, kernel: Any, *, input_shape: Any, strides: Any, padding: Any, dilation: Any, groups: int) -> Any:
    strides, padding, dilation = settled(input_shape, kernel.shape, strides, padding, dilation)
    spatial = input_shape[1:-1]
    if max(strides) > 1:  # where the kernel is the larger one, XLA exchanges the two, and may end the process (0.10.2): g gets more places, of zeros
        more = [max(k - m, 0) for m, k in zip(g.shape[1:-1], kernel.shape)]
        g = jnp.pad(g, [(0, 0), *[(0, m) for m in more], (0, 0)]) if any(more) else g
        spatial = [n + m * s for n, m, s in zip(spatial, more, strides)]
    forward = lambda x: conv(x, kernel, strides=strides, padding=padding, dilation=dilation, groups=groups)  # noqa: E731
    grown = _transposed(forward, (input_shape[0], *spatial, input_shape[-1]), g)
    return grown[(slice(None), *map(slice, input_shape[1:-1]))]


@define
def conv_grad_kernel(x: Any, g: Any, *, kernel_shape: Any, strides: Any, padding: Any, dilation: Any, groups: int) -> Any:
    forward = lambda kernel: conv(x, kernel, strides=strides, padding=padding, dilation=dilation, groups=groups)  # noqa: E731
    return _transposed(forward, kernel_shape, g)


def _transposed(forward: Callable[..., Any], shape: Any, g: Any) -> Any:
    return jax.linear_transpose(forward, jax.ShapeDtypeStruct(tuple(shape), g.dtype))(g)[0]


def _window(values: Any, outside: int) -> Any:
    return (outside, *values, outside)


@define
def max_pool(x: Any, *, window: Any, strides: Any, padding: Any) -> Any:
    lowest = -np.inf if jnp.issubdtype(x.dtype, jnp.floating) else (False if x.dtype == bool else jnp.iinfo(x.dtype).min)
    init = np.array(lowest, x.dtype)
    return lax.reduce_window(x, init, lax.max, _window(window, 1), _window(strides, 1), ((0, 0), *padding, (0, 0)))


@define
def max_pool_grad(x: Any, y: Any, g: Any, *, window: Any, strides: Any, padding: Any) -> Any:
    pool = lambda x: max_pool(x, window=window, strides=strides, padding=padding)  # noqa: E731
    return jax.vjp(pool, x)[1](g)[0]


@define
def sum_pool(x: Any, *, window: Any, strides: Any, padding: Any) -> Any:
    return lax.reduce_window(x, np.array(0, x.dtype), lax.add, _window(window, 1), _window(strides, 1), ((0, 0), *padding, (0, 0)))


@define
def sum_pool_grad(g: Any, *, input_shape: Any, window: Any, strides: Any, padding: Any) -> Any:
    return _transposed(lambda x: sum_pool(x, window=window, strides=strides, padding=padding), input_shape, g)


# Linear algebra: in at least float32


def _wide(function: Callable[..., Any]) -> Callable[..., Any]:
    def kernel(*operands: Any, **params: Any) -> Any:
        dtype = operands[0].dtype
        if dtype.itemsize != 2:
            return function(*operands, **params)
        results = function(*[x.astype("float32") for x in operands], **params)
        narrow = lambda x: x.astype(dtype) if jnp.issubdtype(x.dtype, jnp.floating) else x  # noqa: E731
        return [narrow(x) for x in results] if isinstance(results, (list, tuple)) else narrow(results)

    return kernel


kernels["cholesky"] = _wide(lambda x: lax.linalg.cholesky(x, symmetrize_input=False))
kernels["solve"] = _wide(lambda a, b: jnp.linalg.solve(*_same_batch(a, b)))
kernels["qr"] = _wide(lambda x, *, mode: list(jnp.linalg.qr(x, mode)))
kernels["svd"] = _wide(lambda x, *, full_matrices: list(jnp.linalg.svd(x, full_matrices=full_matrices)))
kernels["eigh"] = _wide(lambda x: list(jnp.linalg.eigh(x, UPLO="L", symmetrize_input=False)))
kernels["slogdet"] = _wide(lambda x: list(jnp.linalg.slogdet(x)))
kernels["eig"] = lambda x: list(jnp.linalg.eig(x))
kernels["lu"] = _wide(lambda x: list(lax.linalg.lu(x)[:2]))
kernels["fft"], kernels["ifft"] = (lambda x: jnp.fft.fft(x)), (lambda x: jnp.fft.ifft(x))


def _same_batch(a: Any, b: Any) -> tuple[Any, Any]:
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return jnp.broadcast_to(a, batch + a.shape[-2:]), jnp.broadcast_to(b, batch + b.shape[-2:])


@define
def triangular_solve(a: Any, b: Any, *, lower: bool, transpose: bool) -> Any:
    solve = _wide(lambda a, b: jax.scipy.linalg.solve_triangular(*_same_batch(a, b), lower=lower, trans=int(transpose)))
    return solve(a, b)


# Control flow


@define
def cond(pred: Any, *operands: Any, true_fn: Any, false_fn: Any) -> Any:
    return list(lax.cond(pred, lambda *xs: list(true_fn(*xs)), lambda *xs: list(false_fn(*xs)), *operands))


@define
def while_loop(*operands: Any, cond_fn: Any, body_fn: Any, n_state: int) -> Any:
    constants = operands[n_state:]
    body = lambda state: [jnp.asarray(x) for x in body_fn(*state, *constants)]  # noqa: E731
    return list(lax.while_loop(lambda state: cond_fn(*state, *constants)[0], body, [jnp.asarray(x) for x in operands[:n_state]]))


@define
def scan(*operands: Any, body_fn: Any, n_carry: int, n_xs: int, length: int, reverse: bool = False) -> Any:
    constants = operands[n_carry + n_xs :]

    def step(carry: Any, xs: Any) -> Any:
        results = [jnp.asarray(x) for x in body_fn(*carry, *xs, *constants)]
        return results[:n_carry], results[n_carry:]

    carry = [jnp.asarray(x) for x in operands[:n_carry]]
    carry, ys = lax.scan(step, carry, list(operands[n_carry : n_carry + n_xs]), length=length, reverse=reverse)
    return [*carry, *ys]


@define
def with_gradient(*operands: Any, backward_fn: Any, n_results: int, n_inputs: int) -> Any:
    results, inputs = operands[:n_results], operands[n_results : n_results + n_inputs]
    pull, captured = jax.closure_convert(lambda *g: backward_fn(*g, *operands[n_results + n_inputs :]), *results)

    @jax.custom_vjp
    def identity(results: Any, inputs: Any, captured: Any) -> Any:
        return results

    def backward(captured: Any, cotangents: Any) -> Any:
        found = zip(inputs, pull(*cotangents, *captured), strict=True)
        return None, tuple(c if jnp.issubdtype(x.dtype, jnp.inexact) else None for x, c in found), None

    identity.defvjp(lambda results, inputs, captured: (results, captured), backward)
    return list(identity(results, inputs, captured))


# A native form of a derived op


@kernels.override
def top_k(x: Any, k: Any, sorted: Any = True) -> Any:
    if not hasattr(x, "dtype") or not jnp.issubdtype(x.dtype, jnp.floating):
        return NotImplemented
    plain = jnp.where(jnp.isnan(x), jnp.nan, jnp.where(x == 0, 0, x))  # JAX tells apart the signs of NaN and of zero
    indices = lax.top_k(lax.stop_gradient(plain), k)[1]
    return jnp.take_along_axis(x, indices, axis=-1), indices


_PAIR = re.compile(r"([a-zA-Z]+),([a-zA-Z]+)->([a-zA-Z]+)")


@kernels.override
def einsum(subscripts: Any, *operands: Any, **kwargs: Any) -> Any:
    """A product of two as one `dot_general`, whose dimensions XLA puts in order as it likes them best."""
    match = _PAIR.fullmatch(subscripts) if isinstance(subscripts, str) and len(operands) == 2 else None
    if match is None or not all(hasattr(x, "dtype") and jnp.issubdtype(x.dtype, jnp.floating) for x in operands):
        return NotImplemented
    (x, y), (a, b, result) = operands, match.groups()
    sizes = dict(zip(a, x.shape)) | dict(zip(b, y.shape))
    if x.dtype != y.dtype or not {*result} <= sizes.keys() or any(len({*label}) < len(label) for label in (a, b, result)):
        return NotImplemented
    if any(tuple(map(sizes.get, label)) != operand.shape for label, operand in ((a, x), (b, y))):  # one broadcasts, or it is an error
        return NotImplemented
    return jnp.einsum(subscripts, x, y)


# An eager call of these is one call of a compiled function, in place of one for each primitive.
WHOLE = frozenset(
    "reshape transpose sum mean max min prod any all var std moments logsumexp take square softmax log_softmax relu relu6 leaky_relu "
    "elu selu gelu silu log_sigmoid softsign hard_sigmoid layer_normalization rms_normalization normalize dot_product_attention".split()
)
_Array = type(jnp.zeros(()))
_SETTINGS = (int, bool, float, str, NoneType, tuple)


def _whole(body: Callable[..., Any], types: Sequence[type], names: Sequence[str]) -> Callable[..., Any] | None:
    """The op's body compiled, for arguments of these types, the last of them given by name.

    Tuples, and arguments with a default, may be settings, for each value of which it is compiled anew; the others must be arrays.
    """
    parameters = list(inspect.signature(body).parameters.values())
    given = [*parameters[: len(types) - len(names)], *[p for name in names for p in parameters if p.name == name]]
    settings = [p.name for p, kind in zip(given, types) if kind is not _Array]
    if len(given) < len(types) or not all(
        kind is _Array or kind is tuple or (kind in _SETTINGS and p.default is not p.empty) for p, kind in zip(given, types)
    ):
        return None

    @functools.wraps(body)
    def own(*args: Any, **kwargs: Any) -> Any:  # JAX keeps what it traced by the function, which has to be another one each time
        return body(*args, **kwargs)

    return jax.jit(own, static_argnames=settings)


class JaxEngine(Engine):
    """JAX: compiled functions are `jax.jit` with the state donated, gradients are `jax.value_and_grad`."""

    name = "jax"
    library = "jax"
    kernels = kernels
    compiles_calls = True
    whole = WHOLE

    def __init__(self) -> None:
        super().__init__()
        self._wholes: dict[Any, Callable[..., Any] | None] = {}

    def is_tensor(self, x: Any) -> bool:
        return isinstance(x, jax.Array)

    def asarray(self, x: Any, dtype: str | None = None) -> Any:
        if isinstance(x, jax.Array):
            return x if dtype is None else lax.convert_element_type(x, dt.numpy_dtype(dtype))
        return jnp.asarray(x, dt.numpy_dtype(dtype or default_dtype(x)))

    def to_numpy(self, x: Any) -> np.ndarray:
        return np.asarray(x)

    def dtype_of(self, x: Any) -> str:
        return dt.name_of(x.dtype)

    def create_storage(self, array: np.ndarray, trainable: bool) -> Any:
        return jnp.array(array)  # a copy: the state is donated, and the caller's array must stay

    def compile(self, fn: Callable[..., list[Any]], args: Sequence[Any]) -> Callable[..., list[Any]]:
        with StateScope() as scope:  # find out which cells are read and written, without computing
            jax.eval_shape(fn, *[jax.ShapeDtypeStruct(np.shape(x), x.dtype) for x in args])
        written: list[Cell] = list(scope.written)
        read = [cell for cell in scope.values if cell not in scope.written]
        pure = functionalize(fn, [*written, *read], written)
        step = jax.jit(lambda state, constants, args: pure([*state, *constants], args), donate_argnums=0)

        def run(*args: Any) -> list[Any]:
            state, results = step([cell.storage for cell in written], [cell.storage for cell in read], args)
            for cell, value in zip(written, state):
                cell.storage = value
            return results

        return run

    def call_whole(self, body: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        types = (*map(type, args), *map(type, kwargs.values())) if kwargs else tuple(map(type, args))
        key = (body, types, *kwargs, config.floatx(), config.epsilon())
        if key not in self._wholes:
            self._wholes[key] = _whole(body, types, list(kwargs))
        form = self._wholes[key]
        return NotImplemented if form is None else form(*args, **kwargs)

    def value_and_grad(self, fn: Callable[..., tuple[Any, list[Any]]], tensors: Sequence[Any]) -> tuple[Any, list[Any], list[Any]]:
        holomorphic = any(jnp.issubdtype(x.dtype, jnp.complexfloating) for x in tensors)
        both = jax.value_and_grad(lambda xs: fn(*xs), has_aux=True, allow_int=not holomorphic)
        (loss, auxiliary), grads = both([jnp.asarray(x) for x in tensors])
        return loss, auxiliary, [jnp.zeros(x.shape, x.dtype) if g.dtype == jax.dtypes.float0 else g for x, g in zip(tensors, grads)]

    def synchronize(self, tensors: Sequence[Any] = ()) -> None:
        jax.block_until_ready(list(tensors))

    def devices(self) -> list[str]:
        return [str(device) for device in jax.devices()]
