"""Base of engines that have no autodiff or compiler of their own: programs are recorded, differentiated here, then replayed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cornu import context
from cornu.contract import state
from cornu.contract.engine import Engine
from cornu.contract.tracer import Recording
from cornu.graph.graph import Graph
from cornu.graph.replay import replay
from cornu.primitives import dtypes as dt


class RecordedEngine(Engine):
    """Records a compiled function once into a graph of primitives, and replays it with the kernels as straight-line Python."""

    def replay(self, graph: Graph) -> Callable[..., list[Any]]:
        """A function of the graph's inputs that gives the list of its outputs."""
        return replay(graph, self.kernels, self.kernels.expressions, self.kernels.namespace, self.asarray)

    def record(self, fn: Callable[..., list[Any]], args: Sequence[Any]) -> Recording:
        """`fn` over cells and arguments like these as a graph."""
        return Recording(self, fn, [(tuple(np.shape(x)), self._dtype(x)) for x in args])

    def compile(self, fn: Callable[..., list[Any]], args: Sequence[Any]) -> Callable[..., list[Any]]:
        recording = self.record(fn, args)
        program = self.replay(recording.graph)
        cells, written, count = recording.cells, recording.written, len(recording.written)

        def run(*args: Any) -> list[Any]:
            results = program(*[cell.storage for cell in cells], *[x if self.is_tensor(x) else self.asarray(x) for x in args])
            for cell, value in zip(written, results, strict=False):
                cell.storage = value
            return results[count:]

        return run

    def _dtype(self, x: Any) -> str:
        return self.dtype_of(x) if self.is_tensor(x) else dt.name_of(x.dtype)

    def value_and_grad(
        self, fn: Callable[..., tuple[Any, list[Any]]], tensors: Sequence[Any]
    ) -> tuple[Any, list[Any], list[Any]]:
        def whole(*values: Any) -> list[Any]:
            loss, auxiliary, grads = context.current().value_and_grad(fn, values)
            return [loss, *auxiliary, *grads]

        recording = self.record(whole, tensors)
        results = self.replay(recording.graph)(*[state.read(cell) for cell in recording.cells], *tensors)
        count = len(tensors)
        return results[0], results[1 : len(results) - count], results[len(results) - count :]
