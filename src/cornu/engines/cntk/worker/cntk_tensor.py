"""What the lowering passes about: CNTK expressions with the shape and dtype that Cornu gives them. Plain Python 3.6."""

import cntk as C
import numpy as np
from cntk_support import CARRIERS


class Tensor:
    """A value of the program.

    expression: CNTK's. shape, dtype: as in Cornu; the expression has that shape, and the dtype's carrier.
    known: its value where it does not depend on the inputs. swapped: the Tensor whose last two axes it has exchanged.
    least: 0 where no element is below it, 1 where all are above 0 (NaN aside), None where nothing is known. parts: the Tensors
    along the first axis, where it was made of such.
    """

    def __init__(self, expression, shape, dtype, known=None, swapped=None, least=None, parts=None):
        self.shape, self.dtype, self.known, self.swapped = tuple(shape), dtype, known, swapped
        self._expression, self.least, self.parts = expression, least, parts
        if known is not None and np.all(known >= 0):
            self.least = int(np.all(known > 0))

    @property
    def expression(self):
        if self._expression is None:
            self._expression = constant(self.known, self.carrier) if self.parts is None else self._stacked()
        return self._expression

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
