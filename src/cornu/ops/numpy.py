"""NumPy-like ops: creation, arithmetic, reductions, shapes, indexing, products."""

from __future__ import annotations

import builtins
import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from cornu import config, context
from cornu import primitives as P
from cornu.contract.engine import default_dtype
from cornu.ops.op import op
from cornu.primitives import dtypes as dt

Tensor = Any
Axis = Any


def shape_of(x: Tensor) -> tuple[int, ...]:
    """Static shape of anything that can be an operand."""
    return tuple(x.shape) if hasattr(x, "shape") else np.shape(x)


def dtype_of(x: Tensor) -> str:
    """Dtype name of anything that can be an operand (of a Python number, the dtype that it becomes)."""
    if isinstance(getattr(x, "dtype", None), str):
        return x.dtype
    return dt.strong(context.current().describe(x, "dtype"))


def tensor(x: Tensor) -> Tensor:
    """`x` as a tensor of the engine in charge."""
    engine = context.current()
    if engine.is_tensor(x):
        return x
    if hasattr(x, "value") and hasattr(x, "storage"):
        return x.value
    engine.describe(x, "convert_to_tensor")
    return engine.asarray(x)


def axis_of(axis: int, rank: int, where: str) -> int:
    """A non-negative axis. Raises ValueError naming the op where it is out of range."""
    if not -rank <= axis < builtins.max(rank, 1):
        raise ValueError(f"{where}: axis {axis} is out of bounds for a tensor of rank {rank}.")
    return int(axis) % builtins.max(rank, 1)


def axes_of(axis: Axis, rank: int, where: str) -> tuple[int, ...]:
    """Sorted non-negative axes for None (all), an int, or a sequence."""
    if axis is None:
        return tuple(range(rank))
    given = [axis] if isinstance(axis, (int, np.integer)) else list(axis)
    axes = [axis_of(a, rank, where) for a in given]
    if len(set(axes)) != len(axes):
        raise ValueError(f"{where}: duplicate axes in {axis}.")
    return tuple(sorted(axes))


def _float_of(x: Tensor) -> Tensor:
    return P.cast(x, dtype=dt.to_float(dtype_of(x)))


# Elementwise ops that are primitives


def _wrap(primitive: Any, name: str | None = None, doc: str | None = None) -> Any:
    operands = primitive.operands
    if len(operands) == 1:

        def body(x):
            return primitive(x)
    else:

        def body(x1, x2):  # type: ignore[misc]
            return primitive(x1, x2)

    body.__name__ = body.__qualname__ = name or primitive.name
    body.__doc__ = f"{doc or primitive.doc}\n\nElementwise; " + (
        "the operands broadcast and promote." if len(operands) > 1 else "gives a tensor of x's shape."
    )
    return op(body)


exp, expm1, log, log1p, sqrt = map(_wrap, (P.exp, P.expm1, P.log, P.log1p, P.sqrt))
sin, cos, tan, arcsin, arccos, arctan = map(_wrap, (P.sin, P.cos, P.tan, P.arcsin, P.arccos, P.arctan))
sinh, cosh, tanh, arcsinh, arccosh, arctanh = map(_wrap, (P.sinh, P.cosh, P.tanh, P.arcsinh, P.arccosh, P.arctanh))
negative, sign, floor, ceil = map(_wrap, (P.negative, P.sign, P.floor, P.ceil))
absolute = _wrap(P.abs, "absolute")
abs = absolute
logical_not, isfinite, real, imag = map(_wrap, (P.logical_not, P.isfinite, P.real, P.imag))
add, subtract, multiply, divide = map(_wrap, (P.add, P.subtract, P.multiply, P.divide))
maximum, minimum, power, mod, floor_divide = map(_wrap, (P.maximum, P.minimum, P.power, P.mod, P.floor_divide))
arctan2, logaddexp = map(_wrap, (P.arctan2, P.logaddexp))
equal, not_equal, less, less_equal, greater, greater_equal = map(
    _wrap, (P.equal, P.not_equal, P.less, P.less_equal, P.greater, P.greater_equal)
)
logical_and, logical_or = map(_wrap, (P.logical_and, P.logical_or))
true_divide = divide


@op
def square(x):
    """x * x."""
    return P.multiply(x, x)


@op
def reciprocal(x):
    """1 / x."""
    return P.divide(1, x)


@op
def log2(x):
    """Logarithm to base 2."""
    return P.divide(P.log(x), math.log(2))


@op
def log10(x):
    """Logarithm to base 10."""
    return P.divide(P.log(x), math.log(10))


@op
def round(x, decimals=0):
    """x rounded to `decimals` places, halves to even."""
    if decimals == 0 or not dt.is_float(dtype_of(x)):
        return P.round(x)
    return P.divide(P.round(P.multiply(x, 10.0**decimals)), 10.0**decimals)


@op
def isnan(x):
    """Whether each element is NaN."""
    return P.not_equal(x, x)


@op
def isinf(x):
    """Whether each element is infinite."""
    return P.logical_not(P.logical_or(P.isfinite(x), P.not_equal(x, x)))


@op
def logical_xor(x1, x2):
    """Exactly one is true."""
    return P.not_equal(P.cast(x1, dtype="bool"), P.cast(x2, dtype="bool"))


@op
def where(condition, x1=None, x2=None):
    """x1 where `condition` holds, else x2; all broadcast. Both must be given."""
    if x1 is None or x2 is None:
        raise ValueError("where: give both x1 and x2 (use nonzero for the indices of a condition).")
    return P.where(condition, x1, x2)


@op
def clip(x, x_min, x_max):
    """x limited to [x_min, x_max]."""
    dtype = dtype_of(x)
    return P.cast(P.minimum(P.maximum(x, x_min), x_max), dtype="int32" if dtype == "bool" else dtype)


# Creation


def _dtype(dtype: Any, default: str | None = None) -> str:
    return dt.name_of(dtype) if dtype is not None else default or config.floatx()


def _shape(shape: Any) -> tuple[int, ...]:
    sizes = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
    if builtins.any(size is None or size < 0 for size in sizes):
        raise ValueError(f"A tensor needs a complete shape of sizes that are not negative, got {tuple(sizes)}.")
    return tuple(int(size) for size in sizes)


def zeros(shape: Any, dtype: Any = None) -> Tensor:
    """A tensor of zeros; dtype `floatx()` by default."""
    return P.full(shape=_shape(shape), value=0, dtype=_dtype(dtype))


def ones(shape: Any, dtype: Any = None) -> Tensor:
    """A tensor of ones; dtype `floatx()` by default."""
    return P.full(shape=_shape(shape), value=1, dtype=_dtype(dtype))


def empty(shape: Any, dtype: Any = None) -> Tensor:
    """A tensor of unspecified values (zeros)."""
    return zeros(shape, dtype)


@op
def full(shape, fill_value, dtype=None):
    """A tensor of `shape` filled with `fill_value` (a number or a tensor that broadcasts)."""
    dtype = _dtype(dtype, dtype_of(fill_value) if not isinstance(fill_value, float) else None)
    if isinstance(fill_value, (bool, int, float)):
        return P.full(shape=_shape(shape), value=fill_value, dtype=dtype)
    return P.broadcast_to(P.cast(fill_value, dtype=dtype), shape=_shape(shape))


@op
def zeros_like(x, dtype=None):
    """Zeros in the shape (and, unless given, the dtype) of x."""
    return zeros(shape_of(x), dtype or dtype_of(x))


@op
def ones_like(x, dtype=None):
    """Ones in the shape (and, unless given, the dtype) of x."""
    return ones(shape_of(x), dtype or dtype_of(x))


@op
def full_like(x, fill_value, dtype=None):
    """`fill_value` in the shape (and, unless given, the dtype) of x."""
    return full(shape_of(x), fill_value, dtype or dtype_of(x))


def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Tensor:
    """Evenly spaced values in [start, stop), as `numpy.arange`; int32 for ints, `floatx()` if one is a float."""
    if stop is None:
        start, stop = 0, start
    step = 1 if step is None else step
    numbers = [x.item() if isinstance(x, np.generic) else x for x in (start, stop, step)]
    if dtype is None:
        dtype = dt.result_type(*[default_dtype(x) for x in numbers])
    count = builtins.max(math.ceil((numbers[1] - numbers[0]) / numbers[2]), 0)
    name = dt.name_of(dtype)
    wide = name if dt.is_integer(name) or name in ("float32", "float64") else "float32"
    index = P.iota(shape=(count,), axis=0, dtype=wide)
    if numbers[2] != 1:
        index = P.multiply(index, P.full(shape=(), value=numbers[2], dtype=wide))
    if numbers[0] != 0:
        index = P.add(index, P.full(shape=(), value=numbers[0], dtype=wide))
    return index if wide == name else P.cast(index, dtype=name)


def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Tensor:
    """N x M matrix (M = N by default) with ones on the k-th diagonal."""
    shape = (N, M or N)
    rows, columns = P.iota(shape=shape, axis=0, dtype="int32"), P.iota(shape=shape, axis=1, dtype="int32")
    return P.cast(P.equal(P.add(rows, k), columns), dtype=_dtype(dtype))


def identity(n: int, dtype: Any = None) -> Tensor:
    """The n x n identity."""
    return eye(n, dtype=dtype)


def array(x: Any, dtype: Any = None) -> Tensor:
    """`x` as a tensor of the engine in charge."""
    made = tensor(x)
    return made if dtype is None else P.cast(made, dtype=dt.name_of(dtype))


# Reductions


def _reduction(primitive: Any, doc: str) -> Any:
    def body(x, axis=None, keepdims=False):
        return primitive(x, axes=axes_of(axis, len(shape_of(x)), primitive.name), keepdims=bool(keepdims))

    body.__name__ = body.__qualname__ = primitive.name
    body.__doc__ = f"{doc}\n\nArgs:\n    x: tensor.\n    axis: None (all axes), an int or a tuple.\n    keepdims: keep the axes with size 1."
    return op(body)


sum = _reduction(P.sum, "Sum. Small integers and bools are summed in 32 bits.")
any = _reduction(P.any, "Whether any element is true.")
all = _reduction(P.all, "Whether all elements are true.")


def _extremum(primitive: Any, combine: Any) -> Any:
    def body(x, axis=None, keepdims=False, initial=None):
        shape = shape_of(x)
        axes = axes_of(axis, len(shape), primitive.name)
        if initial is not None and 0 in [shape[a] for a in axes]:
            kept = tuple(1 if i in axes else n for i, n in enumerate(shape) if keepdims or i not in axes)
            return P.full(shape=kept, value=initial, dtype=dtype_of(x))
        found = primitive(x, axes=axes, keepdims=bool(keepdims))
        return found if initial is None else combine(found, initial)

    body.__name__ = body.__qualname__ = primitive.name
    body.__doc__ = f"{primitive.doc}\n\nArgs: x, axis (None, int or tuple), keepdims, initial (a bound on the result; needed for empty axes)."
    return op(body)


max = _extremum(P.max, P.maximum)
min = _extremum(P.min, P.minimum)
amax, amin = max, min


@op
def prod(x, axis=None, keepdims=False, dtype=None):
    """Product over `axis`."""
    x = x if dtype is None else P.cast(x, dtype=dt.name_of(dtype))
    return P.prod(x, axes=axes_of(axis, len(shape_of(x)), "prod"), keepdims=bool(keepdims))


def _wide_sum(x: Tensor, axes: tuple[int, ...], keepdims: bool) -> tuple[Tensor, str]:
    """Sum of floats, half precision in float32; and the dtype to return."""
    dtype = dt.to_float(dtype_of(x))
    wide = "float32" if dtype in ("float16", "bfloat16") else dtype
    if dtype_of(x) != wide:
        x = P.cast(x, dtype=wide)
    return P.sum(x, axes=axes, keepdims=keepdims), dtype


@op
def mean(x, axis=None, keepdims=False):
    """Arithmetic mean over `axis` (None, int or tuple)."""
    shape = shape_of(x)
    axes = axes_of(axis, len(shape), "mean")
    total, dtype = _wide_sum(x, axes, bool(keepdims))
    result = P.divide(total, float(math.prod(shape[a] for a in axes)))
    return result if dtype_of(result) == dtype else P.cast(result, dtype=dtype)


@op
def var(x, axis=None, keepdims=False):
    """Variance (mean squared distance from the mean) over `axis`."""
    dtype = dt.to_float(dtype_of(x))
    x = P.cast(x, dtype="float32" if dtype in ("float16", "bfloat16") else dtype)
    centred = P.subtract(x, mean(x, axis, True))
    squared = P.multiply(centred, centred) if dtype not in dt.COMPLEXES else P.power(P.abs(centred), 2)
    return P.cast(mean(squared, axis, keepdims), dtype=dt.real_part(dtype))


@op
def std(x, axis=None, keepdims=False):
    """Standard deviation over `axis`."""
    return P.sqrt(var(x, axis, keepdims))


@op
def logsumexp(x, axis=None, keepdims=False):
    """log(sum(exp(x))) over `axis`, without overflow."""
    x = _float_of(x)
    axes = axes_of(axis, len(shape_of(x)), "logsumexp")
    top = P.max(x, axes=axes, keepdims=True)
    top = P.stop_gradient(P.where(P.isfinite(top), top, 0))
    summed = P.add(P.log(P.sum(P.exp(P.subtract(x, top)), axes=axes, keepdims=True)), top)
    return summed if keepdims else squeeze(summed, axes)


def _arg(primitive: Any) -> Any:
    def body(x, axis=None, keepdims=False):
        rank = len(shape_of(x))
        flat = ravel(x) if axis is None else x
        found = primitive(flat, axis=0 if axis is None else axis_of(axis, rank, primitive.name))
        if not keepdims:
            return found
        return P.reshape(found, shape=(1,) * rank) if axis is None else expand_dims(found, axis_of(axis, rank, primitive.name))

    body.__name__ = body.__qualname__ = primitive.name
    body.__doc__ = f"{primitive.doc}\n\nArgs: x, axis (None: of the flattened tensor), keepdims. Gives int32."
    return op(body)


argmax, argmin = _arg(P.argmax), _arg(P.argmin)


def _cumulative(primitive: Any) -> Any:
    def body(x, axis=None, dtype=None):
        x = x if dtype is None else P.cast(x, dtype=dt.name_of(dtype))
        x = ravel(x) if axis is None else x
        return primitive(x, axis=0 if axis is None else axis_of(axis, len(shape_of(x)), primitive.name), reverse=False)

    body.__name__ = body.__qualname__ = primitive.name
    body.__doc__ = f"{primitive.doc}\n\nArgs: x, axis (None: of the flattened tensor), dtype."
    return op(body)


cumsum, cumprod = _cumulative(P.cumsum), _cumulative(P.cumprod)


@op
def sort(x, axis=-1):
    """Elements in ascending order along `axis`."""
    return P.sort(x, axis=axis_of(axis, len(shape_of(x)), "sort"))


@op
def argsort(x, axis=-1):
    """Indices (int32) that sort along `axis`; equal elements stay in order."""
    if axis is None:
        x, axis = ravel(x), -1
    return P.argsort(x, axis=axis_of(axis, len(shape_of(x)), "argsort"))


# Shapes


@op
def reshape(x, newshape):
    """The same elements in another shape; one size may be -1."""
    shape = (newshape,) if isinstance(newshape, (int, np.integer)) else tuple(newshape)
    size = math.prod(shape_of(x))
    if -1 in shape:
        rest = math.prod(n for n in shape if n != -1)
        if shape.count(-1) > 1 or rest == 0 or size % rest:
            raise ValueError(f"reshape: a tensor of shape {shape_of(x)} can't be reshaped to {shape}.")
        shape = tuple(size // rest if n == -1 else n for n in shape)
    return P.reshape(x, shape=tuple(int(n) for n in shape))


@op
def ravel(x):
    """x as a vector."""
    return P.reshape(x, shape=(math.prod(shape_of(x)),))


@op
def transpose(x, axes=None):
    """Dimensions permuted; reversed by default."""
    rank = len(shape_of(x))
    return P.transpose(x, axes=tuple(reversed(range(rank))) if axes is None else tuple(axis_of(a, rank, "transpose") for a in axes))


@op
def swapaxes(x, axis1, axis2):
    """Two dimensions exchanged."""
    order = list(range(len(shape_of(x))))
    a, b = axis_of(axis1, len(order), "swapaxes"), axis_of(axis2, len(order), "swapaxes")
    order[a], order[b] = order[b], order[a]
    return P.transpose(x, axes=tuple(order))


@op
def moveaxis(x, source, destination):
    """Dimensions moved to other places; the rest keeps its order."""
    rank = len(shape_of(x))
    sources = [axis_of(a, rank, "moveaxis") for a in ([source] if isinstance(source, int) else source)]
    targets = [axis_of(a, rank, "moveaxis") for a in ([destination] if isinstance(destination, int) else destination)]
    order = [i for i in range(rank) if i not in sources]
    for target, origin in sorted(zip(targets, sources, strict=True)):
        order.insert(target, origin)
    return P.transpose(x, axes=tuple(order))


@op
def expand_dims(x, axis):
    """New dimensions of size 1 at `axis` (an int or a tuple) of the result."""
    given = [axis] if isinstance(axis, (int, np.integer)) else list(axis)
    rank = len(shape_of(x)) + len(given)
    axes = axes_of(given, rank, "expand_dims")
    sizes = iter(shape_of(x))
    return P.reshape(x, shape=tuple(1 if i in axes else next(sizes) for i in range(rank)))


@op
def squeeze(x, axis=None):
    """Dimensions of size 1 removed: all, or those at `axis`."""
    shape = shape_of(x)
    axes = [i for i, n in enumerate(shape) if n == 1] if axis is None else axes_of(axis, len(shape), "squeeze")
    for a in axes:
        if shape[a] != 1:
            raise ValueError(f"squeeze: dimension {a} of shape {shape} is not 1.")
    return P.reshape(x, shape=tuple(n for i, n in enumerate(shape) if i not in axes))


@op
def broadcast_to(x, shape):
    """x repeated to `shape` by the broadcasting rules."""
    return P.broadcast_to(x, shape=_shape(shape))


@op
def concatenate(xs, axis=0):
    """Tensors joined along `axis`."""
    xs = list(xs)
    if not xs:
        raise ValueError("concatenate: there are no tensors.")
    return P.concatenate(*xs, axis=axis_of(axis, len(shape_of(xs[0])), "concatenate"))


@op
def stack(x, axis=0):
    """Tensors of one shape joined along a new dimension at `axis`."""
    xs = list(x)
    if not xs:
        raise ValueError("stack: there are no tensors.")
    if len({shape_of(item) for item in xs}) > 1:
        raise ValueError(f"stack: the shapes differ: {', '.join(str(shape_of(item)) for item in xs)}.")
    axis = axis_of(axis, len(shape_of(xs[0])) + 1, "stack")
    return P.concatenate(*[expand_dims(item, axis) for item in xs], axis=axis)


@op
def split(x, indices_or_sections, axis=0):
    """A list of parts along `axis`: equal ones for an int, else cut at the given indices."""
    shape = shape_of(x)
    axis = axis_of(axis, len(shape), "split")
    if isinstance(indices_or_sections, (int, np.integer)):
        if shape[axis] % indices_or_sections:
            raise ValueError(f"split: {shape[axis]} elements along axis {axis} can't be split into {indices_or_sections} equal parts.")
        size = shape[axis] // indices_or_sections
        cuts = [size * i for i in range(1, indices_or_sections)]
    else:
        cuts = [int(i) for i in indices_or_sections]
    edges = [0, *[builtins.min(c, shape[axis]) if c >= 0 else c + shape[axis] for c in cuts], shape[axis]]
    return [_slice_axis(x, axis, a, builtins.max(a, b)) for a, b in itertools.pairwise(edges)]


def _slice_axis(x: Tensor, axis: int, start: int, limit: int) -> Tensor:
    shape = shape_of(x)
    return P.slice(
        x,
        start=tuple(start if i == axis else 0 for i in range(len(shape))),
        limit=tuple(limit if i == axis else n for i, n in enumerate(shape)),
        strides=(1,) * len(shape),
    )


@op
def flip(x, axis=None):
    """Elements in reverse order along `axis` (all by default)."""
    return P.flip(x, axes=axes_of(axis, len(shape_of(x)), "flip"))


@op
def pad(x, pad_width, mode="constant", constant_values=None):
    """x padded by `pad_width`: an int, a (before, after) pair, or one pair per dimension.

    mode: "constant" (with `constant_values`, 0 by default), "reflect", "symmetric" or "edge".
    """
    rank = len(shape_of(x))
    pairs = np.broadcast_to(np.asarray(pad_width, int), (rank, 2)).tolist()
    if mode == "constant":
        low, high = tuple(p[0] for p in pairs), tuple(p[1] for p in pairs)
        value = P.cast(constant_values or 0, dtype=dtype_of(x))
        return P.pad(x, value, low=low, high=high, interior=(0,) * rank)
    if constant_values is not None:
        raise ValueError(f"pad: constant_values makes sense with mode='constant' only, got mode={mode!r}.")
    if mode not in ("reflect", "symmetric", "edge"):
        raise ValueError(f"pad: there is no mode {mode!r}, only 'constant', 'reflect', 'symmetric' and 'edge'.")
    for axis, pair in enumerate(pairs):
        if builtins.any(pair):
            index = np.pad(np.arange(shape_of(x)[axis]), pair, mode=mode)
            x = P.take(x, index.astype("int32"), axis=axis)
    return x


@op
def repeat(x, repeats, axis=None):
    """Each element repeated `repeats` (an int, or one per element) times along `axis` (None: flattened)."""
    x = ravel(x) if axis is None else x
    axis = 0 if axis is None else axis_of(axis, len(shape_of(x)), "repeat")
    return P.take(x, np.repeat(np.arange(shape_of(x)[axis]), np.asarray(repeats)).astype("int32"), axis=axis)


@op
def tile(x, repeats):
    """x laid out `repeats` times along each dimension."""
    counts = [repeats] if isinstance(repeats, (int, np.integer)) else list(repeats)
    shape = shape_of(x)
    rank = builtins.max(len(shape), len(counts))
    shape, counts = (1,) * (rank - len(shape)) + shape, [1] * (rank - len(counts)) + counts
    inner = P.reshape(x, shape=tuple(n for size in shape for n in (1, size)))
    wide = P.broadcast_to(inner, shape=tuple(n for c, size in zip(counts, shape, strict=True) for n in (c, size)))
    return P.reshape(wide, shape=tuple(c * size for c, size in zip(counts, shape, strict=True)))


# Indexing


def _wrapped(indices: Tensor, size: int) -> Tensor:
    """Indices with negative ones counted from the end."""
    if isinstance(indices, (int, np.integer)):
        return int(indices) + size if indices < 0 else int(indices)
    if dtype_of(indices) in dt.UINTS:
        return indices
    return P.where(P.less(indices, 0), P.add(indices, size), indices)


@op
def take(x, indices, axis=None):
    """Slices of x at `indices` along `axis` (None: of the flattened tensor); negative indices count from the end."""
    x = ravel(x) if axis is None else x
    axis = 0 if axis is None else axis_of(axis, len(shape_of(x)), "take")
    return P.take(x, _wrapped(indices, shape_of(x)[axis]), axis=axis)


@op
def take_along_axis(x, indices, axis=None):
    """One element of x along `axis` per element of `indices`; other dimensions broadcast."""
    if axis is None:
        x, indices, axis = ravel(x), ravel(indices), 0
    rank = len(shape_of(x))
    axis = axis_of(axis, rank, "take_along_axis")
    size = shape_of(x)[axis]
    mutual = [n if n != 1 else m for n, m in zip(shape_of(x), shape_of(indices), strict=True)]
    x = P.broadcast_to(x, shape=tuple(size if i == axis else n for i, n in enumerate(mutual)))
    indices = P.broadcast_to(indices, shape=tuple(shape_of(indices)[axis] if i == axis else n for i, n in enumerate(mutual)))
    return P.take_along_axis(x, _wrapped(indices, size), axis=axis)


@op
def get_item(x, key):
    """`x[key]` with ints, slices, None, Ellipsis, and at most one array of indices (or a mask for concrete tensors)."""
    keys = list(key) if isinstance(key, tuple) else [key]
    rank = len(shape_of(x))
    consumed = builtins.sum(k is not None and k is not Ellipsis for k in keys)
    if consumed > rank:
        raise IndexError(f"get_item: too many indices ({consumed}) for a tensor of shape {shape_of(x)}.")
    whole = [slice(None)] * (rank - consumed)
    spot = next((i for i, k in enumerate(keys) if k is Ellipsis), None)
    keys = keys + whole if spot is None else keys[:spot] + whole + keys[spot + 1 :]
    start, limit, strides, flips, shape, arrays = [], [], [], [], [], []
    axis = 0
    for k in keys:
        if k is None:
            shape.append(1)
            continue
        size = shape_of(x)[axis]
        if isinstance(k, (int, np.integer)) and not isinstance(k, bool):
            if not -size <= k < size:
                raise IndexError(f"get_item: index {k} is out of bounds for axis {axis} of shape {shape_of(x)}.")
            row = (int(k) % size, int(k) % size + 1, 1)
        elif isinstance(k, slice):
            row = _positive(k, size)
            if (k.step or 1) < 0:
                flips.append(axis)
            shape.append(-((row[0] - row[1]) // row[2]))
        else:
            arrays.append((len(shape), k))
            row = (0, size, 1)
            shape.append(size)
        for target, value in zip((start, limit, strides), row, strict=True):
            target.append(value)
        axis += 1
    if len(arrays) > 1:
        raise NotImplementedError("get_item: several index arrays at once are not supported; use ops.take or ops.take_along_axis.")
    y = P.slice(x, start=tuple(start), limit=tuple(limit), strides=tuple(strides))
    y = P.flip(y, axes=tuple(flips)) if flips else y
    y = P.reshape(y, shape=tuple(shape))
    return take(y, arrays[0][1], arrays[0][0]) if arrays else y


def _positive(k: slice, size: int) -> tuple[int, int, int]:
    start, stop, step = k.indices(size)
    if step > 0:
        return start, builtins.max(start, stop), step
    count = builtins.max(0, -((start - stop) // step))
    low = start + (count - 1) * step if count else 0
    return low, (start + 1 if count else 0), -step


# Products


@op
def matmul(x1, x2):
    """Matrix product as `numpy.matmul`: vectors are rows or columns, leading dimensions broadcast."""
    a, b = len(shape_of(x1)), len(shape_of(x2))
    if not a or not b:
        raise ValueError("matmul: scalars can't be multiplied as matrices; use multiply.")
    left = x1 if a > 1 else expand_dims(x1, 0)
    right = x2 if b > 1 else expand_dims(x2, 1)
    y = P.matmul(left, right)
    if a > 1 and b > 1:
        return y
    return squeeze(y, tuple(([-2] if a == 1 else []) + ([-1] if b == 1 else [])))


@op
def dot(x1, x2):
    """Sum product over the last axis of x1 and the second to last of x2, as `numpy.dot`."""
    a, b = len(shape_of(x1)), len(shape_of(x2))
    if not a or not b:
        return P.multiply(x1, x2)
    return tensordot(x1, x2, axes=[[a - 1], [builtins.max(b - 2, 0)]])


@op
def tensordot(x1, x2, axes=2):
    """Sum of products over `axes`: a number of last and first axes, or two lists of axes."""
    a, b = shape_of(x1), shape_of(x2)
    if isinstance(axes, int):
        left, right = list(range(len(a) - axes, len(a))), list(range(axes))
    else:
        left, right = ([one] if isinstance(one, int) else list(one) for one in axes)
        left, right = [axis_of(i, len(a), "tensordot") for i in left], [axis_of(i, len(b), "tensordot") for i in right]
    if [a[i] for i in left] != [b[i] for i in right]:
        raise ValueError(f"tensordot: axes {left} of shape {a} and {right} of shape {b} differ in size.")
    keep_a, keep_b = [i for i in range(len(a)) if i not in left], [i for i in range(len(b)) if i not in right]
    inner = math.prod(a[i] for i in left)
    one = P.reshape(_permuted(x1, keep_a + left), shape=(math.prod(a[i] for i in keep_a), inner))
    other = P.reshape(_permuted(x2, right + keep_b), shape=(inner, math.prod(b[i] for i in keep_b)))
    return P.reshape(P.matmul(one, other), shape=tuple([a[i] for i in keep_a] + [b[i] for i in keep_b]))


def _permuted(x: Tensor, order: Sequence[int]) -> Tensor:
    return x if list(order) == list(range(len(order))) else P.transpose(x, axes=tuple(order))


@op
def einsum(subscripts, *operands, **kwargs):
    """Einstein summation, e.g. "bij,bjk->bik"; each pair of operands becomes one matrix product. No ellipsis, no repeated index."""
    inputs, _, output = subscripts.replace(" ", "").partition("->")
    terms = inputs.split(",")
    if "." in subscripts or builtins.any(len(set(t)) != len(t) for t in terms) or len(terms) != len(operands):
        raise ValueError(f"einsum: can't read {subscripts!r} for {len(operands)} operands (ellipsis and repeated indices are not supported).")
    if "->" not in subscripts:
        letters = "".join(terms)
        output = "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    label, value = terms[0], operands[0]
    for i, (term, x) in enumerate(zip(terms[1:], operands[1:], strict=True)):
        needed = set(output).union(*terms[i + 2 :])
        label, value = _contract(label, value, term, x, needed)
    summed = tuple(i for i, c in enumerate(label) if c not in output)
    value = P.sum(value, axes=summed, keepdims=False) if summed else value
    label = "".join(c for c in label if c in output)
    return _permuted(value, [label.index(c) for c in output])


def _contract(a: str, x: Tensor, b: str, y: Tensor, needed: set[str]) -> tuple[str, Tensor]:
    for name, other in ((a, b), (b, a)):
        drop = tuple(i for i, c in enumerate(name) if c not in other and c not in needed)
        if drop and name is a:
            x, a = P.sum(x, axes=drop, keepdims=False), "".join(c for i, c in enumerate(a) if i not in drop)
        elif drop:
            y, b = P.sum(y, axes=drop, keepdims=False), "".join(c for i, c in enumerate(b) if i not in drop)
    sizes = {**dict(zip(a, shape_of(x), strict=True)), **dict(zip(b, shape_of(y), strict=True))}
    batch = [c for c in a if c in b and c in needed]
    inner = [c for c in a if c in b and c not in needed]
    left, right = [c for c in a if c not in b], [c for c in b if c not in a]
    count = lambda names: math.prod(sizes[c] for c in names)  # noqa: E731
    lead = tuple(sizes[c] for c in batch)
    one = P.reshape(_permuted(x, [a.index(c) for c in batch + left + inner]), shape=(*lead, count(left), count(inner)))
    two = P.reshape(_permuted(y, [b.index(c) for c in batch + inner + right]), shape=(*lead, count(inner), count(right)))
    product = P.matmul(one, two)
    names = batch + left + right
    return "".join(names), P.reshape(product, shape=tuple(sizes[c] for c in names))


def size(x: Tensor) -> int:
    """Number of elements."""
    return math.prod(shape_of(x))


def ndim(x: Tensor) -> int:
    """Number of dimensions."""
    return len(shape_of(x))
