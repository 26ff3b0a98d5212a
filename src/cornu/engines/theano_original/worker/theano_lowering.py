"""Theano 1.0.5 in the worker: programs become Theano functions. Plain Python 3.6.

A Theano variable doesn't know its shape, so each one here carries the shape that Cornu gives it in `tag.size`.
"""

import numpy as np
import theano
import theano.tensor as T
from by_numpy import FUNCTIONS
from theano.ifelse import ifelse
from theano_elementwise import TABLE, settled
from theano_support import BY_NUMPY, NATIVE
from theano_windows import TABLE as WINDOWS

TABLE.update(WINDOWS)
CONTROL = ("cond", "scan")
assert set(TABLE) | set(CONTROL) == set(NATIVE), set(TABLE) ^ (set(NATIVE) - set(CONTROL))

MODE = theano.Mode("cvm", "fast_run") if theano.config.cxx else theano.Mode("vm", "merge")


def hello():
    """What is here."""
    return {"version": theano.__version__, "compiles": bool(theano.config.cxx)}


def build(graph, constants):
    """The program of a graph."""
    inputs = [settled(T.TensorType(dtype, [n == 1 for n in shape])(), shape, dtype) for shape, dtype in graph["inputs"]]
    outputs = walk(graph, inputs, [np.array(x, dtype) for x, (_, dtype) in zip(constants, graph["constants"])])
    given = [theano.In(x, borrow=True) for x in inputs]
    function = theano.function(given, [theano.Out(y, borrow=True) for y in outputs], mode=MODE, on_unused_input="ignore")
    function.trust_input = True
    return Program(function)


class Program:
    """A Theano function over arrays that lie where they lie."""

    def __init__(self, function):
        self.function = function

    def bind(self, inputs, outputs):
        function = self.function

        def run():
            for place, value in zip(outputs, function(*inputs)):
                place[...] = value

        return run


def walk(graph, operands, constants):
    """The graph's outputs as Theano variables."""
    values = list(operands)
    values += [settled(T.constant(array), shape, dtype) for (shape, dtype), array in zip(graph["constants"], constants)]
    for name, numbers, params, specs in graph["nodes"]:
        values += node(name, [values[i] for i in numbers], params, specs)
    return [values[i] for i in graph["outputs"]]


def inline(function, operands):
    """The results of a control node's function."""
    graph = function["graph"]
    constants = [np.array(value, dtype).reshape(shape) for value, (shape, dtype) in zip(function["values"], graph["constants"])]
    return walk(graph, operands, constants)


def node(name, operands, params, specs):
    """The results of one node."""
    if name in CONTROL:
        results = {"cond": cond, "scan": scan}[name](*operands, **params)
    elif name in BY_NUMPY:
        results = [ByNumpy(name, params, *specs[0])(*operands)]
    else:
        results = [TABLE[name](*operands, **params)]
    return [settled(x, shape, dtype) for x, (shape, dtype) in zip(results, specs)]


def cond(pred, *operands, true_fn, false_fn):
    results = ifelse(pred, inline(true_fn, operands), inline(false_fn, operands))
    return results if isinstance(results, (list, tuple)) else [results]


def scan(*operands, body_fn, n_carry, n_xs, length, reverse):
    carry, sequences, rest = operands[:n_carry], operands[n_carry : n_carry + n_xs], operands[n_carry + n_xs :]
    count = len(body_fn["graph"]["outputs"])
    specs = body_fn["graph"]["inputs"]

    def step(*given):
        given = [*given[n_xs : n_xs + n_carry], *given[:n_xs], *given[n_xs + n_carry :]]
        return inline(body_fn, [settled(x, shape, dtype) for x, (shape, dtype) in zip(given, specs)])

    outputs, _ = theano.scan(
        step, sequences=[x[::-1] if reverse else x for x in sequences], outputs_info=[*carry, *[None] * (count - n_carry)],
        non_sequences=list(rest), n_steps=length, strict=True, return_list=True,
    )  # fmt: skip
    return [*[y[-1] for y in outputs[:n_carry]], *[y[::-1] if reverse else y for y in outputs[n_carry:]]]


class ByNumpy(theano.Op):
    """A primitive computed by NumPy."""

    def __init__(self, name, params, shape, dtype):
        self.name, self.params, self.size, self.dtype = name, params, tuple(shape), dtype

    def make_node(self, *operands):
        return theano.Apply(self, list(operands), [T.TensorType(self.dtype, [n == 1 for n in self.size])()])

    def perform(self, node, inputs, outputs):
        with np.errstate(all="ignore"):
            outputs[0][0] = np.asarray(FUNCTIONS[self.name](*inputs, **self.params), self.dtype).reshape(self.size)
