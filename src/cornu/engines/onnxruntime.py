"""ONNX Runtime: a whole training step is one ONNX model; the state stays in OrtValues."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnxruntime as ort

from cornu.contract.staged import StagedEngine
from cornu.engines.numpy import NumpyEngine
from cornu.graph import onnx
from cornu.graph.graph import Graph, Node
from cornu.graph.onnx.writer import onnx_dtype
from cornu.primitives import dtypes as dt

# Fuses a transposition in a loop with a product there, and loses the value from outside that is transposed (seen in 1.32).
BROKEN = ["GemmTransposeFusion"]


LATEST = 26  # version of ONNX's operators that it runs


class Storage:
    """A tensor in two buffers: a step reads one and writes the other, then they change roles."""

    __slots__ = ("buffers", "now", "values")

    def __init__(self, array: np.ndarray) -> None:
        self.buffers = [np.array(array, order="C"), np.empty_like(array, order="C")]
        self.values = [ort_value(buffer) for buffer in self.buffers]
        self.now = 0


def ort_value(array: np.ndarray) -> Any:
    """The array as ONNX Runtime's tensor, without a copy."""
    if array.dtype.name == "bfloat16":
        return ort.OrtValue.ortvalue_from_numpy_with_onnx_type(array.view("uint16"), onnx_dtype("bfloat16"))
    return ort.OrtValue.ortvalue_from_numpy(array)


class OnnxRuntimeEngine(StagedEngine, NumpyEngine):
    """ONNX Runtime: programs are models run by a session with bound buffers; eager calls are NumPy's."""

    name = "onnxruntime"
    library = "onnxruntime"
    lowering = onnx.LOWERING
    dtypes = onnx.DTYPES

    def can(self, node: Node) -> bool:
        return onnx.can_write(node)

    def upload(self, array: np.ndarray) -> Storage:
        return Storage(array)

    def download(self, storage: Storage) -> np.ndarray:
        return np.array(storage.buffers[storage.now])

    def update(self, storage: Storage, array: np.ndarray) -> None:
        storage.buffers[storage.now][...] = array

    def lower(self, graph: Graph, storages: Sequence[Storage], written: Sequence[int]) -> Callable[..., Sequence[np.ndarray]]:
        return _Session(graph, list(storages), [storages[i] for i in written])


def _adds_rows(graph: Graph) -> bool:
    """Whether it scatters with a reduction: threads of ONNX Runtime's ScatterND lose additions to one row (seen in 1.32)."""
    own = any(node.primitive.name == "scatter" and node.params["mode"] != "update" for node in graph.nodes)
    return own or any(map(_adds_rows, graph.subgraphs()))


class _Session:
    """A model and its session. All it reads and writes lies in buffers that are bound once for each constellation of the state's."""

    def __init__(self, graph: Graph, storages: list[Storage], written: list[Storage]) -> None:
        options = ort.SessionOptions()
        options.log_severity_level = 3
        # Threads that wait in a loop take the processor from all others: steps took 1.3 to 2.5 times as long beside other work.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if _adds_rows(graph):
            options.intra_op_num_threads = 1
        model = onnx.model(graph, newest=LATEST)
        self.session = ort.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"], disabled_optimizers=BROKEN
        )
        self.storages, self.written = storages, written
        self.arguments, self.results = [
            [np.empty(v.shape, dt.numpy_dtype(v.dtype)) for v in values]
            for values in (graph.inputs[len(storages) :], graph.outputs[len(written) :])
        ]
        self.bindings: dict[tuple[int, ...], Any] = {}

    def _bind(self) -> Any:
        binding = self.session.io_binding()
        old, new = [s.values[s.now] for s in self.storages], [s.values[1 - s.now] for s in self.written]
        for i, value in enumerate([*old, *map(ort_value, self.arguments)]):
            binding.bind_ortvalue_input(f"i{i}", value)
        for i, value in enumerate([*new, *map(ort_value, self.results)]):
            binding.bind_ortvalue_output(f"o{i}", value)
        return binding

    def __call__(self, *args: np.ndarray) -> list[np.ndarray]:
        key = tuple([storage.now for storage in self.storages])
        binding = self.bindings.get(key)
        if binding is None:
            binding = self.bindings[key] = self._bind()
        for buffer, array in zip(self.arguments, args):
            buffer[...] = array
        self.session.run_with_iobinding(binding)
        for storage in self.written:
            storage.now = 1 - storage.now
        return [buffer.copy() for buffer in self.results]
