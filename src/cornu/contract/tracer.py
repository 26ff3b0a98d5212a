"""The recording engine: runs op bodies on values without numbers and notes the primitives.

It is the abstract engine too: shapes and dtypes of an op's result are those of the recorded value.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cornu import context
from cornu.contract.engine import Engine, Kernel, default_dtype
from cornu.contract.state import Cell, StateScope
from cornu.graph.gradient import gradients
from cornu.graph.graph import Graph, Node, Value
from cornu.graph.simplify import simplify
from cornu.primitives import dtypes as dt
from cornu.primitives.primitive import Primitive, lookup

CONTROL = ("cond", "while_loop", "scan", "with_gradient")


class Tracer(Engine):
    """Stands in for `host` while a function is recorded; its tensors are `Value`s, and NumPy arrays are constants."""

    eager = False

    def __init__(self, host: Engine, outer: Tracer | None = None) -> None:
        self._host = host
        self.outer = outer
        self.graph = Graph()
        self.captured: dict[Value, Value] = {}
        self.plans = {}
        self.overrides, self.ready = {}, set()
        self._constants: dict[Any, tuple[Value, Any]] = {}

    @property
    def host(self) -> Engine:
        return self._host

    @property
    def name(self) -> str:  # type: ignore[override]
        """The host's: code that asks should not see a difference."""
        return self.host.name

    @property
    def library(self) -> str:  # type: ignore[override]
        """The host's."""
        return self.host.library

    def kernel(self, primitive: Primitive) -> Kernel:
        """Record instead of computing."""
        if primitive.name in CONTROL:
            return functools.partial(self._bind_control, primitive)
        return functools.partial(self._bind, primitive)

    def input(self, shape: Sequence[int], dtype: str) -> Value:
        """A new input of the program."""
        value = Value(self.graph, tuple(shape), dtype)
        self.graph.inputs.append(value)
        return value

    def is_tensor(self, x: Any) -> bool:
        return isinstance(x, Value)

    def dtype_of(self, x: Any) -> str:
        return x.dtype if isinstance(x, Value) else dt.name_of(x.dtype)

    def asarray(self, x: Any, dtype: str | None = None) -> Any:
        if isinstance(x, Value):
            return x if dtype in (None, x.dtype) else self._bind(lookup("cast"), x, dtype=dtype)
        if self.host.is_tensor(x) and not isinstance(x, np.ndarray):
            x = self.host.to_numpy(x)
        return np.asarray(x).astype(dt.numpy_dtype(dtype or default_dtype(x)), copy=False)

    def to_numpy(self, x: Any) -> np.ndarray:
        return np.asarray(x)  # raises for a Value, with its reason

    def describe(self, x: Any, where: str) -> str:
        if self.host.is_tensor(x):
            return self.host.dtype_of(x)
        if isinstance(x, Cell) and x.engine.name == self.name:
            return x.dtype
        return super().describe(x, where)

    def lift(self, x: Any) -> Value:
        """`x` as a value of this graph: a constant if it has numbers, an extra input if it comes from an outer graph."""
        if isinstance(x, Value):
            if x.graph is self.graph:
                return x
            if x not in self.captured:
                self.captured[x] = Value(self.graph, x.shape, x.dtype)
            return self.captured[x]
        array = self.asarray(x)
        key = id(x) if array.ndim else (array.dtype, array.tobytes())
        if key not in self._constants:
            value = Value(self.graph, array.shape, dt.name_of(array.dtype))
            self.graph.constants[value] = array
            self._constants[key] = value, x  # while x is kept, no other object has its id
        return self._constants[key][0]

    def close(self, outputs: Sequence[Any]) -> list[Value]:
        """End the recording with these outputs; returns the values of outer graphs that became further inputs."""
        self.graph.outputs = [self.lift(x) for x in outputs]
        self.graph.inputs.extend(self.captured.values())
        return list(self.captured)

    def _bind(self, primitive: Primitive, *operands: Any, **params: Any) -> Any:
        if operands and not any(isinstance(x, Value) for x in operands):
            return primitive.reference(*operands, **params)  # numbers only: nothing to record
        return self._record(primitive, [self.lift(x) for x in operands], params)

    def _record(self, primitive: Primitive, operands: list[Value], params: dict[str, Any]) -> Any:
        params = {**primitive.params, **params}
        found = primitive.shape(*[v.shape for v in operands], **params)
        shapes = found if isinstance(found, list) else [found]
        dtypes = primitive.result_dtypes([v.dtype for v in operands], params)
        results = [Value(self.graph, tuple(shape), dtype) for shape, dtype in zip(shapes, dtypes, strict=True)]
        self.graph.nodes.append(Node(primitive, operands, params, results))
        return results if isinstance(found, list) else results[0]

    def _bind_control(self, primitive: Primitive, *operands: Any, **params: Any) -> list[Any]:
        """Record the functions as graphs over the operands they will get; what they capture becomes further operands."""
        own = [self.lift(x) for x in operands]
        if primitive.name == "scan":
            n_carry, n_xs = params["n_carry"], params["n_xs"]
            seen = [(v.shape[1:] if n_carry <= i < n_carry + n_xs else v.shape, v.dtype) for i, v in enumerate(own)]
        else:
            given = own[1:] if primitive.name == "cond" else own
            if primitive.name == "with_gradient":  # cotangents are like the results; the inputs it doesn't get
                given = own[: params["n_results"]] + own[params["n_results"] + params["n_inputs"] :]
            seen = [(v.shape, v.dtype) for v in given]
        tracers = {name: self.subtrace(fn, seen) for name, fn in params.items() if callable(fn)}
        captured = list(dict.fromkeys(v for tracer, _ in tracers.values() for v in tracer.captured))
        for name, (tracer, outputs) in tracers.items():
            for value in captured:  # all functions of a node take the same operands
                tracer.lift(value)
            tracer.captured = {value: tracer.captured[value] for value in captured}
            tracer.close(outputs)
            params[name] = tracer.graph.prune()
        return self._record(primitive, [*own, *[self.lift(v) for v in captured]], params)

    def subtrace(self, fn: Callable[..., Any], specs: Sequence[tuple[Any, str]]) -> tuple[Tracer, list[Any]]:
        """Record `fn` in a graph of its own (not closed yet)."""
        tracer = self._nested()
        inputs = [tracer.input(shape, dtype) for shape, dtype in specs]
        with context.use(tracer):
            return tracer, [tracer.lift(x) for x in fn(*inputs)]  # an outer value among the outputs is captured too

    def _nested(self) -> Tracer:
        """The recorder of a function inside of this one's."""
        return Tracer(self.host, self)

    def _fresh(self, x: Any) -> Value:
        """The same tensor as a value of its own."""
        own = self.lift(x)
        return self._record(lookup("reshape"), [own], {"shape": own.shape})

    def value_and_grad(
        self, fn: Callable[..., tuple[Any, list[Any]]], tensors: Sequence[Any]
    ) -> tuple[Any, list[Any], list[Any]]:
        # Values of their own, so that the gradient is with respect to these uses alone.
        inputs = [self._fresh(x) for x in tensors]
        start = len(self.graph.nodes)
        loss, auxiliary = fn(*inputs)
        grads = gradients(self.graph.nodes[start:], [self.lift(loss)], None, inputs)
        return loss, auxiliary, grads


class Capturing(Tracer):
    """Takes the host's tensors as further inputs, not for constants: gradients flow to them, and they may be traced."""

    def __init__(self, host: Engine, outer: Tracer | None = None) -> None:
        super().__init__(host, outer)
        self.given: dict[int, tuple[Value, Any]] = {}  # by identity: not all tensors can be keys

    def asarray(self, x: Any, dtype: str | None = None) -> Any:
        return super().asarray(self.lift(x) if self._is_foreign(x) else x, dtype)

    def lift(self, x: Any) -> Value:
        if not self._is_foreign(x):
            return super().lift(x)
        if isinstance(self.outer, Capturing):
            return super().lift(self.outer.lift(x))
        if id(x) not in self.given:
            shape: tuple[Any, ...] = self.host.shape_of(x)
            if None in shape:
                raise ValueError(f"a tensor of the unknown shape {shape} can't be recorded")
            self.given[id(x)] = Value(self.graph, shape, self.host.dtype_of(x)), x
        return self.given[id(x)][0]

    def _nested(self) -> Tracer:
        return Capturing(self.host, self)

    def _is_foreign(self, x: Any) -> bool:
        return not isinstance(x, (Value, np.ndarray, np.generic)) and self.host.is_tensor(x)


def capture(fn: Callable[..., list[Any]], specs: Sequence[tuple[Any, str]]) -> tuple[Graph, list[Any]]:
    """`fn`, of tensors of these shapes and dtypes, as a graph for the engine in charge; and what its further inputs stand for.

    Raises:
        ValueError: for an unknown shape.
    """
    engine = context.current()
    if any(None in shape for shape, _ in specs):
        raise ValueError(f"tensors of the unknown shapes {[shape for shape, _ in specs]} can't be recorded")
    tracer = Capturing(engine.host, engine if isinstance(engine, Tracer) else None)
    inputs = [tracer.input(shape, dtype) for shape, dtype in specs]
    with context.use(tracer):
        outputs = [tracer.lift(x) for x in fn(*inputs)]
    captured = tracer.close(outputs)
    tracer.graph.inputs.extend(value for value, _ in tracer.given.values())
    return tracer.graph.prune(), [*captured, *[x for _, x in tracer.given.values()]]


class Recording:
    """A function over cells and tensors as a closed graph: the inputs are the values of `cells`, then the arguments.

    The outputs are the new values of `written`, then the results.
    """

    def __init__(self, host: Engine, fn: Callable[..., list[Any]], specs: Sequence[tuple[Any, str]]) -> None:
        tracer = Tracer(host)
        arguments = [Value(tracer.graph, tuple(shape), dtype) for shape, dtype in specs]
        scope = _Loading(tracer)
        with context.use(tracer), scope:
            results = list(fn(*arguments))
        self.cells = list(scope.loaded)
        self.written = list(scope.written)
        tracer.graph.inputs = [*scope.loaded.values(), *arguments]
        tracer.close([*[scope.values[cell] for cell in self.written], *results])
        self.graph = simplify(tracer.graph)


class _Loading(StateScope):
    """Turns the first read of each cell into an input of the program."""

    def __init__(self, tracer: Tracer) -> None:
        super().__init__()
        self.tracer = tracer
        self.loaded: dict[Cell, Value] = {}

    def load(self, cell: Cell) -> Value:
        self.loaded[cell] = Value(self.tracer.graph, tuple(cell.shape), cell.storage_dtype)
        return self.loaded[cell]


def infer(
    host: Engine, fn: Callable[[list[Value]], Any], specs: Sequence[tuple[Any, str]], recorder: type[Tracer] = Tracer
) -> Any:
    """What `fn` gives for tensors of these shapes and dtypes; its tensors are values without numbers. Nothing is computed."""
    tracer = recorder(host)
    with context.use(tracer), _Loading(tracer):
        return fn([tracer.input(shape, dtype) for shape, dtype in specs])
