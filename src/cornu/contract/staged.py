"""Base of staged engines: libraries that only run whole graphs.

A staged engine is `class SomeEngine(StagedEngine, NumpyEngine)`: its tensors are NumPy arrays, eager calls and eager gradients
are NumPy's. A compiled function is recorded once per signature (`graph/graph.py` specifies the graph), differentiated by the
built-in autodiff, simplified, and lowered to the library. The engine gives:

- `lowering`: primitive -> how it is written in the library. What stands there is the engine's own affair; `Graph.evaluate` walks
  a graph and calls it. What the table lacks, the host computes (see below), so a table may grow over time.
- `dtypes`: those that the library's tensors have. Tensors of others stay on the host.
- `can(node)`: narrows that down where a node's parameters matter.
- `lower(graph, storages, written)`: the callable for a graph; see there.
- `upload`, `download`, `update`: a variable's storage on the library's side.
  Values stay there between steps and come back only when somebody reads them.

A program is cut into steps, by turns on the host and on the engine; nearly all have one step, on the engine. A node that the
engine can't do (`can`) is run by NumPy, between the steps that make its operands and those that use its results. Of what such a
node needs, the part that depends on arguments and on host variables alone runs on the host too: random bits on a library without
integers are computed from their stream before the call and fed in. A control node is one node: it runs on the host if its
functions hold a node that the engine can't do. `support(name)` says how a primitive is computed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from cornu.contract.recorded import RecordedEngine
from cornu.contract.state import Cell
from cornu.contract.tracer import Recording
from cornu.graph.graph import Graph, Node, Value
from cornu.primitives import dtypes as dt


class StagedEngine(RecordedEngine):
    """Lowers recorded programs to a library that runs whole graphs."""

    eager = False
    lowering: ClassVar[Mapping[str, Callable[..., Any]]]

    # What an engine gives

    def lower(self, graph: Graph, storages: Sequence[Any], written: Sequence[int]) -> Callable[..., Sequence[np.ndarray]]:
        """The graph as a function of arrays.

        Args:
            graph: its nodes are all such that `can` holds. Its first `len(storages)` inputs are the values in those storages, the
                others arguments. Its first `len(written)` outputs are new values of `storages[i] for i in written`, the
                others results. An output may be an input or a constant, and may stand several times.
            storages: what `upload` made. They are the same objects at every call (else `lower` is called again).
            written: no index stands twice.

        Returns:
            A function of the arguments (C-contiguous arrays of the recorded shapes and dtypes) that gives the results as arrays
            of the recorded shapes and dtypes, which later calls don't change, and puts the new values into the storages. All
            results and new values are computed from the old ones.
        """
        raise NotImplementedError

    def upload(self, array: np.ndarray) -> Any:
        """A new storage that holds a copy of the array; an object that keeps its identity when its value changes."""
        raise NotImplementedError

    def download(self, storage: Any) -> np.ndarray:
        """A copy of what the storage holds."""
        raise NotImplementedError

    def update(self, storage: Any, array: np.ndarray) -> None:
        """Put a copy of the array (of the same shape and dtype) into the storage."""
        raise NotImplementedError

    def can(self, node: Node) -> bool:
        """Whether the engine can do this node."""
        known = node.primitive.name in self.lowering and all(v.dtype in self.dtypes for v in (*node.operands, *node.results))
        graphs = [value for value in node.params.values() if isinstance(value, Graph)]
        return known and all(self.can(inner) for graph in graphs for inner in graph.nodes)

    # From here on nothing needs to be changed.

    def support(self, name: str) -> str:
        return "native" if name in self.lowering else "host"

    def create_storage(self, array: np.ndarray, trainable: bool) -> Any:
        return self.upload(array) if dt.name_of(array.dtype) in self.dtypes else np.array(array)

    def read(self, storage: Any) -> Any:
        return storage if isinstance(storage, np.ndarray) else self.download(storage)

    def assign(self, storage: Any, tensor: Any) -> Any:
        if isinstance(storage, np.ndarray):
            return np.array(tensor)
        self.update(storage, np.asarray(tensor, order="C"))
        return storage

    def compile(self, fn: Callable[..., list[Any]], args: Sequence[Any]) -> Callable[..., list[Any]]:
        return StagedProgram(self, self.record(fn, args))


class StagedProgram:
    """A recorded function as steps by turns on the host and on the engine."""

    def __init__(self, engine: StagedEngine, recording: Recording) -> None:
        self.engine = engine
        graph = recording.graph
        cells: dict[Cell, Value] = dict(zip(recording.cells, graph.inputs))
        self.arguments = graph.inputs[len(cells) :]
        new: dict[Cell, Value] = dict(zip(recording.written, graph.outputs))
        self.results = graph.outputs[len(new) :]
        for cell in new:
            cells.setdefault(cell, Value(graph, tuple(cell.shape), cell.storage_dtype))  # written, never read
        resident = {cell: value for cell, value in cells.items() if cell.storage_dtype in engine.dtypes}
        turns = _turns(graph, engine.can, set(graph.inputs).difference(resident.values()))
        groups: dict[int, list[Node]] = {}
        for node in graph.nodes:
            groups.setdefault(turns[node.results[0]], []).append(node)
        reads = {turn: {v for node in nodes for v in node.operands} for turn, nodes in groups.items()}
        last = max((turn for turn in groups if turn % 2), default=None)
        commits: dict[int, list[Cell]] = {}
        for cell in resident:
            if cell in new and last is not None:
                turn = turns[new[cell]] if turns[new[cell]] % 2 else last
                if not any(later > turn and later % 2 and cells[cell] in reads[later] for later in reads):
                    commits.setdefault(turn, []).append(cell)
        committed = {cell for row in commits.values() for cell in row}
        self.late = [(cell, value) for cell, value in new.items() if cell not in committed]
        kept = {*self.results, *[value for _, value in self.late]}
        self.steps: list[Any] = []
        for turn in sorted(groups):
            elsewhere = kept.union(*[values for other, values in reads.items() if other != turn])
            elsewhere |= {new[cell] for other, row in commits.items() if other != turn for cell in row}
            made = [v for node in groups[turn] for v in node.results if v in elsewhere]
            if turn % 2:
                self.steps.append(_EngineStep(engine, graph, groups[turn], made, resident, commits.get(turn, []), new))
            else:
                self.steps.append(_HostStep(engine, graph, groups[turn], made))
        on_host = kept.union(*[values for turn, values in reads.items() if turn % 2 == 0])
        fed = {v for step in self.steps if isinstance(step, _EngineStep) for v in step.inputs}
        self.fetched = [(cell, value) for cell, value in cells.items() if value in on_host or value in fed]
        self.constants = {v: array for v, array in graph.constants.items() if v in kept or v in fed}

    def __call__(self, *args: Any) -> list[Any]:
        env: dict[Value, Any] = {**self.constants, **dict(zip(self.arguments, args))}
        for cell, value in self.fetched:
            env[value] = self.engine.read(cell.storage)
        for step in self.steps:
            step(env)
        for cell, value in self.late:
            cell.storage = self.engine.assign(cell.storage, env[value])
        return [env[value] for value in self.results]


def _turns(graph: Graph, can: Callable[[Node], bool], free: set[Value]) -> dict[Value, int]:
    """When each value is computed: even turns are the host's, odd ones the engine's; inputs and constants are there at 0.

    free: inputs that are on the host anyway.
    """
    hosted = {node for node in graph.nodes if not can(node)}
    if hosted:
        free = free.union(graph.constants)
        for node in graph.nodes:
            if free.issuperset(node.operands):
                free.update(node.results)
        needed: set[Value] = set()
        for node in reversed(graph.nodes):
            if node in hosted or (not needed.isdisjoint(node.results) and free.issuperset(node.results)):
                hosted.add(node)
                needed.update(node.operands)
    turns = dict.fromkeys([*graph.inputs, *graph.constants], 0)
    for node in graph.nodes:
        turn = max((turns[v] for v in node.operands), default=0)
        turns.update(dict.fromkeys(node.results, turn + (turn % 2 != (node not in hosted))))
    return turns


def _part(graph: Graph, nodes: list[Node], inputs: Sequence[Value], outputs: Sequence[Value]) -> Graph:
    part = Graph()
    used = {*outputs, *[v for node in nodes for v in node.operands]}
    part.inputs, part.nodes, part.outputs = list(inputs), nodes, list(outputs)
    part.constants = {v: array for v, array in graph.constants.items() if v in used}
    return part


def _inputs_of(graph: Graph, nodes: list[Node], outputs: Sequence[Value]) -> list[Value]:
    """What the nodes and outputs take from outside, in order."""
    inside = {v for node in nodes for v in node.results}.union(graph.constants)
    return [v for v in dict.fromkeys([*[v for node in nodes for v in node.operands], *outputs]) if v not in inside]


class _HostStep:
    def __init__(self, engine: StagedEngine, graph: Graph, nodes: list[Node], outputs: list[Value]) -> None:
        self.inputs, self.outputs = _inputs_of(graph, nodes, outputs), outputs
        self.program = engine.replay(_part(graph, nodes, self.inputs, outputs))

    def __call__(self, env: dict[Value, Any]) -> None:
        env.update(zip(self.outputs, self.program(*[env[v] for v in self.inputs])))


class _EngineStep:
    def __init__(
        self, engine: StagedEngine, graph: Graph, nodes: list[Node], outputs: list[Value],
        resident: dict[Cell, Value], commits: list[Cell], new: dict[Cell, Value],
    ) -> None:  # fmt: skip
        updates = [new[cell] for cell in commits]
        used = _inputs_of(graph, nodes, [*updates, *outputs])
        self.engine, self.outputs = engine, outputs
        self.cells = [cell for cell, value in resident.items() if value in used or cell in commits]
        self.written = [self.cells.index(cell) for cell in commits]
        state = [resident[cell] for cell in self.cells]
        self.inputs = [v for v in used if v not in state]
        self.graph = _part(graph, nodes, [*state, *self.inputs], [*updates, *outputs])
        self.storages: list[Any] | None = None
        self.identities: list[int] = []

    def __call__(self, env: dict[Value, Any]) -> None:
        storages = [cell.storage for cell in self.cells]
        if self.storages is None or list(map(id, storages)) != self.identities:
            self.program = self.engine.lower(self.graph, storages, self.written)
            self.storages, self.identities = storages, list(map(id, storages))
        env.update(zip(self.outputs, self.program(*[np.asarray(env[v], order="C") for v in self.inputs])))
