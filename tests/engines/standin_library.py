"""A library for the worker (test_worker.py) that needs no Python of its own: a few primitives by NumPy, some that misbehave."""

import os
import signal
import sys
import time

import numpy as np


def _die(x):
    sys.stderr.write("these are my last words\n")
    sys.stderr.flush()
    os.kill(os.getpid(), signal.SIGKILL)


def _hang(x):
    time.sleep(1000)


def _fail(x):
    raise ValueError("no logarithms today")


TABLE = {
    "add": np.add,
    "multiply": np.multiply,
    "exp": np.exp,
    "sin": _die,
    "cos": _hang,
    "log": _fail,
    "argmax": lambda x, axis: np.argmax(x, axis),
}


def hello():
    if os.environ.get("STANDIN") == "dies":
        sys.exit("I never start")
    return {"version": "1"}


def build(graph, constants):
    if any(name == "tan" for name, _, _, _ in graph["nodes"]):
        _die(None)
    return Program(graph, constants)


class Program:
    def __init__(self, graph, constants):
        self.graph, self.constants = graph, constants

    def bind(self, inputs, outputs):
        def run():
            values = [*[np.array(x) for x in inputs], *self.constants]
            for name, operands, params, _ in self.graph["nodes"]:
                values.append(TABLE[name](*[values[i] for i in operands], **params))
            for place, number in zip(outputs, self.graph["outputs"]):
                place[...] = values[number]

        return run
