"""Functions and constructors against Keras's signatures. (Methods: `scripts/parity.py`.)"""

from __future__ import annotations

import importlib
import inspect
import json

import pytest

ROOMS = """activations callbacks constraints initializers layers losses metrics ops ops.image ops.linalg ops.nn ops.numpy
    optimizers optimizers.schedules random regularizers tree utils utils.bounding_boxes""".split()

POOL_SIZE = "one default for all ranks; Keras has (2, 2), (2, 2, 2) or, for averages, none"
PADDING = "one default for all ranks"
NAMED = "what `**kwargs` holds is named"
DEVIATIONS = {
    **dict.fromkeys(("layers.MaxPooling2D", "layers.MaxPooling3D", "layers.MaxPool2D", "layers.MaxPool3D"), POOL_SIZE),
    **{f"layers.{name}{n}D": POOL_SIZE for name in ("AveragePooling", "AvgPool") for n in (1, 2, 3)},
    **{f"layers.ZeroPadding{n}D": PADDING for n in (2, 3)},
    **{f"layers.SpatialDropout{n}D": "other arguments of `Layer` are taken too" for n in (1, 2, 3)},
    **{f"layers.{name}": NAMED for name in "Layer Identity Add Average Maximum Minimum Multiply Subtract".split()},
    "callbacks.CallbackList": "has no part in users' programs",
}


def shown(found) -> str:
    own = inspect.signature(found)
    parameters = [p.replace(annotation=p.empty) for p in own.parameters.values()]
    return str(own.replace(parameters=parameters, return_annotation=own.empty))


@pytest.mark.parametrize("room", ROOMS)
def test_signatures_are_keras_but_for_those_listed(shared, room):
    api = json.loads((shared / "api" / "keras-3.15.json").read_text())
    module, differ, seen = importlib.import_module(f"cornu.{room}"), set(), 0
    for name, entry in api.items():
        place, _, short = name.removeprefix("keras.").rpartition(".")
        found = getattr(module, short, None) if place == room and "signature" in entry else None
        if found is not None:
            seen += 1
            if shown(found) != entry["signature"].replace(": bool = ", "="):
                differ.add(f"{room}.{short}")
    assert seen and differ == {name for name in DEVIATIONS if name.rpartition(".")[0] == room}
