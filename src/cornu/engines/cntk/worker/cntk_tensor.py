"""What the lowering passes about: CNTK expressions with the shape and dtype that Cornu gives them. Plain Python 3.6."""

from collections import namedtuple

import cntk as C
import numpy as np
from cntk_support import CARRIERS

# What a lowering gives if it made a Tensor's `images`; perhaps smaller images whose channels have the same sums.
Images = namedtuple("Images", "expression summed")
Images.__new__.__defaults__ = (None,)


class Tensor:
    """A value of the program.

    expression: CNTK's. shape, dtype: as in Cornu; the expression has that shape, and the dtype's carrier. images: the expression of
    images (batch, *spatial, channels) as CNTK's convolution wants them: (channels, *spatial), and the batch as its batch axis. A value is
    made as one of the two, and as the other when first needed. known: its value where it does not depend on the inputs. swapped: the
    Tensor whose last two axes it has exchanged. least: 0 where no element is below it, 1 where all are above 0 (NaN aside), None where nothing is known. parts: the Tensors
    along the first axis, where it was made of such. summed: images whose channels have the same sums. finite: whether all elements are, for sure or
    by assumption.
    """

    def __init__(self, expression, shape, dtype, known=None, swapped=None, least=None, parts=None, images=None, summed=None, finite=False):
        self.shape, self.dtype, self.known, self.swapped = tuple(shape), dtype, known, swapped
        self._expression, self._images, self.least, self.parts, self.summed = expression, images, least, parts, summed or images
        if known is not None and np.all(known >= 0):
            self.least = int(np.all(known > 0))
        self.finite = finite or self.kind != "f" or (known is not None and bool(np.all(np.isfinite(known))))

    @property
    def expression(self):
        if self._expression is None:
            if self.are_images:
                self._expression = self._channels_last()
            else:
                self._expression = constant(self.known, self.carrier) if self.parts is None else self._stacked()
        return self._expression

    @property
    def images(self):
        if self._images is None:
            self._images = C.to_batch(moved(self.expression, (0, len(self.shape) - 1, *range(1, len(self.shape) - 1))))
        return self._images

    @property
    def are_images(self):
        """Whether it was made as images, and nobody has wanted it otherwise."""
        return self._expression is None and self._images is not None

    def beside_images(self, shape):
        """A Tensor for the same values beside images of that shape, if that can be: its expression broadcasts with theirs."""
        own = (1,) * (len(shape) - len(self.shape)) + self.shape
        if self.shape == ():
            return self
        if self.are_images or own[0] > 1:
            expression = self.images
        else:  # no batch axis is needed
            expression = moved(shaped(self.expression, own[1:]), (len(own) - 2, *range(len(own) - 2)))
        return Tensor(expression, expression.shape, self.dtype, least=self.least, finite=self.finite)

    def _channels_last(self):
        rank = len(self.shape) - 1
        return moved(unbatched(self._images, self.shape[0]), (0, *range(2, rank + 1), 1))

    def _stacked(self):
        rows = [shaped(x.expression, (1,) + x.shape) for x in self.parts]
        return C.splice(*rows, axis=0) if len(rows) > 1 else rows[0]

    @property
    def carrier(self):
        return CARRIERS[self.dtype]

    @property
    def kind(self):
        return {"int32": "i", "bool": "b"}.get(self.dtype, "f")


def constant(value, carrier):
    """A CNTK constant of that dtype."""
    dtype = np.dtype(carrier).type
    return C.Constant(np.array(value, dtype), dtype=dtype)


def like(value, x):
    """A scalar beside the expression x."""
    return constant(value, x.dtype)


def as_carrier(x, carrier):
    """An expression in another dtype."""
    return x if x.dtype == np.dtype(carrier) else C.cast(x, np.dtype(carrier).type)


def choose(condition, x, y):
    """x where the condition is not zero, else y."""
    return C.element_select(as_carrier(condition, x.dtype), x, y)


def is_nan(x):
    """1 where x is NaN, else 0."""
    return C.not_equal(x, x)


def shaped(x, shape):
    """x under another shape."""
    return x if x.shape == tuple(shape) else C.reshape(x, tuple(shape))


def moved(x, axes):
    """x with its axes in another order."""
    shape = [x.shape[i] for i in axes]
    long = [i for i in axes if x.shape[i] != 1]
    return C.transpose(x, axes) if long != sorted(long) else shaped(x, shape)


def unbatched(x, count):
    """x with its batch axis, of that length, as the first of the others."""
    return C.reshape(C.unpack_batch(x), (count,) + tuple(x.shape))


def spread(x, shape):
    """x, of the same rank or lower, repeated to `shape`."""
    own = (1,) * (len(shape) - len(x.shape)) + tuple(x.shape)
    ones = [n if k != n else 1 for k, n in zip(own, shape)]
    x = shaped(x, own)
    return x if all(n == 1 for n in ones) else C.element_times(x, constant(np.ones(ones), x.dtype))


def wrapped(x):
    """Whole numbers of any size below 2**53, in double, as int32 keeps them."""
    turns = C.floor(C.element_times(C.plus(x, like(2.0 ** 31, x)), like(2.0 ** -32, x)))
    return C.minus(x, C.element_times(turns, like(2.0 ** 32, x)))


def negated(x):
    """-x."""
    return C.element_times(x, like(-1, x))


def reciprocal(x):
    """1 / x; CNTK gives 0 for 1 / 0."""
    return choose(C.equal(x, like(0, x)), like(np.inf, x), C.reciprocal(x))


def lower_bound(name, operands):
    """`least` of a primitive's result."""
    bounds = [x.least for x in operands]
    if name in ("exp", "abs", "sqrt", "sigmoid", "softplus") or (name == "multiply" and operands[0] is operands[1]):
        return 0
    if None in bounds or not bounds:
        return None
    if name == "add":
        return max(bounds)
    if name in ("multiply", "divide"):
        return 0  # what is small enough becomes 0
    return min(bounds) if name in ("maximum", "minimum", "max", "min", "reshape", "broadcast_to", "transpose", "sum") else None


_KEEPS_FINITE = frozenset("abs negative maximum minimum where max min reshape transpose broadcast_to slice concatenate max_pool max_pool_grad".split())


def stays_finite(name, operands, params):
    """`finite` of a primitive's result. (The maximum of padding alone is -inf.)"""
    return name in _KEEPS_FINITE and all(x.finite for x in operands) and not any(map(any, params.get("padding", ())))


def sum_of_each(x):
    """The sums of a Tensor's rows (along its first axis) by BLAS, and the shape of that."""
    if x.are_images:
        return C.unpack_batch(C.times(x.images, constant(np.ones(x.images.shape + (1,)), x.carrier))), (x.shape[0], 1)
    row = x.shape[1:] if len(x.shape) > 1 else x.shape
    return C.times(x.expression, constant(np.ones(row + (1,)), x.carrier)), x.shape[: len(x.shape) - len(row)] + (1,)


def over(reduction, x, axes):
    """Reduce an expression over axes, which stay with the size 1. CNTK takes at most two runs of neighbouring axes at once."""
    runs = []
    for axis in sorted(int(axis) for axis in axes):
        if runs and runs[-1][-1] == axis - 1:
            runs[-1].append(axis)
        else:
            runs.append([axis])
    for i in range(0, len(runs), 2):
        x = reduction(x, axis=[axis for run in runs[i : i + 2] for axis in run])
    return x
