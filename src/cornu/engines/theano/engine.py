"""The engine: one PyTensor function per program."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.compile.mode import Mode
from pytensor.graph.rewriting.db import RewriteDatabaseQuery

from cornu.contract.staged import StagedEngine
from cornu.engines.numpy import NumpyEngine
from cornu.engines.theano.lowering import HOSTED, LOWERING, write
from cornu.engines.theano.numba import OneStageLinker, teach_numba
from cornu.graph.graph import Graph
from cornu.primitives import dtypes as dt

# The graph is simple already. PyTensor's algebra would change results' last bits, and takes longer than all that stands here.
REWRITES = "minimum_compile", "merge", "fusion", "inplace"
MODES = {
    "numba": Mode(OneStageLinker(), RewriteDatabaseQuery(include=[*REWRITES, "numba"])),
    "c": Mode("cvm", RewriteDatabaseQuery(include=[*REWRITES, "cxx_only"])),
    "python": Mode("py", "merge"),
}


def _mode(name: str, graph: Graph) -> Mode:
    if name == "python" or all(node.primitive.family != "control" for node in graph.nodes):
        return MODES[name]
    # A scan as it was written reads and writes its sequences by detours. (Our softmax is stable already.)
    return MODES[name].including("canonicalize", "specialize", "scan").excluding("symbolic_op_recognition")


class TheanoEngine(StagedEngine, NumpyEngine):
    """Theano's successor PyTensor.

    `CORNU_THEANO_MODE` says how programs are compiled: "numba" (the default: the fastest steps), "c", or "python" (slow steps,
    but no compiler).
    """

    name = "theano"
    library = "pytensor"
    compiles_calls = True
    lowering = LOWERING
    dtypes = frozenset(dt.DTYPES) - {"bfloat16", "float16"}

    def support(self, name: str) -> str:
        return "custom" if name in HOSTED else super().support(name)

    def lower(self, graph: Graph, storages: Sequence[Any], written: Sequence[int]) -> Callable[..., Sequence[np.ndarray]]:
        arguments = [pt.TensorType(v.dtype, shape=v.shape)() for v in graph.inputs[len(storages) :]]
        outputs = write(graph, [*storages, *arguments])
        count = len(written)
        updates = [(storages[i], new) for i, new in zip(written, outputs)]
        mode = os.environ.get("CORNU_THEANO_MODE", "numba")
        if mode not in MODES:
            raise ValueError(f"The environment variable CORNU_THEANO_MODE is {mode!r}, expected one of: {', '.join(MODES)}.")
        if mode == "numba":
            teach_numba()
        # Fast math would turn x + (y - x) * c into other sums.
        with warnings.catch_warnings(), pytensor.config.change_flags(numba__fastmath=False):
            warnings.filterwarnings("ignore", "Numba will use object mode")  # as for some scalar Ops of its own
            function = pytensor.function(
                arguments, outputs[count:], updates=updates, mode=_mode(mode, graph), on_unused_input="ignore"
            )
        function.trust_input = True
        specs = [(v.shape, dt.numpy_dtype(v.dtype)) for v in graph.outputs[count:]]

        def run(*args: np.ndarray) -> list[np.ndarray]:
            results = function(*args)
            return [np.asarray(x, dtype).reshape(shape) for x, (shape, dtype) in zip(results, specs)]

        return run

    def upload(self, array: np.ndarray) -> Any:
        return pytensor.shared(np.array(array, order="C"), shape=array.shape, borrow=True)

    def download(self, storage: Any) -> np.ndarray:
        return np.array(storage.get_value(borrow=True))

    def update(self, storage: Any, array: np.ndarray) -> None:
        storage.set_value(np.array(array, order="C"), borrow=True)
