"""Models as ONNX files, for inference anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cornu import context, tree
from cornu.contract import state
from cornu.contract.tracer import Recording
from cornu.graph.graph import Graph, Value
from cornu.graph.simplify import simplify
from cornu.ops.symbolic import STAND_INS, KerasTensor


def export_onnx(
    model: Any, filepath: Any, input_signature: Any = None, opset_version: int | None = None, verbose: Any = None
) -> None:
    """Write what `model` predicts as an ONNX model with a dynamic batch size.

    Args:
        model: a built model. filepath: of the file.
        input_signature: nested things with `shape` (None for the batch) and `dtype`; by default a functional model's inputs.
        opset_version: of ONNX; by default the least that serves. verbose: print where it went.

    Raises:
        ValueError: if the inputs are not known, prediction changes state, or its computation has no form in ONNX.
        ImportError: if the package `onnx` is missing.
    """
    try:
        import onnx

        from cornu.graph import onnx as rendering
    except ImportError:
        raise ImportError("The export needs the package onnx: pip install onnx") from None
    from cornu.graph.onnx.dims import BatchDependent, generalize

    structure, inputs, names = _inputs_of(model, input_signature)
    recordings = [_record(model, structure, inputs, size) for size in STAND_INS]
    graphs = [_with_weights(recording) for recording in recordings]
    try:
        graph = generalize(graphs[0], graphs[1], STAND_INS)
    except BatchDependent as error:
        raise ValueError(f"Model {model.name!r} can't be exported for any batch size: {error}.") from None
    missing = sorted({node.primitive.name for node in graph.nodes if not rendering.can_write(node)})
    if missing:
        raise ValueError(f"Model {model.name!r} can't be exported: ONNX has no form of {', '.join(missing)} in these dtypes.")
    outputs = list(getattr(model, "output_names", None) or [f"output_{i}" for i in range(len(graph.outputs))])
    weights = {value: name for value, name in zip(graph.constants, _weight_names(recordings[0], graphs[0])) if name}
    proto = rendering.model(graph, names, outputs, weights)
    if opset_version is not None:
        if opset_version < proto.opset_import[0].version:
            raise ValueError(
                f"This model needs at least version {proto.opset_import[0].version} of ONNX's operators, not {opset_version}."
            )
        proto.opset_import[0].version = opset_version
    onnx.checker.check_model(proto, full_check=True)
    onnx.save(proto, str(filepath))
    if verbose:
        print(f"Saved the ONNX model at '{Path(filepath).resolve()}'.")


def _inputs_of(model: Any, signature: Any) -> tuple[Any, list[Any], list[str]]:
    """How the inputs nest (in things that stand for them), those things, and their names."""
    given = signature if signature is not None else getattr(model, "_inputs_struct", None)
    if given is None and getattr(model, "_functional", None) is not None:
        given = model._functional._inputs_struct
    if given is None:
        raise ValueError(
            f"The inputs of model {model.name!r} are not known: pass `input_signature`, say [cornu.KerasTensor((None, 8))]."
        )
    if isinstance(given, (list, tuple)) and len(given) == 1:
        given = given[0]
    specs = tree.flatten(given)
    for spec in specs:
        if None in tuple(spec.shape)[1:]:
            raise ValueError(
                f"Only the batch size can stay open in an exported model, but an input has the shape {tuple(spec.shape)}. Pass "
                "an `input_signature` with the other sizes."
            )
    names = [getattr(spec, "name", None) or f"input_{i}" for i, spec in enumerate(specs)]
    return given, specs, names


def _record(model: Any, structure: Any, inputs: Sequence[Any], size: int) -> Recording:
    def predict(*values: Any) -> list[Any]:
        given = iter(values)
        x = tree.map_structure(lambda _: next(given), structure)
        return tree.flatten(model(x, training=False))

    specs = [(tuple(size if n is None else n for n in x.shape), KerasTensor((), x.dtype or "float32").dtype) for x in inputs]
    with context.use(model._home()) as engine:
        recording = Recording(engine, predict, specs)
    if recording.written:
        paths = ", ".join(getattr(cell, "path", "a variable") for cell in recording.written)
        raise ValueError(f"Model {model.name!r} can't be exported: predicting changes its state ({paths}).")
    return recording


def _with_weights(recording: Recording) -> Graph:
    """The graph with its variables as constants."""
    graph = Graph()
    count = len(recording.cells)
    values = {v: _value(cell) for cell, v in zip(recording.cells, recording.graph.inputs)}
    graph.inputs, graph.nodes, graph.outputs = recording.graph.inputs[count:], recording.graph.nodes, recording.graph.outputs
    graph.constants = {**values, **recording.graph.constants}
    return simplify(graph)


def _value(cell: Any) -> np.ndarray:
    with state.no_scope():
        return np.asarray(cell.engine.to_numpy(cell.engine.read(cell.storage)))


def _weight_names(recording: Recording, graph: Graph) -> list[str]:
    paths: dict[Value, str] = {v: getattr(cell, "path", "") for cell, v in zip(recording.cells, recording.graph.inputs)}
    return [paths.get(value, "") for value in graph.constants]
