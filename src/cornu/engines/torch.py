"""The PyTorch engine. Variables are torch Parameters; gradients are torch's autograd."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from typing import Any

import ml_dtypes
import numpy as np
import torch

from cornu.contract.engine import Engine, Kernels, default_dtype
from cornu.contract.state import StateScope
from cornu.primitives import dtypes as dt
from cornu.primitives.primitive import TABLE, Primitive

DTYPES = {name: getattr(torch, name) for name in dt.DTYPES}
NAMES = {native: name for name, native in DTYPES.items()}
DEVICE = os.environ.get("CORNU_TORCH_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu")

kernels = Kernels()
kernels.take(
    torch,
    "exp expm1 log log1p sqrt rsqrt sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh sigmoid erf erfinv "
    "add multiply divide maximum minimum logaddexp arctan2 matmul where "
    "less less_equal greater greater_equal logical_and logical_or logical_not bitwise_and bitwise_or bitwise_xor isfinite",
    equal="eq",
    not_equal="ne",
)
kernels.take(torch.linalg, "cholesky")
kernels.take(torch, left_shift="bitwise_left_shift", right_shift="bitwise_right_shift")
kernels["fft"] = lambda x: torch.fft.fft(x) if x.numel() else x
kernels["ifft"] = lambda x: torch.fft.ifft(x) if x.numel() else x
define = kernels.define


@define
def negative(x: Any) -> Any:
    return x if x.dtype == torch.bool else torch.neg(x)


@define
def abs_(x: Any) -> Any:
    return torch.abs(x) if x.dtype != torch.bool else x


@define
def sign(x: Any) -> Any:
    if x.dtype == torch.bool:
        return x
    if x.is_complex():
        return torch.sgn(x)
    return torch.where(torch.isnan(x), x, torch.sign(x)) if x.is_floating_point() else torch.sign(x)


def _whole(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x: function(x) if x.is_floating_point() else x


kernels["floor"], kernels["ceil"], kernels["round"] = _whole(torch.floor), _whole(torch.ceil), _whole(torch.round)
kernels["stop_gradient"] = lambda x: x.detach()
kernels["real"] = lambda x: torch.real(x) if x.is_complex() else x
kernels["imag"] = lambda x: torch.imag(x) if x.is_complex() else torch.zeros_like(x)


@define
def complex_(re: Any, im: Any) -> Any:
    wide = torch.float64 if re.dtype == torch.float64 else torch.float32
    return torch.complex(*torch.broadcast_tensors(re.to(wide), im.to(wide)))


@define
def softplus(x: Any) -> Any:
    return torch.logaddexp(x, torch.zeros((), dtype=x.dtype, device=x.device))


@define
def subtract(x1: Any, x2: Any) -> Any:
    return torch.ne(x1, x2) if x1.dtype == torch.bool else torch.sub(x1, x2)


@define
def power(x1: Any, x2: Any) -> Any:
    if x1.is_floating_point() or x1.is_complex():
        return torch.pow(x1, x2)
    result = torch.pow(x1, torch.clamp(x2, min=0))
    one = torch.ones((), dtype=x1.dtype)
    odd = torch.where(torch.remainder(x2, 2) == 0, one, -one)
    return torch.where(x2 < 0, torch.where(x1 == 1, one, torch.where(x1 == -1, odd, 0 * one)), result)


def _by_zero(function: Callable[..., Any]) -> Callable[..., Any]:
    """Integer division by zero gives 0, as in NumPy; torch would raise."""

    def kernel(x1: Any, x2: Any) -> Any:
        if x1.is_floating_point():
            return function(x1, x2)
        if x1.dtype == torch.bool:
            x1, x2 = x1.to(torch.int8), x2.to(torch.int8)
        none = x2 == 0
        return torch.where(none, torch.zeros((), dtype=x1.dtype), function(x1, torch.where(none, torch.ones((), dtype=x2.dtype), x2)))

    return kernel


kernels["floor_divide"], kernels["mod"] = _by_zero(torch.floor_divide), _by_zero(torch.remainder)


@define
def cast(x: Any, *, dtype: str) -> Any:
    if x.is_complex() and dtype not in dt.COMPLEXES:
        x = x != 0 if dtype == "bool" else torch.real(x)
    return x.to(DTYPES[dtype])


@define
def bitcast(x: Any, *, dtype: str) -> Any:
    return x.contiguous().view(DTYPES[dtype])


@define
def full(*, shape: Any, value: Any, dtype: str) -> Any:
    return torch.full(shape, value, dtype=DTYPES[dtype], device=DEVICE)


@define
def iota(*, shape: Any, axis: int, dtype: str) -> Any:
    line = torch.arange(shape[axis], device=DEVICE).to(DTYPES[dtype])
    return line.reshape([-1 if i == axis else 1 for i in range(len(shape))]).expand(shape)


# Reductions


@define
def sum_(x: Any, *, axes: Any, keepdims: bool = False) -> Any:
    dtype = DTYPES[dt.accumulate(NAMES[x.dtype])]
    return torch.sum(x, axes, keepdims, dtype=dtype) if axes else x.to(dtype)


@define
def prod(x: Any, *, axes: Any, keepdims: bool = False) -> Any:
    x = x.to(DTYPES[dt.accumulate(NAMES[x.dtype])])
    for axis in reversed(axes):
        x = torch.prod(x, axis, keepdim=keepdims, dtype=x.dtype)
    return x


@define
def max_(x: Any, *, axes: Any, keepdims: bool = False) -> Any:
    return torch.amax(x, axes, keepdims) if axes else x


@define
def min_(x: Any, *, axes: Any, keepdims: bool = False) -> Any:
    return torch.amin(x, axes, keepdims) if axes else x


@define
def any_(x: Any, *, axes: Any, keepdims: bool = False) -> Any:
    return torch.any(x, axes, keepdims) if axes else x


@define
def all_(x: Any, *, axes: Any, keepdims: bool = False) -> Any:
    return torch.all(x, axes, keepdims) if axes else x


def _first(function: Callable[..., Any]) -> Callable[..., Any]:
    """torch promises no order among equals: the first one is found by position."""

    def kernel(x: Any, *, axis: int) -> Any:
        x = x.to(torch.uint8) if x.dtype == torch.bool else x
        best = function(x, axis, True)
        hit = (x == best) | (torch.isnan(x) if x.is_floating_point() else False)
        return torch.argmax(hit.to(torch.uint8), axis).to(torch.int32)

    return kernel


kernels["argmax"], kernels["argmin"] = _first(torch.amax), _first(torch.amin)


def _cumulative(function: Callable[..., Any]) -> Callable[..., Any]:
    def kernel(x: Any, *, axis: int, reverse: bool = False) -> Any:
        dtype = torch.int32 if x.dtype == torch.bool else x.dtype
        if not x.ndim:
            return x.to(dtype)
        y = function(torch.flip(x, (axis,)) if reverse else x, axis, dtype=dtype)
        return torch.flip(y, (axis,)) if reverse else y

    return kernel


kernels["cumsum"], kernels["cumprod"] = _cumulative(torch.cumsum), _cumulative(torch.cumprod)


@define
def sort(x: Any, *, axis: int) -> Any:
    return torch.sort(x, dim=axis, stable=True)[0]


@define
def argsort(x: Any, *, axis: int) -> Any:
    return torch.sort(x, dim=axis, stable=True)[1].to(torch.int32)


@define
def searchsorted(ordered: Any, values: Any, *, side: str = "left") -> Any:
    return torch.searchsorted(ordered, values.contiguous(), side=side, out_int32=True)


# Structure


@define
def reshape(x: Any, *, shape: Any) -> Any:
    return torch.reshape(x, shape)


@define
def transpose(x: Any, *, axes: Any) -> Any:
    return torch.permute(x, axes)


@define
def broadcast_to(x: Any, *, shape: Any) -> Any:
    return torch.broadcast_to(x, shape)


@define
def concatenate(*xs: Any, axis: int) -> Any:
    return torch.cat(xs, axis)


@define
def pad(x: Any, value: Any, *, low: Any, high: Any, interior: Any) -> Any:
    if any(interior):
        sizes = [max((n - 1) * (gap + 1) + 1, 0) for n, gap in zip(x.shape, interior)]
        spread = value.expand(sizes).clone() if x.ndim else x
        spread[tuple(np.s_[:: gap + 1] for gap in interior)] = x
        x = spread
    crop = tuple(np.s_[max(-lo, 0) : n - max(-hi, 0)] for n, lo, hi in zip(x.shape, low, high))
    grown = [n + lo + hi for n, lo, hi in zip(x.shape, low, high)]
    if all(lo <= 0 and hi <= 0 for lo, hi in zip(low, high)):
        return x[crop]
    y = value.expand(grown).clone()
    y[tuple(np.s_[max(lo, 0) : n - max(hi, 0)] for n, lo, hi in zip(grown, low, high))] = x[crop]
    return y


@define
def slice_(x: Any, *, start: Any, limit: Any, strides: Any) -> Any:
    return x[tuple(np.s_[a:b:c] for a, b, c in zip(start, limit, strides))]


@define
def flip(x: Any, *, axes: Any) -> Any:
    return torch.flip(x, axes)


@define
def take(x: Any, indices: Any, *, axis: int) -> Any:
    rows = torch.clamp(indices.to(torch.int64), 0, max(x.shape[axis] - 1, 0))
    if axis == 0 and x.ndim == 2 and x.is_floating_point():
        return torch.embedding(x, rows)
    return torch.index_select(x, axis, rows.reshape(-1)).reshape(*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])


@define
def take_along_axis(x: Any, indices: Any, *, axis: int) -> Any:
    return torch.gather(x, axis, torch.clamp(indices.to(torch.int64), 0, max(x.shape[axis] - 1, 0)))


@define
def scatter(x: Any, indices: Any, updates: Any, *, mode: str) -> Any:
    depth = indices.shape[-1]
    rest = x.shape[depth:]
    rows = indices.reshape(-1, depth).to(torch.int64)
    sizes = torch.tensor(x.shape[:depth], dtype=torch.int64, device=x.device)
    inside = torch.all((rows >= 0) & (rows < sizes), 1)
    steps = torch.tensor([math.prod(x.shape[i + 1 : depth]) for i in range(depth)], dtype=torch.int64, device=x.device)
    spare = math.prod(x.shape[:depth])  # rows out of range go to a place of their own, which is dropped
    flat = torch.where(inside, torch.sum(rows * steps, 1), torch.full((), spare, dtype=torch.int64))
    base = torch.cat([x.reshape(spare, -1), x.new_zeros((1, math.prod(rest)))]) if math.prod(rest) else x.new_zeros((spare + 1, 0))
    values = updates.reshape(len(rows), math.prod(rest))
    where_to = flat[:, None].expand(values.shape)
    if mode == "update":
        y = torch.index_put(base, (flat,), values)
    elif mode == "add":
        y = torch.index_put(base, (flat,), values, accumulate=True) if x.dtype == torch.bool else torch.index_add(base, 0, flat, values)
    else:
        y = torch.scatter_reduce(base, 0, where_to, values, {"max": "amax", "min": "amin", "multiply": "prod"}[mode], include_self=True)
    return y[:spare].reshape(x.shape)


def _block(start: Any, shape: Any, sizes: Any) -> tuple[Any, ...]:
    """Index grids of the block at `start`, moved inside."""
    rank = len(sizes)
    grids = []
    for i, (n, size) in enumerate(zip(shape, sizes)):
        first = torch.clamp(start[i].to(torch.int64), 0, n - size)
        grids.append((first + torch.arange(size, device=start.device)).reshape([-1 if k == i else 1 for k in range(rank)]))
    return tuple(grids)


@define
def dynamic_slice(x: Any, start: Any, *, sizes: Any) -> Any:
    return x[_block(start, x.shape, sizes)] if x.ndim else x


@define
def dynamic_update_slice(x: Any, update: Any, start: Any) -> Any:
    return torch.index_put(x, _block(start, x.shape, update.shape), update) if x.ndim else update


# Convolution and pooling. Channels-last tensors seen as channels-first are what oneDNN calls channels_last: no copies.


def _to_first(x: Any) -> Any:
    return torch.permute(x, (0, x.ndim - 1, *range(1, x.ndim - 1)))


def _to_last(x: Any) -> Any:
    return torch.permute(x, (0, *range(2, x.ndim), 1))


def _kernel_first(kernel: Any) -> Any:
    return torch.permute(kernel, (kernel.ndim - 1, kernel.ndim - 2, *range(kernel.ndim - 2)))


def _even(padding: Any) -> bool:
    return all(lo == hi and lo >= 0 for lo, hi in padding)


def _pad_spatial(x: Any, padding: Any, value: float = 0.0) -> Any:
    """Zeros around the spatial axes of a channels-first tensor (negative: cropped)."""
    return torch.constant_pad_nd(x, [n for pair in reversed(padding) for n in pair], value)


_CONV = {1: torch.conv1d, 2: torch.conv2d, 3: torch.conv3d}


def _explicit(x: Any, padding: Any) -> tuple[Any, Any]:
    """What torch's symmetric padding can't do is done before."""
    return (x, tuple(lo for lo, _ in padding)) if _even(padding) else (_pad_spatial(x, padding), (0,) * len(padding))


@define
def conv(x: Any, kernel: Any, *, strides: Any, padding: Any, dilation: Any, groups: int) -> Any:
    source, amount = _explicit(_to_first(x), padding)
    return _to_last(_CONV[len(strides)](source, _kernel_first(kernel), None, strides, amount, dilation, groups))


@define
def conv_grad_input(g: Any, kernel: Any, *, input_shape: Any, strides: Any, padding: Any, dilation: Any, groups: int) -> Any:
    return _adjoint(lambda x: conv(x, kernel, strides=strides, padding=padding, dilation=dilation, groups=groups), input_shape, g)


@define
def conv_grad_kernel(x: Any, g: Any, *, kernel_shape: Any, strides: Any, padding: Any, dilation: Any, groups: int) -> Any:
    return _adjoint(lambda k: conv(x, k, strides=strides, padding=padding, dilation=dilation, groups=groups), kernel_shape, g)


def _adjoint(linear: Callable[..., Any], shape: Any, g: Any) -> Any:
    """The adjoint of a linear function of a tensor of `shape`, at g, by autograd; differentiable again."""
    with torch.enable_grad():
        x = torch.zeros(shape, dtype=g.dtype, device=g.device, requires_grad=True)
        return torch.autograd.grad(linear(x), x, g, create_graph=g.requires_grad or torch.is_grad_enabled())[0]


_MAX_POOL = {1: torch.max_pool1d, 2: torch.max_pool2d, 3: torch.max_pool3d}


@define
def max_pool(x: Any, *, window: Any, strides: Any, padding: Any) -> Any:
    source = _to_first(x)
    if any(map(any, padding)):
        source = _pad_spatial(source, padding, -math.inf if x.is_floating_point() else torch.iinfo(x.dtype).min)
    return _to_last(_MAX_POOL[len(window)](source, window, strides))


@define
def max_pool_grad(x: Any, y: Any, g: Any, *, window: Any, strides: Any, padding: Any) -> Any:
    with torch.enable_grad():
        source = x.detach().requires_grad_()
        pooled = max_pool(source, window=window, strides=strides, padding=padding)
        return torch.autograd.grad(pooled, source, g.to(x.dtype), create_graph=g.requires_grad)[0].to(g.dtype)


@define
def sum_pool(x: Any, *, window: Any, strides: Any, padding: Any) -> Any:
    source = _pad_spatial(_to_first(x), padding) if any(map(any, padding)) else _to_first(x)
    for axis, (size, step) in enumerate(zip(window, strides), start=2):
        source = source.unfold(axis, size, step)
    return _to_last(torch.sum(source, tuple(range(-len(window), 0)), dtype=x.dtype))


@define
def sum_pool_grad(g: Any, *, input_shape: Any, window: Any, strides: Any, padding: Any) -> Any:
    return _adjoint(lambda x: sum_pool(x, window=window, strides=strides, padding=padding), input_shape, g)


# Linear algebra


@define
def triangular_solve(a: Any, b: Any, *, lower: bool, transpose: bool) -> Any:
    a = torch.tril(a) if lower else torch.triu(a)
    return torch.linalg.solve_triangular(a.mT if transpose else a, b, upper=lower if transpose else not lower)


@define
def solve(a: Any, b: Any) -> Any:
    batch = torch.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return torch.linalg.solve(a.expand(*batch, *a.shape[-2:]), b.expand(*batch, *b.shape[-2:]))


kernels["slogdet"] = lambda x: list(torch.linalg.slogdet(x))
kernels["qr"] = lambda x, *, mode: list(torch.linalg.qr(x, mode))
kernels["svd"] = lambda x, *, full_matrices: list(torch.linalg.svd(x, full_matrices=full_matrices))
kernels["eigh"] = lambda x: list(torch.linalg.eigh(x))
kernels["eig"] = lambda x: list(torch.linalg.eig(x))


@define
def lu(x: Any) -> Any:
    packed, pivots = torch.linalg.lu_factor(x)
    return [packed, pivots - 1]


# Control flow is Python's


@define
def cond(pred: Any, *operands: Any, true_fn: Any, false_fn: Any) -> Any:
    return list((true_fn if bool(pred) else false_fn)(*operands))


@define
def while_loop(*operands: Any, cond_fn: Any, body_fn: Any, n_state: int) -> Any:
    return TABLE["while_loop"].reference(*operands, cond_fn=cond_fn, body_fn=body_fn, n_state=n_state)


@define
def scan(*operands: Any, body_fn: Any, n_carry: int, n_xs: int, length: int, reverse: bool = False) -> Any:
    carry, constants = list(operands[:n_carry]), operands[n_carry + n_xs :]
    sequences = [torch.unbind(xs) for xs in operands[n_carry : n_carry + n_xs]]
    steps: list[Any] = []
    for t in reversed(range(length)) if reverse else range(length):
        results = body_fn(*carry, *[xs[t] for xs in sequences], *constants)
        carry = list(results[:n_carry])
        steps.append(results[n_carry:])
    if reverse:
        steps.reverse()
    return carry + [torch.stack(list(outputs)) for outputs in zip(*steps, strict=True)]


# Where torch computes only in some dtypes, kernels run in a wider one. Unsigned integers wrap around when they come back.
_UNSIGNED = {"uint16": "int32", "uint32": "int64", "uint64": "int64"}
_HALF = {"float16": "float32", "bfloat16": "float32"}
_IN_BOOL = {"bool": "uint8"}
_KEEPS = frozenset("reshape transpose broadcast_to cast bitcast full iota stop_gradient concatenate".split())
_WIDER: dict[str, dict[str, str]] = {
    name: {**(_UNSIGNED if name not in _KEEPS else {}), **(_HALF if TABLE[name].family == "linalg" else {})} for name in TABLE
}
for _name in "cumsum cumprod sort argsort max_pool sum_pool sum_pool_grad searchsorted max min".split():
    _WIDER[_name] |= _IN_BOOL
for _name in "erfinv logaddexp softplus conv conv_grad_input conv_grad_kernel sum_pool sum_pool_grad arctan2 searchsorted".split():
    _WIDER[_name] |= _HALF
for _name in ("sum", "prod"):
    _WIDER[_name] |= {"uint8": "int64", "uint16": "int64"}
_ROUND_TRIP = {n: "float64" for n in (*dt.INTS, *dt.UINTS, "bool")}
for _name in "conv conv_grad_input conv_grad_kernel max_pool max_pool_grad".split():
    _WIDER[_name] = {**_ROUND_TRIP, **_WIDER[_name], **_ROUND_TRIP}


_depth = 0  # how many `value_and_grad` are under way, one inside the other


def _leaf(x: Any) -> Any:
    """The tensor as the beginning of a graph of its own."""
    return x.detach().requires_grad_(x.is_floating_point() or x.is_complex())


class TorchEngine(Engine):
    """PyTorch: eager calls are torch's, gradients torch's autograd."""

    name = "torch"
    library = "torch"
    kernels = kernels

    def is_tensor(self, x: Any) -> bool:
        return isinstance(x, torch.Tensor)

    def asarray(self, x: Any, dtype: str | None = None) -> Any:
        if isinstance(x, torch.Tensor):
            return x if dtype is None else x.to(DTYPES[dtype])
        array = np.asarray(x, dt.numpy_dtype(dtype or default_dtype(x)))
        if array.dtype == ml_dtypes.bfloat16:
            return torch.from_numpy(np.array(array).view("int16")).view(torch.bfloat16).to(DEVICE)
        if not array.flags.writeable or any(step < 0 for step in array.strides):
            array = np.array(array)
        return torch.from_numpy(array).to(DEVICE)

    def to_numpy(self, x: Any) -> np.ndarray:
        x = x.detach().cpu().resolve_conj().resolve_neg()
        return x.contiguous().view(torch.int16).numpy().view(ml_dtypes.bfloat16) if x.dtype == torch.bfloat16 else x.numpy()

    def dtype_of(self, x: Any) -> str:
        return NAMES[x.dtype]

    def scalar(self, value: Any, dtype: str) -> Any:
        return torch.tensor(value, dtype=DTYPES[dtype], device=DEVICE)

    def kernel(self, primitive: Primitive) -> Callable[..., Any]:
        plain, wider = super().kernel(primitive), _WIDER[primitive.name]

        def kernel(*operands: Any, **params: Any) -> Any:
            names = [NAMES[x.dtype] for x in operands]
            if not any(name in wider for name in names):
                return plain(*operands, **params)
            results = plain(*[x.to(DTYPES[wider.get(n, n)]) for x, n in zip(operands, names, strict=True)], **params)
            dtypes = primitive.result_dtypes(names, {**primitive.params, **params})
            if isinstance(results, (list, tuple)):
                return [y.to(DTYPES[d]) for y, d in zip(results, dtypes, strict=True)]
            return results.to(DTYPES[dtypes[0]])

        return kernel if wider and primitive.family != "control" else plain

    def plan(self, key: Any, operands: Sequence[Any]) -> Any:
        plan = super().plan(key, operands)
        if all(isinstance(x, torch.Tensor) for x in operands) and getattr(plan, "__name__", "") == "kernel":
            names = {NAMES[x.dtype] for x in operands}
            if names.isdisjoint(_WIDER[key[0].name]) and set(key[0].dtype.operands(*[NAMES[x.dtype] for x in operands])) <= names:
                self.plans[key] = plan = super().kernel(key[0])  # nothing to widen: straight to torch
        return plan

    def create_storage(self, array: np.ndarray, trainable: bool) -> Any:
        tensor = self.asarray(np.array(array))
        return torch.nn.Parameter(tensor) if trainable else tensor

    def snapshot(self, storage: Any) -> Any:
        return storage.detach()

    def assign(self, storage: Any, tensor: Any) -> Any:
        storage.data = tensor.detach().clone()
        return storage

    def compile(self, fn: Callable[..., list[Any]], args: Sequence[Any]) -> Callable[..., list[Any]]:
        def run(*args: Any) -> list[Any]:
            from cornu import context

            with torch.no_grad(), context.use(self):
                with StateScope() as scope:
                    results = fn(*[x if isinstance(x, torch.Tensor) else self.asarray(x) for x in args])
                for cell in scope.written:
                    cell.storage.data = scope.values[cell].detach()
            return results

        return run

    def value_and_grad(self, fn: Callable[..., tuple[Any, list[Any]]], tensors: Sequence[Any]) -> tuple[Any, list[Any], list[Any]]:
        global _depth
        inner, _depth = _depth > 0, _depth + 1  # an inner gradient stays part of the outer one's graph
        try:
            with torch.enable_grad():
                leaves = [x if inner and x.requires_grad else _leaf(x) for x in tensors]
                loss, auxiliary = fn(*leaves)
                wanted = [x for x in leaves if x.requires_grad]
                if loss.requires_grad and wanted:
                    found = torch.autograd.grad(loss, wanted, create_graph=inner, allow_unused=True, materialize_grads=True)
                else:
                    found = tuple(torch.zeros_like(x) for x in wanted)
        finally:
            _depth -= 1
        each = iter(found)
        grads = [next(each) if x.requires_grad else torch.zeros_like(x) for x in leaves]
        return (loss, auxiliary, grads) if inner else (loss.detach(), [x.detach() for x in auxiliary], grads)

    def synchronize(self, tensors: Sequence[Any] = ()) -> None:
        if DEVICE.startswith("cuda"):
            torch.cuda.synchronize()

    def devices(self) -> list[str]:
        return ["cpu", *[f"cuda:{i}" for i in range(torch.cuda.device_count())]]
