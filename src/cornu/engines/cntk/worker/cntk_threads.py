"""How many threads compute a program, and how they wait for each other. Plain Python 3.6."""

import time

import numpy as np

WORTH_THREADS = 1.5e4  # multiplications for each time that a program starts threads, on average
BY_ROWS = frozenset(["transpose", "slice", "pad", "concatenate", "broadcast_to", "flip"])  # these start them for each row
AWAKE = 1  # milliseconds


class Load:
    """What a program has to do: multiplications in products and convolutions, and how often CNTK starts and awaits threads, about."""

    def __init__(self):
        self.multiplications = self.starts = 0

    def add(self, name, shapes, params):
        """One primitive more. shapes: of its operands and of its result."""
        self.multiplications += _multiplications(name, shapes)
        self.starts += _starts(name, shapes, params)

    def is_worth_threads(self):
        """Whether several threads gain more than their starts cost."""
        return self.multiplications > WORTH_THREADS * self.starts


def _multiplications(name, shapes):
    if name == "matmul":
        return _size(shapes[0]) * shapes[1][-1]
    if name in ("conv", "conv_grad_input", "conv_grad_kernel"):  # a window for each element of the images that have the filters as channels
        images, kernel = {"conv": (2, 1), "conv_grad_input": (0, 1), "conv_grad_kernel": (1, 2)}[name]
        return _size(shapes[images]) * _size(shapes[kernel][:-1])
    return 0


def _starts(name, shapes, params):
    if name in BY_ROWS or (name.startswith("conv") and any(map(any, params["padding"]))):
        return max(_size(shape[:-1]) for shape in shapes)
    return _size(shapes[0][:-2]) if name == "matmul" else 1


def _size(shape):
    return int(np.prod(shape, dtype=int))


class Wait:
    """A context in which threads wait for each other awake, unless that took much longer than asleep: then not for the next `REST` times.

    Awake they save a tenth where nothing else runs. Beside other processes, from which they take the cores, a program may take ten times as long.

    set_milliseconds: called with how long threads wait awake.
    """

    REST, LONGER = 100, 1.5

    def __init__(self, set_milliseconds):
        self.set_milliseconds, self.rest, self.asleep = set_milliseconds, 3, 0.0  # the first run makes ready

    def __enter__(self):
        self.set_milliseconds(0 if self.rest else AWAKE)
        self.start = time.perf_counter()

    def __exit__(self, *error):
        took = time.perf_counter() - self.start
        if self.rest:
            self.rest, self.asleep = self.rest - 1, took
        elif took > self.LONGER * self.asleep:
            self.rest = self.REST


__all__ = ["Load", "Wait"]
