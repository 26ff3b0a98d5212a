"""CNTK in the worker: programs become CNTK functions. Plain Python 3.6."""

import ctypes
import itertools
import json
import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # that there is no GPU
    import cntk as C

import cntk_contraction  # noqa: F401 (it enters lowerings)
import numpy as np
from by_numpy import FUNCTIONS
from cntk import cntk_py
from cntk_elementwise import ELEMENTWISE, TABLE, zeroes
from cntk_structure import by_numpy
from cntk_support import BY_NUMPY, CARRIERS, NATIVE
from cntk_tensor import Images, Tensor, as_carrier, choose, like, lower_bound, shaped, stays_finite, sum_of_each
from cntk_threads import Load, Wait

CONTROL = ("cond", "scan")
# Primitive -> of its operands, those which had better be finite.
QUICKER_IF_FINITE = {
    "max_pool": lambda x: [x],
    "max": lambda x: [x],
    "min": lambda x: [x],
    "where": lambda condition, x1, x2: [x2] if zeroes(condition, x1, x2) else [],
}
WORTH_A_SUM = 1 << 12  # elements from which on a sum takes less time than it saves
assert set(TABLE) | set(CONTROL) == set(NATIVE), set(TABLE) ^ (set(NATIVE) - set(CONTROL))
assert set(FUNCTIONS) == set(BY_NUMPY)

CPU = C.cpu()
THREADS = C.cntk_py.get_max_num_cputhreads()
set_block_time = ctypes.CDLL("libiomp5.so").kmp_set_blocktime  # how many milliseconds OpenMP's threads wait awake


def hello():
    """What is here."""
    return {"version": C.__version__}


def build(graph, constants):
    """The program of a graph."""
    return Program(graph, constants)


class Input:
    """An input variable. All of a program must have one dtype, so some are not fed in their carriers.

    fill: puts an array into the buffer that is fed in its place; None if it is fed itself.
    """

    def __init__(self, shape, dtype, fed):
        carrier = CARRIERS[dtype]
        self.fed, self.shape, self.fill = fed, shape, None
        if carrier == fed:
            self.variable = expression = self._variable()
        elif fed == "float64":
            self.variable, self.fill = self._variable(), np.copyto
            expression = as_carrier(self.variable, carrier)
        else:  # int32, as two halves that float32 holds exactly
            self.shape, self.fill = (2,) + shape, _halves
            self.variable = self._variable()
            high, low = [as_carrier(shaped(C.slice(self.variable, [0], [i], [i + 1]), shape), carrier) for i in (0, 1)]
            expression = C.plus(C.element_times(high, like(2.0 ** 16, high)), low)
        self.tensor = Tensor(expression, shape, dtype)

    def _variable(self):
        return C.input_variable(self.shape, np.dtype(self.fed).type, dynamic_axes=[])


def _halves(buffer, array):
    np.floor(array / 2.0 ** 16, out=buffer[0, ...], casting="unsafe")
    buffer[1] = array - buffer[0] * 2.0 ** 16


class Walk:
    """Makes CNTK expressions of a graph, equal ones once: the backward pass of a scan computes each step again, which here costs nothing.

    load: of what it has made. assumes: whether it may take values for finite. sums: of those that it did, with their shapes; each is finite
    only if all that it sums are.
    """

    def __init__(self, assumes):
        self.found = {}
        self.load = Load()
        self.assumes, self.sums = assumes, []

    def once(self, key, operands, make):
        """What `make` gives, once for the same key and operands (which are kept, so that their identities stay theirs)."""
        key = (*key, *map(id, operands))
        if key not in self.found:
            self.found[key] = operands, make()
        return self.found[key][1]

    def outputs(self, graph, inputs, constants):
        """The Tensors of a graph's outputs."""
        values = list(inputs)
        values += [self.constant(array, tuple(shape), dtype) for (shape, dtype), array in zip(graph["constants"], constants)]
        for name, operands, params, specs in graph["nodes"]:
            values += self.node(name, [values[i] for i in operands], params, specs)
        return [values[i] for i in graph["outputs"]]

    def constant(self, array, shape, dtype):
        return self.once((dtype, shape, array.tobytes()), [], lambda: Tensor(None, shape, dtype, known=array))

    def node(self, name, operands, params, specs):
        """The results of one node."""
        if name in CONTROL:
            return getattr(self, name)(operands, specs, **params)
        return self.once((name, json.dumps([params, specs])), operands, lambda: self.lowered(name, operands, params, specs))

    def lowered(self, name, operands, params, specs):
        """The results of a node that is no control node, and is new."""
        self.load.add(name, [x.shape for x in operands] + [shape for shape, _ in specs], params)
        if self.assumes and name in QUICKER_IF_FINITE:
            for x in QUICKER_IF_FINITE[name](*operands):
                self.assume(x)
        return lowered(name, operands, params, specs)

    def assume(self, x):
        """Take a large value for finite."""
        if not x.finite and np.prod(x.shape, dtype=int) >= WORTH_A_SUM:
            self.sums.append(sum_of_each(x))
            x.finite = True

    def inline(self, function, operands):
        """The results of a control node's function."""
        graph = function["graph"]
        arrays = [np.array(value, CARRIERS[dtype]).reshape(shape) for value, (shape, dtype) in zip(function["values"], graph["constants"])]
        return self.outputs(graph, operands, arrays)

    def cond(self, operands, specs, true_fn, false_fn):
        """Both branches, and a choice between their results."""
        yes, no = self.inline(true_fn, operands[1:]), self.inline(false_fn, operands[1:])
        chosen = [choose(operands[0].expression, a.expression, b.expression) for a, b in zip(yes, no)]
        return [Tensor(shaped(x, shape), shape, dtype) for x, (shape, dtype) in zip(chosen, specs)]

    def element(self, x, t):
        """x[t]."""
        if x.parts is not None:
            return x.parts[t]
        row = lambda: shaped(C.slice(x.expression, [0], [t], [t + 1]), x.shape[1:])  # noqa: E731
        return self.once(("element", t), [x], lambda: Tensor(row(), x.shape[1:], x.dtype))

    def scan(self, operands, specs, body_fn, n_carry, n_xs, length, reverse):
        """The body once for each turn."""
        carry, xs, rest = operands[:n_carry], operands[n_carry : n_carry + n_xs], operands[n_carry + n_xs :]
        turns = []
        for t in reversed(range(length)) if reverse else range(length):
            results = self.inline(body_fn, carry + [self.element(x, t) for x in xs] + rest)
            carry = results[:n_carry]
            turns.append(results[n_carry:])
        turns = turns[::-1] if reverse else turns
        stacked = [Tensor(None, shape, dtype, parts=list(parts)) for parts, (shape, dtype) in zip(zip(*turns), specs[n_carry:])]
        return carry + stacked


def lowered(name, operands, params, specs):
    """The results of a node that is no control node."""
    (shape, dtype), = specs
    if name in FUNCTIONS:
        function = lambda *arrays: FUNCTIONS[name](*arrays, **params)  # noqa: E731
        return [Tensor(by_numpy(function, operands, tuple(shape), CARRIERS[dtype]), shape, dtype)]
    least, finite = lower_bound(name, operands), stays_finite(name, operands, params)
    if name in ELEMENTWISE and any(x.are_images and x.shape == tuple(shape) for x in operands):
        value = Images(TABLE[name](*[x.beside_images(tuple(shape)) for x in operands], **params))
    else:
        value = TABLE[name](*operands, **params)
    if isinstance(value, Images):
        return [Tensor(None, shape, dtype, images=value.expression, least=least, summed=value.summed, finite=finite)]
    if isinstance(value, np.ndarray):
        return [Tensor(None, shape, dtype, known=value)]
    swap = name == "transpose" and tuple(params["axes"]) == (1, 0)
    return [Tensor(shaped(value, shape), shape, dtype, swapped=operands[0] if swap else None, least=least, finite=finite)]


class Program:
    """A graph in a form that takes some of its values for finite, until they aren't; from then on, in one that doesn't."""

    def __init__(self, graph, constants):
        self.graph, self.constants = graph, constants
        self.form = Form(graph, constants, True)

    def bind(self, inputs, outputs):
        """The function over these arrays: CNTK reads and writes them where they lie."""
        bound = {}

        def run():
            if self.form not in bound:
                bound.clear()
                bound[self.form] = self.form.bind(inputs, outputs)
            if not bound[self.form]():
                self.form = Form(self.graph, self.constants, False)
                run()

        return run


class Form:
    """A CNTK function of static shapes, without a batch axis. assumes: whether it may take values for finite."""

    threads_now = None

    def __init__(self, graph, constants, assumes):
        wide = any(dtype == "float64" for _, dtype in graph["inputs"])
        inputs = [Input(tuple(shape), dtype, "float64" if wide else "float32") for shape, dtype in graph["inputs"]]
        walk = Walk(assumes)
        outputs = walk.outputs(graph, [x.tensor for x in inputs], constants)
        nodes = _apart([y.expression for y in outputs] + [y for y, _ in walk.sums])
        self.inputs = self._used(inputs, C.combine([y.output for y in nodes]))
        if not any(self.inputs):  # CNTK wants one
            self.inputs = [*self.inputs, _One()]
            nodes = [C.element_times(y, as_carrier(self.inputs[-1].variable, y.dtype)) for y in nodes]
        self.outputs = [y.output for y in nodes]
        self.sums = [(shape, y.dtype) for y, (_, shape) in zip(nodes[len(outputs) :], walk.sums)]
        self.function = C.combine(self.outputs)
        self.threads, self.wait = THREADS if walk.load.is_worth_threads() else 1, Wait(set_block_time)

    @staticmethod
    def _used(inputs, function):
        used = {x.uid for x in function.arguments}
        return [x if x.variable.uid in used else None for x in inputs]

    def bind(self, inputs, outputs):
        """The function over these arrays, which tells whether what it took for finite is."""
        values, fills = {}, []
        for x, array in itertools.zip_longest(self.inputs, inputs):
            if x is None:
                continue
            if x.fill is not None:
                buffer = np.zeros(x.shape, x.fed)
                fills.append((x.fill, buffer, array))
                array = buffer
            values[x.variable] = _value(array)
        sums = [np.zeros(shape, dtype) for shape, dtype in self.sums]
        results = {y: _value(array) for y, array in zip(self.outputs, outputs + sums)}
        forward, nothing = super(C.Function, self.function)._forward, set()

        def run():
            for fill, buffer, array in fills:
                fill(buffer, array)
            if Form.threads_now != self.threads:
                Form.threads_now = self.threads
                C.cntk_py.set_max_num_cputhreads(self.threads)
            with self.wait:
                forward(values, results, CPU, nothing, nothing)
            return all([np.isfinite(x).all() for x in sums])

        return run


def _apart(expressions):
    """A node of its own for each: CNTK takes no input or constant for an output, and no variable twice."""
    seen, nodes = set(), []
    for x in expressions:
        own = isinstance(x, C.Function) and len(x.outputs) == 1 and x.output.uid not in seen
        nodes.append(x if own else C.reshape(x, x.shape))
        seen.add(nodes[-1].output.uid)
    return nodes


class _One(Input):
    def __init__(self):
        super().__init__((), "float32", "float32")
        self.fill = lambda buffer, array: buffer.fill(1)


def _value(array):
    return cntk_py.Value(cntk_py.NDArrayView(array, CPU, False, True))
