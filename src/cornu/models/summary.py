"""The table that `model.summary()` prints."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator
from typing import Any

from cornu import tree
from cornu.primitives import dtypes as dt


def readable_size(variables: Any) -> str:
    """Memory of variables, e.g. "2.43 KB"."""
    size = float(sum(math.prod(v.shape) * dt.itemsize(v.storage_dtype) for v in variables))
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1024 or unit == "GB":
            return f"{size:.2f} {unit}"
        size /= 1024
    raise AssertionError


def count(variables: Any) -> int:
    """Number of scalars."""
    return sum(math.prod(v.shape) for v in variables)


def _rows(model: Any, expand: bool, indent: str = "") -> Iterator[tuple[Any, str, str, int, str, bool]]:
    produced: dict[Any, Any] = {}
    drawn = getattr(model, "_functional", None) or model
    for node in [*getattr(drawn, "_nodes", []), *getattr(drawn, "_loss_nodes", [])]:
        produced.setdefault(node.operation, node)
    sequential = hasattr(model, "_stack")
    for layer in model.layers:
        node = produced.get(layer)
        shape = getattr(layer, "batch_shape", None) or (_shapes(node.outputs) if node else "?")
        before = (
            []
            if node is None or sequential
            else [
                getattr(p.operation, "name", p.operation.__name__ if hasattr(p.operation, "__name__") else "?")
                for p in node.parents
            ]
        )
        yield (
            layer,
            f"{indent}{layer.name} ({type(layer).__name__})",
            str(shape),
            layer.count_params(),
            ", ".join(before) or "-",
            layer.trainable,
        )
        if expand and hasattr(layer, "layers"):
            yield from _rows(layer, expand, indent + "  └ ")


def _shapes(outputs: Any) -> Any:
    shapes = [tuple(x.shape) for x in tree.flatten(outputs)]
    return shapes[0] if len(shapes) == 1 else shapes


def print_summary(
    model: Any, line_length: int | None, print_fn: Callable[[str], Any] | None, expand_nested: bool, show_trainable: bool
) -> None:
    """Print the table, or hand its text to `print_fn`."""
    from rich.console import Console  # only a summary needs it, and it is slow to import
    from rich.table import Table
    from rich.text import Text

    connected = not hasattr(model, "_stack") and hasattr(model, "_nodes")
    table = Table(width=line_length, show_lines=True, header_style="bold")
    table.add_column("Layer (type)")
    table.add_column("Output Shape")
    table.add_column("Param #", justify="right")
    if connected:
        table.add_column("Connected to")
    if show_trainable:
        table.add_column("Trainable")
    for _, name, shape, params, before, trainable in _rows(model, expand_nested):
        cells = [
            name,
            shape,
            f"{params:,}",
            *([before] if connected else []),
            *(["Y" if trainable else "N"] if show_trainable else []),
        ]
        table.add_row(*[Text(cell) for cell in cells])
    optimizer = getattr(model, "optimizer", None)
    extra = list(optimizer.variables) if optimizer is not None and optimizer.built else []
    weights, trainable = model.weights, model.trainable_weights
    totals = [(" Total params", [*weights, *extra]), (" Trainable params", trainable)]
    totals += [(" Non-trainable params", model.non_trainable_weights)] + ([(" Optimizer params", extra)] if extra else [])
    stream = io.StringIO()
    console = Console(file=stream if print_fn else None, width=line_length or (100 if print_fn else None), highlight=False)
    console.print(Text(f'Model: "{model.name}"', style="bold"))
    if not model.built:
        console.print(Text(" (not built yet: call it on data, or `build(input_shape)`)"))
    console.print(table)
    for label, variables in totals:
        console.print(Text(f"{label}: {count(variables):,} ({readable_size(variables)})"))
    if print_fn:
        print_fn(stream.getvalue())
