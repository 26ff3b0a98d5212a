"""The embedded engine: NumPy alone. Kernels are the table's references, and faster forms of the hot ones."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from cornu.contract.engine import Kernels, default_dtype
from cornu.contract.recorded import RecordedEngine
from cornu.graph.graph import Graph
from cornu.primitives import TABLE
from cornu.primitives import dtypes as dt
from cornu.primitives.contraction import _padded, window_output_size

kernels = Kernels()
for _name, _record in TABLE.items():
    kernels[_name] = _record.reference

# One call into NumPy's C code each, so that a replayed program has no Python frames for them.
kernels.inline(
    {
        "np": np,
        "add_reduce": np.add.reduce,
        "max_reduce": np.maximum.reduce,
        "min_reduce": np.minimum.reduce,
    },
    **{
        name: f"np.{theirs}({{}})".format("x" if len(TABLE[name].operands) == 1 else "x1, x2")
        for name, theirs in {
            **{n: n for n in ["exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh"]},
            **{n: n for n in ["multiply", "divide", "maximum", "minimum", "floor_divide", "mod", "arctan2"]},
            **{n: n for n in ["equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "logical_and", "logical_or", "logical_not"]},
            **{n: n for n in ["bitwise_and", "bitwise_or", "bitwise_xor", "left_shift", "right_shift", "isfinite", "add"]},
        }.items()
    },
    where="np.where(condition, x1, x2)",
    reshape="x.reshape(shape)",
    transpose="x.transpose(axes)",
    stop_gradient="x",
    max="max_reduce(x, axes, None, None, keepdims)",
    min="min_reduce(x, axes, None, None, keepdims)",
)


@kernels.define
def cast(x: Any, *, dtype: str) -> Any:
    if x.dtype.kind == "f" and dtype in dt.FLOATS:
        return x.astype(dt.numpy_dtype(dtype))
    return TABLE["cast"].reference(x, dtype=dtype)


@kernels.define
def sum(x: Any, *, axes: tuple[int, ...], keepdims: bool = False) -> Any:
    if x.dtype.kind != "f":
        return TABLE["sum"].reference(x, axes=axes, keepdims=keepdims)
    if axes and x.ndim == 2 and axes == (0,) and not keepdims and x.dtype.itemsize >= 4:
        return np.ones(x.shape[0], x.dtype) @ x  # BLAS is faster than a strided reduction
    return np.add.reduce(x, axes, None, None, keepdims)  # type: ignore[call-overload]


@kernels.define
def matmul(x1: Any, x2: Any) -> Any:
    if x1.dtype.itemsize == 2 or x1.dtype.kind != "f":
        return TABLE["matmul"].reference(x1, x2)
    if x2.ndim == 2 and x1.ndim > 2:
        return np.matmul(x1.reshape(-1, x1.shape[-1]), x2).reshape(*x1.shape[:-1], x2.shape[-1])
    return np.matmul(x1, x2)


@kernels.define
def sigmoid(x: Any) -> Any:
    if x.dtype.kind == "c":
        return TABLE["sigmoid"].reference(x)
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, x.dtype.type(1), small) / (1 + small)


# Error function: its Taylor series up to 1, the exact scalar function beyond.

_ERF_SERIES = [2 / math.sqrt(math.pi) * (-1) ** k / (math.factorial(k) * (2 * k + 1)) for k in range(22)]


@kernels.define
def erf(x: Any) -> Any:
    z = x.astype("float64")
    square = np.minimum(z * z, 1.0)
    near = z * np.polynomial.polynomial.polyval(square, _ERF_SERIES)
    far = np.abs(z) > 1.0
    if far.any():
        near = np.array(near)
        near[far] = TABLE["erf"].reference(z[far])
    return np.asarray(near).astype(x.dtype)


# Convolution by matrix products


def _columns(x: Any, window: Any, counts: Any, strides: Any, dilation: Any) -> Any:
    """Each place's window as a row: (N * places, window * channels). One copy, no loop over pixels."""
    batch, channels = x.shape[0], x.shape[-1]
    steps = x.strides
    shape = (batch, *counts, *window, channels)
    moves = (
        steps[0],
        *[step * s for step, s in zip(steps[1:-1], strides, strict=True)],
        *[step * d for step, d in zip(steps[1:-1], dilation, strict=True)],
        steps[-1],
    )
    view = np.lib.stride_tricks.as_strided(x, shape, moves, writeable=False)
    return view.reshape(batch * math.prod(counts), math.prod(window) * channels)


def _one_group(reference: str, fast: Callable[..., Any]) -> Callable[..., Any]:
    def kernel(x1: Any, x2: Any, **params: Any) -> Any:
        plain = params["groups"] == 1 and x1.dtype.kind == "f" and x1.dtype.itemsize >= 4
        if not plain or 0 in x1.shape or 0 in x2.shape or any(p < 0 for pair in params["padding"] for p in pair):
            return TABLE[reference].reference(x1, x2, **params)
        return fast(x1, x2, **params)

    return kernel


def _conv(x: Any, kernel: Any, *, strides: Any, padding: Any, dilation: Any, groups: int) -> Any:
    window = kernel.shape[:-2]
    sizes = zip(x.shape[1:-1], window, strides, padding, dilation)
    counts = [window_output_size(n, k, s, lo, hi, d) for n, k, s, (lo, hi), d in sizes]
    rows = _columns(_padded(x, padding), window, counts, strides, dilation)
    return (rows @ kernel.reshape(-1, kernel.shape[-1])).reshape(x.shape[0], *counts, kernel.shape[-1])


def _conv_grad_kernel(x: Any, g: Any, *, kernel_shape: Any, strides: Any, padding: Any, dilation: Any, groups: int) -> Any:
    rows = _columns(_padded(x, padding), kernel_shape[:-2], g.shape[1:-1], strides, dilation)
    return (rows.T @ np.ascontiguousarray(g).reshape(len(rows), g.shape[-1])).reshape(kernel_shape)


def _conv_grad_input(g: Any, kernel: Any, *, input_shape: Any, strides: Any, padding: Any, dilation: Any, groups: int) -> Any:
    """One matrix product per element of the window, added into the places that it saw."""
    grown = (input_shape[0], *[n + lo + hi for n, (lo, hi) in zip(input_shape[1:-1], padding)], input_shape[-1])
    x = np.zeros(grown, g.dtype)
    flat = np.ascontiguousarray(g).reshape(-1, g.shape[-1])
    for offset in np.ndindex(*kernel.shape[:-2]):
        part = (flat @ kernel[offset].T).reshape(*g.shape[:-1], input_shape[-1])
        spots = [np.s_[o * d : o * d + (n - 1) * s + 1 : s] for o, d, n, s in zip(offset, dilation, g.shape[1:-1], strides)]
        x[(np.s_[:], *spots)] += part
    return x[(np.s_[:], *[np.s_[lo : n - hi] for n, (lo, hi) in zip(grown[1:-1], padding)])]


kernels["conv"] = _one_group("conv", _conv)
kernels["conv_grad_kernel"] = _one_group("conv_grad_kernel", _conv_grad_kernel)
kernels["conv_grad_input"] = _one_group("conv_grad_input", _conv_grad_input)


@kernels.define
def scatter(x: Any, indices: Any, updates: Any, *, mode: str) -> Any:
    """Rows added to a table (the gradient of an embedding) as one sorted sum."""
    if mode != "add" or indices.shape[-1] != 1 or x.ndim != 2 or not indices.size or x.dtype.kind != "f":
        return TABLE["scatter"].reference(x, indices, updates, mode=mode)
    rows, values = indices.reshape(-1), updates.reshape(-1, x.shape[1])
    inside = (rows >= 0) & (rows < len(x))
    if not inside.all():
        rows, values = rows[inside], values[inside]
    order = np.argsort(rows, kind="stable")
    rows = rows[order]
    starts = np.flatnonzero(np.r_[True, rows[1:] != rows[:-1]]) if len(rows) else np.empty(0, int)
    y = np.array(x)
    if len(rows):
        y[rows[starts]] += np.add.reduceat(values[order], starts, axis=0)
    return y


class NumpyEngine(RecordedEngine):
    """NumPy: eager calls are NumPy's, compiled functions are recorded and replayed, gradients are the built-in ones."""

    name = "numpy"
    library = "numpy"
    kernels = kernels

    def is_tensor(self, x: Any) -> bool:
        return isinstance(x, (np.ndarray, np.generic))

    def asarray(self, x: Any, dtype: str | None = None) -> Any:
        return np.asarray(x, dt.numpy_dtype(dtype or default_dtype(x)))

    def to_numpy(self, x: Any) -> np.ndarray:
        return np.asarray(x)

    def dtype_of(self, x: Any) -> str:
        return dt.name_of(x.dtype)

    def create_storage(self, array: np.ndarray, trainable: bool) -> Any:
        return np.array(array)

    def replay(self, graph: Graph) -> Callable[..., list[Any]]:
        program = super().replay(graph)

        def quiet(*operands: Any) -> list[Any]:
            with np.errstate(all="ignore"):  # infinities and NaNs are values like others
                return program(*operands)

        return quiet
