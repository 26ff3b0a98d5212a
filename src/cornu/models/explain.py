"""What is native, composed or left to the host on an engine: `cornu.explain`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from cornu import context, tree
from cornu.contract import registry
from cornu.contract.engine import Engine
from cornu.contract.tracer import CONTROL, Tracer, infer
from cornu.graph.graph import Graph, Node
from cornu.layers.layer import Layer
from cornu.ops import common
from cornu.ops.op import OPS
from cornu.ops.reach import primitives
from cornu.ops.symbolic import STAND_INS, KerasTensor


class Row(NamedTuple):
    """How one op runs. layer: where it was called ("" for an op by itself); how: "native" (one form of the engine), "composed"
    (of native ones), or what `Engine.support` says of the worst part: "custom", "host", "none";
    parts: primitives that it may end in."""

    layer: str
    op: str
    how: str
    parts: tuple[str, ...]


def explain(op_or_model: Any, engine: str | Engine | None = None, verbose: bool = True) -> list[Row]:
    """Say how an op, or each op of a model's forward pass, runs on an engine, and print it as a table.

    Args:
        op_or_model: an op of `cornu.ops`, or a built functional or sequential model.
        engine: default: the one in charge.
        verbose: whether to print the table.

    Returns:
        A row for each op, for a model by layer in the order of calls; equal rows of a layer stand once.

    Raises:
        TypeError: for anything else. ValueError: if the model has no symbolic inputs yet.
    """
    chosen = context.current().host if engine is None else registry.get(engine)
    if isinstance(op_or_model, Layer):
        rows = list(dict.fromkeys(_of_model(op_or_model, chosen)))
    elif callable(op_or_model) and OPS.get(name := getattr(op_or_model, "__name__", "")) is op_or_model:
        rows = [Row("", name, *_how(name, primitives(op_or_model), chosen))]
    else:
        raise TypeError(f"explain: expected an op of cornu.ops or a model, got {op_or_model!r}.")
    if verbose:
        _print(rows, chosen)
    return rows


def _how(name: str, ends: Iterable[str], engine: Engine) -> tuple[str, tuple[str, ...]]:
    parts = tuple(sorted(set(ends)))
    if name in engine.overrides:
        return "native", parts
    kinds = {engine.support(part) for part in parts}
    for bad in ("none", "host", "custom"):
        if bad in kinds:
            return bad, tuple(part for part in parts if engine.support(part) == bad)
    native = len(parts) < 2 or (name in parts and name not in CONTROL)  # a loop is as native as its steps
    return ("native" if native else "composed"), parts


class _Observer(Tracer):
    """Notes the ops that are called from outside of other ops, and the primitives in which they end."""

    def __init__(self, host: Engine) -> None:
        super().__init__(host)
        self.inside = False
        self.calls: list[tuple[str, frozenset[str]]] = []
        self.overrides = {name: functools.partial(self._note, name, call.body) for name, call in OPS.items()}  # type: ignore[attr-defined]

    def _note(self, name: str, body: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if self.inside:
            return NotImplemented
        self.inside, start = True, len(self.graph.nodes)
        try:
            result = body(*args, **kwargs)
        finally:
            self.inside = False
        self.calls.append((name, frozenset(_names(self.graph.nodes[start:]))))
        return result


def _names(nodes: Iterable[Node]) -> Iterator[str]:
    for node in nodes:
        yield node.primitive.name
        for value in node.params.values():
            if isinstance(value, Graph):
                yield from _names(value.nodes)


def _of_model(model: Any, engine: Engine) -> Iterator[Row]:
    nodes = getattr(getattr(model, "_functional", None) or model, "_nodes", None)
    if nodes is None:
        raise ValueError(
            f"explain: {model.name!r} has no symbolic inputs. Build the model from an `Input`, or explain its ops one by one."
        )
    for node in nodes:
        where = getattr(node.operation, "name", "")
        if getattr(node.operation, "_nodes", None) or getattr(node.operation, "_functional", None):
            yield from (row._replace(layer=f"{where}/{row.layer}") for row in _of_model(node.operation, engine))
            continue
        for name, ends in _calls(node):
            if ends:
                yield Row(where, name, *_how(name, ends, engine))


def _calls(node: Any) -> list[tuple[str, frozenset[str]]]:
    """The ops that a node of the model calls, with the primitives of each."""
    leaves, structure = tree.flatten_with_structure((node.args, node.kwargs))
    specs = [(tuple(STAND_INS[0] if n is None else n for n in x.shape), x.dtype) for x in leaves if isinstance(x, KerasTensor)]

    def run(values: list[Any]) -> Any:
        given = iter(values)
        args, kwargs = tree.unflatten(structure, [next(given) if isinstance(x, KerasTensor) else x for x in leaves])
        node.operation(*args, **kwargs)
        return context.current().calls  # type: ignore[attr-defined]

    own = node.operation._engine() if isinstance(node.operation, Layer) else None
    with common.inferring(0, STAND_INS[0]):
        calls: list[tuple[str, frozenset[str]]] = infer(own or context.current().host, run, specs, _Observer)
    return calls


def _print(rows: list[Row], engine: Engine) -> None:
    from rich.console import Console  # slow to import
    from rich.table import Table

    table = Table(title=f"On {engine.name}", box=None, pad_edge=False, header_style="bold", title_justify="left")
    for column in ("layer", "op", "how", "parts"):
        table.add_column(column)
    for row in rows:
        table.add_row(row.layer, row.op, row.how, " ".join(row.parts))
    Console(highlight=False).print(table, markup=False) if rows else None
