"""The PyTorch engine.

Eager calls and gradients are PyTorch's. A compiled function is run once while a `TorchFunctionMode` notes every call that
reaches PyTorch's own functions; from then on a generated straight-line Python function repeats these calls alone. So neither
Cornu's Python nor the kernels below cost anything per step, and the backward pass is one call into PyTorch's C++ engine.

Tensors are made on `CORNU_TORCH_DEVICE` (as "cpu" or "cuda:1"), by default on the first GPU if there is one.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from cornu import context
from cornu.contract.engine import Kernel, Kernels
from cornu.engines.torch import recorder
from cornu.engines.torch.recorder import call, constant
from cornu.primitives import dtypes as dt
from cornu.primitives.contraction import settled
from cornu.primitives.primitive import TABLE

DEVICE = torch.device(os.environ.get("CORNU_TORCH_DEVICE") or ("cuda:0" if torch.cuda.is_available() else "cpu"))
NATIVE: dict[str, torch.dtype] = {name: getattr(torch, name) for name in dt.DTYPES}
NAMES = {native: name for name, native in NATIVE.items()}

kernels = Kernels()
define, override = kernels.define, kernels.override

# Elementwise

kernels.take(
    torch,
    "exp expm1 log log1p sqrt rsqrt sin cos tan sinh cosh tanh erf erfinv sigmoid real isfinite logical_not where "
    "add maximum minimum logaddexp logical_and logical_or bitwise_and bitwise_or bitwise_xor",
    **{f"arc{name}": f"a{name}" for name in ["sin", "cos", "tan", "sinh", "cosh", "tanh"]},
    **{"multiply": "mul", "divide": "div", "power": "pow", "arctan2": "atan2"},
    **{"equal": "eq", "not_equal": "ne", "less": "lt", "less_equal": "le", "greater": "gt", "greater_equal": "ge"},
    **{"left_shift": "bitwise_left_shift", "right_shift": "bitwise_right_shift"},
)
kernels.take(Tensor, stop_gradient="detach")

def _of_floats(native: Kernel) -> Kernel:
    return lambda x: native(x) if x.is_floating_point() else x


kernels["floor"], kernels["ceil"], kernels["round"] = map(_of_floats, (torch.floor, torch.ceil, torch.round))


@define
def softplus(x: Any) -> Any:
    return torch._C._nn.softplus(x, 1, 50)  # above 50 it is x to double precision


@define
def negative(x: Any) -> Any:
    return torch.neg(x) if x.dtype is not torch.bool else x


@define
def subtract(x1: Any, x2: Any) -> Any:
    return torch.sub(x1, x2) if x1.dtype is not torch.bool else torch.ne(x1, x2)


@define
def abs_(x: Any) -> Any:
    return torch.abs(x) if x.dtype.is_signed else x


@define
def sign(x: Any) -> Any:
    if not x.dtype.is_signed:
        return torch.ne(x, 0).to(x.dtype)
    signs = torch.sgn(x)
    return torch.where(torch.isnan(x), x, signs) if x.is_floating_point() else signs


@define
def imag(x: Any) -> Any:
    return torch.imag(x) if x.is_complex() else torch.zeros_like(x)


@define
def complex_(re: Any, im: Any) -> Any:
    part = torch.float64 if re.dtype is torch.float64 else torch.float32
    return torch.complex(re.to(part), im.to(part))


def _by_nonzero(native: Kernel) -> Kernel:
    """Division of integers, of which PyTorch raises an error where the divisor is zero; here the result is zero there."""

    def kernel(x1: Any, x2: Any) -> Any:
        if x1.is_floating_point():
            return native(x1, x2)
        zero = torch.eq(x2, 0)
        return torch.where(zero, zero.to(x1.dtype), native(x1, torch.where(zero, torch.ones_like(x2), x2)))

    return kernel


kernels["floor_divide"] = _by_nonzero(lambda x1, x2: torch.div(x1, x2, rounding_mode="floor"))  # `torch.floor_divide` has no gradient
kernels["mod"] = _by_nonzero(torch.remainder)


@define
def cast(x: Any, *, dtype: str) -> Any:
    if x.is_complex() and dtype not in dt.COMPLEXES and dtype != "bool":
        x = torch.real(x)
    return x.to(NATIVE[dtype])


@define
def bitcast(x: Any, *, dtype: str) -> Any:
    return x.view(NATIVE[dtype])


@define
def full(*, shape: Any, value: Any, dtype: str) -> Any:
    return constant(lambda: torch.full(shape, value, dtype=NATIVE[dtype], device=DEVICE))


@define
def iota(*, shape: Any, axis: int, dtype: str) -> Any:
    sizes = [n if i == axis else 1 for i, n in enumerate(shape)]
    return constant(lambda: torch.arange(shape[axis], device=DEVICE).to(NATIVE[dtype]).reshape(sizes).expand(shape))


# Reductions, sorting


@define
def sum_(x: Any, *, axes: Any, keepdims: bool = False) -> Any:
    if axes and x.is_floating_point():
        return torch.sum(x, axes, keepdims)
    wide = NATIVE[dt.accumulate(NAMES[x.dtype])]
    return torch.sum(x, axes, keepdims, dtype=wide) if axes else x.to(wide)


@define
def prod(x: Any, *, axes: Any, keepdims: bool = False) -> Any:
    x = x.to(NATIVE[dt.accumulate(NAMES[x.dtype])])
    for axis in reversed(axes):
        x = torch.prod(x, axis, keepdims, dtype=x.dtype)
    return x


def _reduction(native: Kernel) -> Kernel:
    return lambda x, *, axes, keepdims=False: native(x, axes, keepdims) if axes else x


for _name, _native in {"max": torch.amax, "min": torch.amin, "any": torch.any, "all": torch.all}.items():
    kernels[_name] = _reduction(_native)


@define
def argmax(x: Any, *, axis: int) -> Any:
    return torch.argmax(x, axis).to(torch.int32)


@define
def argmin(x: Any, *, axis: int) -> Any:
    return torch.argmin(x, axis).to(torch.int32)


def _cumulative(native: Kernel) -> Kernel:
    def kernel(x: Any, *, axis: int, reverse: bool = False) -> Any:
        y = native(torch.flip(x, (axis,)) if reverse else x, axis, dtype=x.dtype)
        return torch.flip(y, (axis,)) if reverse else y

    return kernel


kernels["cumsum"], kernels["cumprod"] = _cumulative(torch.cumsum), _cumulative(torch.cumprod)


@define
def sort(x: Any, *, axis: int) -> Any:
    return torch.sort(x, dim=axis, stable=True)[0]


@define
def argsort(x: Any, *, axis: int) -> Any:
    return torch.argsort(x, dim=axis, stable=True).to(torch.int32)


@define
def searchsorted(ordered: Any, values: Any, *, side: str = "left") -> Any:
    if not ordered.is_floating_point():
        narrow = torch.int8 if ordered.dtype == torch.bool else ordered.dtype
        return torch.searchsorted(ordered.to(narrow).contiguous(), values.to(narrow).contiguous(), side=side, out_int32=True)
    # NaNs stand last, which torch does not know: they are sought as infinities, among the others only.
    missing, nan = torch.isnan(ordered), torch.isnan(values)
    line, sought = ordered.masked_fill(missing, math.inf).contiguous(), values.masked_fill(nan, math.inf).contiguous()
    numbers = (len(line) - missing.sum()).to(torch.int32)
    place = torch.minimum(torch.searchsorted(line, sought, side=side, out_int32=True), numbers)
    return torch.where(nan, numbers if side == "left" else len(line), place).to(torch.int32)


# Moving elements


@define
def reshape(x: Any, *, shape: Any) -> Any:
    return torch.reshape(x, shape)


@define
def transpose(x: Any, *, axes: Any) -> Any:
    return torch.permute(x, axes)


@define
def broadcast_to(x: Any, *, shape: Any) -> Any:
    return x.expand(shape)


@define
def concatenate(*xs: Any, axis: int) -> Any:
    return torch.cat(xs, axis)


@define
def pad(x: Any, value: Any, *, low: Any, high: Any, interior: Any) -> Any:
    steps = [gap + 1 for gap in interior]
    spread = [max((n - 1) * step + 1, 0) for n, step in zip(x.shape, steps)]
    y = value.expand([n + max(lo, 0) + max(hi, 0) for n, lo, hi in zip(spread, low, high)]).clone()
    y[tuple(slice(max(lo, 0), max(lo, 0) + n, step) for n, lo, step in zip(spread, low, steps))] = x
    crop = [slice(max(-lo, 0), n - max(-hi, 0)) for n, lo, hi in zip(y.shape, low, high)]
    return y[tuple(crop)] if any(n < 0 for n in (*low, *high)) else y


@define
def slice_(x: Any, *, start: Any, limit: Any, strides: Any) -> Any:
    if max(strides, default=1) > 1:
        return x[tuple(map(slice, start, limit, strides))]
    for axis, (n, a, b) in enumerate(zip(x.shape, start, limit)):
        if (a, b) != (0, n):
            x = torch.narrow(x, axis, a, b - a)
    return x


@define
def flip(x: Any, *, axes: Any) -> Any:
    return torch.flip(x, axes)


def _index(indices: Any, size: int) -> Any:
    """Indices as PyTorch takes them, moved into [0, size)."""
    indices = indices if indices.dtype in (torch.int32, torch.int64) else indices.to(torch.int64)
    return torch.clamp(indices, 0, max(size - 1, 0))


@define
def take(x: Any, indices: Any, *, axis: int) -> Any:
    indices = _index(indices, x.shape[axis])
    if axis == 0 and x.ndim == 2:
        return torch.embedding(x, indices)
    y = torch.index_select(x, axis, indices.reshape(-1))
    return y if indices.ndim == 1 else y.reshape((*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]))


@define
def take_along_axis(x: Any, indices: Any, *, axis: int) -> Any:
    return torch.gather(x, axis, _index(indices, x.shape[axis]).to(torch.int64))


@define
def scatter(x: Any, indices: Any, updates: Any, *, mode: str) -> Any:
    depth, count = indices.shape[-1], math.prod(indices.shape[:-1])
    lead, rest = x.shape[:depth], x.shape[depth:]
    places = math.prod(lead)
    steps = [math.prod(lead[i + 1 :]) for i in range(depth)]
    sizes = constant(lambda: torch.tensor([[*lead], steps], dtype=torch.int64, device=DEVICE))
    rows = indices.to(torch.int64).reshape(count, depth)
    inside = torch.logical_and(torch.ge(rows, 0), torch.lt(rows, sizes[0])).all(1)
    spots = torch.where(inside, torch.mul(rows, sizes[1]).sum(1), places)
    flat = x.reshape(places, *rest)
    grown = torch.cat((flat, flat.new_ones((1, *rest))))  # one more place for the rows that are out of range
    updates = updates.reshape(count, *rest)
    if mode == "add":
        grown = torch.index_add(grown, 0, spots, updates)
    elif mode == "update":
        grown = torch.index_copy(grown, 0, spots, updates)
    else:
        grown = torch.index_reduce(grown, 0, spots, updates, {"max": "amax", "min": "amin", "multiply": "prod"}[mode])
    return torch.narrow(grown, 0, 0, places).reshape(x.shape)


warnings.filterwarnings("ignore", "index_reduce\\(\\) is in beta")


def _line(n: int) -> Any:
    return constant(lambda: torch.arange(n, device=DEVICE))


def _spans(shape: Any, start: Any, sizes: Any) -> list[Any]:
    """The indices along each axis of a block that begins at `start`, moved inside; None for whole axes."""
    firsts = start.unbind(0)
    return [
        None if k == n else torch.add(torch.clamp(first, 0, n - k), _line(k))
        for n, k, first in zip(shape, sizes, firsts)
    ]


@define
def dynamic_slice(x: Any, start: Any, *, sizes: Any) -> Any:
    for axis, span in enumerate(_spans(x.shape, start, sizes)):
        x = x if span is None else torch.index_select(x, axis, span)
    return x


@define
def dynamic_update_slice(x: Any, update: Any, start: Any) -> Any:
    if x.shape == update.shape:
        return update
    spans = _spans(x.shape, start, update.shape)
    spans = [_line(n) if s is None else s for s, n in zip(spans, x.shape)]
    rank = x.ndim
    return torch.index_put(x, [s.reshape((-1,) + (1,) * (rank - 1 - i)) for i, s in enumerate(spans)], update)


# Products, convolution, pooling: PyTorch wants channels first, which are views here


@define
def matmul(x1: Any, x2: Any) -> Any:
    if x1.dtype == torch.bool:  # whether there is a pair
        return torch.matmul(x1.int(), x2.int()).bool()
    return torch.mm(x1, x2) if x1.ndim == x2.ndim == 2 else torch.matmul(x1, x2)


CONV = {1: torch.conv1d, 2: torch.conv2d, 3: torch.conv3d}
CONV_TRANSPOSE = {1: torch.conv_transpose1d, 2: torch.conv_transpose2d, 3: torch.conv_transpose3d}


def _channels_first(x: Any) -> Any:
    return torch.permute(x, (0, x.ndim - 1, *range(1, x.ndim - 1)))


def _channels_last(x: Any) -> Any:
    return torch.permute(x, (0, *range(2, x.ndim), 1))


def _filters_first(kernel: Any) -> Any:
    first = torch.permute(kernel, (kernel.ndim - 1, kernel.ndim - 2, *range(kernel.ndim - 2)))
    return first.contiguous() if kernel.shape[-1] == 1 else first  # of a single filter PyTorch wants that, or fails in the gradient


def _evenly(x: Any, padding: Any, value: float, most: Any) -> tuple[Any, Any]:
    """The padding that PyTorch adds itself, the same on both sides and not over `most`; any other is added to x here."""
    if all(0 <= lo == hi <= limit for (lo, hi), limit in zip(padding, most)):
        return x, tuple(lo for lo, _ in padding)
    return torch.constant_pad_nd(x, [p for pair in reversed(padding) for p in pair], value), (0,) * len(padding)


@define
def conv(x: Any, kernel: Any, *, strides: Any, padding: Any, dilation: Any, groups: int) -> Any:
    strides, padding, dilation = settled(x.shape, kernel.shape, strides, padding, dilation)
    x, even = _evenly(_channels_first(x), padding, 0, _most(x.shape, _reaches(kernel, dilation), [math.inf] * len(strides)))
    return _channels_last(CONV[len(strides)](x, _filters_first(kernel), None, strides, even, dilation, groups))


def _reaches(kernel: Any, dilation: Any) -> list[int]:
    """How far windows reach along each axis."""
    return [(k - 1) * d + 1 for k, d in zip(kernel.shape, dilation)]


def _most(images: Any, window: Any, limits: Any) -> list[float]:
    """How much PyTorch may pad itself: up to its limits; nothing, where windows are larger than images.

    Its convolutions of half precision (2.13) read beyond these, and its pooling over three dimensions refuses them.
    """
    return [limit if k <= n else 0 for n, k, limit in zip(images[1:-1], window, limits)]


@define
def conv_grad_input(
    g: Any, kernel: Any, *, input_shape: Any, strides: Any, padding: Any, dilation: Any, groups: int
) -> Any:
    strides, padding, dilation = settled(input_shape, kernel.shape, strides, padding, dilation)
    window = _reaches(kernel, dilation)
    even = all(0 <= lo == hi <= most for (lo, hi), most in zip(padding, _most(input_shape, window, [math.inf] * len(window))))
    beyond = [
        n + lo + hi - (m - 1) * s - k
        for n, m, s, k, (lo, hi) in zip(input_shape[1:-1], g.shape[1:-1], strides, window, padding)
    ]
    lows = tuple(lo if even else 0 for lo, _ in padding)
    transposed = CONV_TRANSPOSE[len(strides)]
    x = transposed(_channels_first(g), _filters_first(kernel), None, strides, lows, beyond, groups, dilation)
    if not even:
        x = torch.constant_pad_nd(x, [-p for pair in reversed(padding) for p in pair], 0)
    return _channels_last(x)


def _adjoint(function: Callable[..., Any], at: Any, g: Any, *others: Any) -> Any:
    """The adjoint of `function(at, *others)` in its first argument, applied to g, by PyTorch's derivative of it."""

    def adjoint(at: Any, g: Any, *others: Any) -> Any:
        nested = torch.is_grad_enabled()
        with torch.enable_grad():
            at = at.detach().requires_grad_()
            return torch.autograd.grad(function(at, *others), at, g, create_graph=nested)[0]

    return call(adjoint, at, g, *others)


@define
def conv_grad_kernel(
    x: Any, g: Any, *, kernel_shape: Any, strides: Any, padding: Any, dilation: Any, groups: int
) -> Any:
    params = {"strides": strides, "padding": padding, "dilation": dilation, "groups": groups}
    return _adjoint(lambda kernel, x: conv(x, kernel, **params), g.new_zeros(kernel_shape), g, x)


def _windows(x: Any, window: Any, strides: Any, padding: Any, value: Any) -> Any:
    """Each place's window in further dimensions at the end."""
    x = torch.constant_pad_nd(x, [0, 0, *[p for pair in reversed(padding) for p in pair]], value)
    for axis, (size, step) in enumerate(zip(window, strides)):
        x = x.unfold(axis + 1, size, step)
    return x


@define
def max_pool(x: Any, *, window: Any, strides: Any, padding: Any) -> Any:
    rank = len(window)
    if not x.is_floating_point():
        lowest = False if x.dtype is torch.bool else torch.iinfo(x.dtype).min
        return torch.amax(_windows(x, window, strides, padding, lowest), tuple(range(-rank, 0)))
    pool = {1: torch.max_pool1d, 2: torch.max_pool2d, 3: torch.max_pool3d}[rank]
    x, even = _evenly(_channels_first(x), padding, -math.inf, _most(x.shape, window, [k // 2 for k in window]))
    return _channels_last(pool(x, window, strides, even))


@define
def sum_pool(x: Any, *, window: Any, strides: Any, padding: Any) -> Any:
    rank = len(window)
    if rank == 1 or x.dtype not in (torch.float32, torch.float64):
        return torch.sum(_windows(x, window, strides, padding, 0), tuple(range(-rank, 0)), dtype=x.dtype)
    pool = torch._C._nn.avg_pool2d if rank == 2 else torch._C._nn.avg_pool3d
    x, even = _evenly(_channels_first(x), padding, 0, _most(x.shape, window, [k // 2 for k in window]))
    return _channels_last(pool(x, window, strides, even, False, True, 1))


@define
def max_pool_grad(x: Any, y: Any, g: Any, *, window: Any, strides: Any, padding: Any) -> Any:
    params = {"window": window, "strides": strides, "padding": padding}
    return _adjoint(lambda at: max_pool(at, **params), x.to(g.dtype), g)


@define
def sum_pool_grad(g: Any, *, input_shape: Any, window: Any, strides: Any, padding: Any) -> Any:
    params = {"window": window, "strides": strides, "padding": padding}
    return _adjoint(lambda at: sum_pool(at, **params), g.new_zeros(input_shape), g)


# Linear algebra

kernels.take(torch.linalg, "eig")
kernels["fft"] = lambda x: torch.fft.fft(x) if x.numel() else x
kernels["ifft"] = lambda x: torch.fft.ifft(x) if x.numel() else x


@define
def cholesky(x: Any) -> Any:
    factor, failed = torch.linalg.cholesky_ex(x)
    return torch.where(failed[..., None, None] > 0, torch.tril(torch.full_like(factor, math.nan)), factor)


@define
def triangular_solve(a: Any, b: Any, *, lower: bool, transpose: bool) -> Any:
    return torch.linalg.solve_triangular(a.mT if transpose else a, b, upper=lower == transpose)


@define
def solve(a: Any, b: Any) -> Any:
    # With as many dimensions as a, b is never taken for a batch of vectors.
    return torch.linalg.solve(a, b.reshape((1,) * (a.ndim - b.ndim) + b.shape))


@define
def lu(x: Any) -> Any:
    packed, pivots, _ = torch.linalg.lu_factor_ex(x)
    return [packed, torch.sub(pivots, 1)]


@define
def qr(x: Any, *, mode: str) -> Any:
    return list(torch.linalg.qr(x, mode))


@define
def svd(x: Any, *, full_matrices: bool) -> Any:
    return list(torch.linalg.svd(x, full_matrices))


@define
def eigh(x: Any) -> Any:
    return list(torch.linalg.eigh(x))


@define
def eig(x: Any) -> Any:
    return list(torch.linalg.eig(x))


@define
def slogdet(x: Any) -> Any:
    return list(torch.linalg.slogdet(x))


# Control flow: Python's, unless a compiled function is being recorded


@define
def cond(pred: Any, *operands: Any, true_fn: Any, false_fn: Any) -> Any:
    def run() -> list[Any]:
        return list((true_fn if bool(pred) else false_fn)(*operands))

    now = recorder.current()
    return run() if now is None else now.cond(pred, operands, true_fn, false_fn, run)


@define
def while_loop(*operands: Any, cond_fn: Any, body_fn: Any, n_state: int) -> Any:
    state, constants = operands[:n_state], operands[n_state:]

    def run() -> list[Any]:
        values = list(state)
        while bool(cond_fn(*values, *constants)[0]):
            values = list(body_fn(*values, *constants))
        return values

    now = recorder.current()
    return run() if now is None else now.while_loop(state, constants, cond_fn, body_fn, run)


@define
def scan(*operands: Any, body_fn: Any, n_carry: int, n_xs: int, length: int, reverse: bool = False) -> Any:
    carry, xs, constants = operands[:n_carry], operands[n_carry : n_carry + n_xs], operands[n_carry + n_xs :]

    def run() -> list[Any]:
        rows = list(zip(*[x.unbind(0) for x in xs])) if xs else [()] * length
        state, outputs = carry, []
        for row in reversed(rows) if reverse else rows:
            results = body_fn(*state, *row, *constants)
            state = results[:n_carry]
            outputs.append(results[n_carry:])
        return [*state, *[torch.stack(ys[::-1] if reverse else ys) for ys in zip(*outputs)]]

    now = recorder.current()
    return run() if now is None or not length else now.scan(carry, xs, constants, body_fn, length, reverse, run)


@define
def with_gradient(*operands: Any, backward_fn: Any, n_results: int, n_inputs: int) -> Any:
    engine, differentiable, constants = context.current(), operands[: n_results + n_inputs], operands[n_results + n_inputs :]

    def backward(*cotangents: Any) -> list[Any]:
        with context.use(engine):  # PyTorch may call it on a thread of its own
            return list(backward_fn(*cotangents, *constants))

    def run() -> list[Any]:
        return recorder.attach(backward, n_results, differentiable)

    now = recorder.current()
    return run() if now is None else now.with_gradient(differentiable, constants, backward_fn, n_results, run)


# Where PyTorch computes only in some dtypes, kernels run in a wider one. Unsigned integers wrap around when they come back.
_UNSIGNED = {"uint16": "int32", "uint32": "int64", "uint64": "int64"}
_HALF = {"float16": "float32", "bfloat16": "float32"}
_KEEPS = frozenset("reshape transpose broadcast_to cast bitcast full iota stop_gradient concatenate".split())
WIDER: dict[str, dict[str, str]] = {
    name: {**(_UNSIGNED if name not in _KEEPS else {}), **(_HALF if record.family == "linalg" else {})} for name, record in TABLE.items()
}
for _name, _more in {
    "argmax argmin": {"bool": "uint8"}, "cumsum cumprod": {"bool": "int32"}, "sum prod": {"uint8": "int64", "uint16": "int64"},
}.items():  # fmt: skip
    for _one in _name.split():
        WIDER[_one] |= _more
