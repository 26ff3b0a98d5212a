"""Base of staged engines whose library runs in a worker process.

Variables lie in shared memory, two places each: a program reads the one and writes its new value into the other, and only when all went
well do they change roles. So values are there for both sides without a copy, and a worker that dies in the middle of a step leaves the
variables as they were before it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from cornu.contract.staged import StagedEngine
from cornu.engines.numpy import NumpyEngine
from cornu.engines.remote.memory import Block, Memory
from cornu.engines.remote.process import Host, Worker
from cornu.engines.remote.tail import Tail, tail
from cornu.engines.remote.worker import wire
from cornu.graph.graph import Graph, Node, Value
from cornu.primitives import dtypes as dt


def _in_worker(*operands: Any, **params: Any) -> Any:
    raise NotImplementedError("the library's nodes are made in its worker")


class RemoteEngine(StagedEngine, NumpyEngine):
    """Lowers recorded programs in a worker.

    carriers: dtype -> dtype in which the library holds such tensors, exactly.
    kinds: dtype -> a letter for its kind. native, by_numpy: primitive -> kinds for which the library computes it, or NumPy in the worker.
    """

    carriers: ClassVar[dict[str, str]]
    kinds: ClassVar[dict[str, str]]
    native: ClassVar[dict[str, str]]
    by_numpy: ClassVar[dict[str, str]] = {}

    def __init_subclass__(cls) -> None:
        cls.dtypes = frozenset(cls.carriers)
        cls.lowering = dict.fromkeys([*cls.native, *cls.by_numpy], _in_worker)

    def __init__(self) -> None:
        super().__init__()
        self.worker = Worker(self.worker_host)

    def worker_host(self) -> Host:
        """What runs the worker.

        Raises:
            ImportError: if it is not installed.
        """
        raise NotImplementedError

    def version(self) -> str:
        self.worker.ready()
        return self.worker.about["version"]

    def support(self, name: str) -> str:
        return "native" if name in self.native else "custom" if name in self.by_numpy else "host"

    def can(self, node: Node) -> bool:
        return super().can(node) and self._fits(node) and all(0 not in v.shape for v in (*node.operands, *node.results))

    def _fits(self, node: Node) -> bool:
        """Whether the primitive is there for the dtype that it works on: that of the first operand, of `where` and `cond` the second."""
        name = node.primitive.name
        deciding = node.operands[1:2] if name in ("where", "cond") else node.operands[:1] or node.results[:1]
        kinds = self.native.get(name) or self.by_numpy[name]
        return all(self.kinds[v.dtype] in kinds for v in deciding)

    def lower(self, graph: Graph, storages: Sequence[Any], written: Sequence[int]) -> Callable[..., Sequence[np.ndarray]]:
        return RemoteProgram(self, graph, storages, written)

    def upload(self, array: np.ndarray) -> Any:
        dtype = dt.name_of(array.dtype)
        storage = Storage(self.worker.memory, array.shape, dtype, self.carriers[dtype])
        storage.view[...] = array
        return storage

    def download(self, storage: Any) -> np.ndarray:
        return np.array(storage.view, dt.numpy_dtype(storage.dtype))

    def update(self, storage: Any, array: np.ndarray) -> None:
        storage.view[...] = array


class Storage:
    """A variable's two places in shared memory: a block and its array each.

    now: where its value is. spare: where programs write the next value; they exchange the two when all went well.
    """

    def __init__(self, memory: Memory, shape: tuple[int, ...], dtype: str, carrier: str) -> None:
        self.memory, self.shape, self.dtype, self.carrier = memory, shape, dtype, carrier
        self.now = self.spare = _place(memory, shape, carrier)

    @property
    def view(self) -> np.ndarray:
        """Its present value, in shared memory."""
        return self.now[1]

    def make_room(self) -> None:
        """Have a second place, before a program writes it. (Variables that none writes don't need one.)"""
        if self.spare is self.now:
            self.spare = _place(self.memory, self.shape, self.carrier)


def _place(memory: Memory, shape: tuple[int, ...], carrier: str) -> tuple[Block, np.ndarray]:
    block = memory.block(int(np.prod(shape, dtype=int)) * np.dtype(carrier).itemsize)
    return block, block.view(shape, carrier)


class RemoteProgram:
    """A graph in the worker but for its tail, and the memory for what goes to and fro."""

    def __init__(self, engine: RemoteEngine, graph: Graph, storages: Sequence[Storage], written: Sequence[int]) -> None:
        self.worker, self.carriers = engine.worker, engine.carriers
        self.number = self.worker.program(self)
        self.generation = 0
        self.graph, self.storages = graph, list(storages)
        self.written = [self.storages[i] for i in written]
        for storage in self.written:
            storage.make_room()
        nodes = tail(graph, len(written))
        self.tail = Tail(engine.replay, graph, nodes)
        self.head = _without(graph, nodes, self.tail.inputs)
        new, self.results = graph.outputs[: len(written)], graph.outputs[len(written) :]
        self.homes = dict(reversed(list(zip(new, self.written))))  # where new values are written first; other results get places of their own
        large = {v for part in self.tail.parts if part.size for v in part.outputs}
        self.copied = [
            (storage, v) for storage, v in zip(self.written, new) if not (v in large or v in self.head.outputs) or self.homes[v] is not storage
        ]
        self.arguments = [self._own(v) for v in graph.inputs[len(self.storages) :]]
        self.places = {v: self._own(v) for v in self.head.outputs if v not in self.homes}

    def _own(self, value: Value) -> tuple[Block, np.ndarray]:
        return _place(self.worker.memory, value.shape, self.carriers[value.dtype])

    def __call__(self, *args: np.ndarray) -> list[np.ndarray]:
        with self.worker.lock:
            if self.worker.ready() != self.generation:
                self._build()
            for (_, view), array in zip(self.arguments, args):
                view[...] = array
            inputs = [storage.now for storage in self.storages] + self.arguments
            outputs = [self.homes[v].spare if v in self.homes else self.places[v] for v in self.head.outputs]
            if outputs:
                self.worker.run(wire.run_body([self.number, *[block.address for block, _ in inputs + outputs]]))
            found: dict[Value, np.ndarray] = dict(self.graph.constants)
            found.update(zip(self.graph.inputs + self.head.outputs, [view for _, view in inputs + outputs]))
            found.update([(v, found[v].astype(v.dtype)) for v in self.tail.inputs if self.carriers[v.dtype] != v.dtype])
            self.tail(found, {v: storage.spare[1] for v, storage in self.homes.items()})
            for storage, value in self.copied:
                storage.spare[1][...] = found[value]
            results = [np.array(found[v], dt.numpy_dtype(v.dtype)) for v in self.results]
            for storage in self.written:
                storage.now, storage.spare = storage.spare, storage.now
            return results

    def _build(self) -> None:
        constants = list(self.head.constants.items())
        places = [self._own(v) for v, _ in constants]
        for (_, view), (_, array) in zip(places, constants):
            view[...] = array
        self.worker.ask(
            "compiling a program",
            do="build",
            program=self.number,
            graph=plain(self.head),
            constants=[[*self._spec(v), block.address] for (v, _), (block, _) in zip(constants, places)],
            inputs=[self._spec(v) for v in self.head.inputs],
            outputs=[self._spec(v) for v in self.head.outputs],
        )
        self.generation = self.worker.generation

    def _spec(self, value: Value) -> list[Any]:
        return [list(value.shape), self.carriers[value.dtype]]


def _without(graph: Graph, nodes: Sequence[Node], needed: Sequence[Value]) -> Graph:
    """The graph without these nodes at its end; its outputs, once each, are what others gave for the outputs or `needed`."""
    head, gone = Graph(), set(nodes)
    head.inputs = graph.inputs
    head.nodes = [node for node in graph.nodes if node not in gone]
    made = {v for node in head.nodes for v in node.results}
    head.outputs = [v for v in dict.fromkeys([*graph.outputs, *needed]) if v in made]
    used = {v for node in head.nodes for v in node.operands}
    head.constants = {v: array for v, array in graph.constants.items() if v in used}
    return head


def plain(graph: Graph) -> dict[str, Any]:
    """The graph as JSON has it. Values are numbered: inputs, constants, then results of the nodes in order.

    `{"inputs": [[shape, dtype]...], "constants": [[shape, dtype]...], "nodes": [[primitive, operands, parameters, [[shape, dtype]...]]...],
    "outputs": [numbers]}`. The functions of control nodes stand among the parameters as `{"graph": ..., "values": ...}`, their
    constants with their values in nested lists.
    """
    values = [*graph.inputs, *graph.constants, *[v for node in graph.nodes for v in node.results]]
    numbers = {value: number for number, value in enumerate(values)}
    spec = lambda v: [list(v.shape), v.dtype]  # noqa: E731
    return {
        "inputs": [spec(v) for v in graph.inputs],
        "constants": [spec(v) for v in graph.constants],
        "nodes": [
            [
                node.primitive.name,
                [numbers[v] for v in node.operands],
                {key: _parameter(value) for key, value in node.params.items()},
                [spec(v) for v in node.results],
            ]
            for node in graph.nodes
        ],
        "outputs": [numbers[v] for v in graph.outputs],
    }


def _parameter(value: Any) -> Any:
    if isinstance(value, Graph):
        return {"graph": plain(value), "values": [array.tolist() for array in value.constants.values()]}
    return value


__all__ = ["RemoteEngine"]
