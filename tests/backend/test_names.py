"""What `K` has: the names and signatures of Keras 2.3.1 and 3, older names, and what is said of unknown ones."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cornu import backend as K

# Where Keras 3 has another signature for a name of Keras 2.3.1, its is meant: these differ in names of arguments that nobody gives by name.
THREE = ("clear_session", "set_epsilon", "set_floatx")


def public(shared: Path, version: str) -> dict[str, str]:
    api = json.loads((shared / "api" / f"keras-{version}.json").read_text())
    found = {name: entry["signature"] for name, entry in api.items() if name.startswith("keras.backend.")}
    return {name.removeprefix("keras.backend."): signature for name, signature in found.items()}


def signature(name: str) -> str:
    parameters = inspect.signature(getattr(K, name)).parameters.values()
    return f"({', '.join(str(p.replace(annotation=p.empty)) for p in parameters)})"


def test_all_of_keras_2(shared: Path) -> None:
    names = public(shared, "2.3.1")
    assert len(names) == 158
    assert {name: signature(name) for name in names if name not in THREE} == {name: s for name, s in names.items() if name not in THREE}


def test_all_of_keras_3(shared: Path) -> None:
    names = public(shared, "3.15")
    assert {name: signature(name) for name in names} == names


def test_all_are_documented() -> None:
    undocumented = [name for name in dir(K) if name[0] != "_" and callable(getattr(K, name)) and not getattr(K, name).__doc__]
    assert not undocumented


def test_names_of_keras_1() -> None:
    K.set_image_dim_ordering("th")
    try:
        assert K.image_dim_ordering() == "th" and K.image_data_format() == "channels_first"
        assert K.common.image_dim_ordering() == "th"
    finally:
        K.common.set_image_dim_ordering("tf")
    assert K.image_dim_ordering() == "tf"
    assert K.backend() == K._BACKEND
    assert K.epsilon() == K._EPSILON and K.floatx() == K._FLOATX
    assert K.lesser is K.less and K.get_variable_shape is K.int_shape
    with pytest.raises(ValueError, match="'th'"):
        K.set_image_dim_ordering("channels_first")


@pytest.mark.parametrize(
    ("name", "hint"),
    [("segment_sum", r"cornu\.ops\.segment_sum"), ("tf", r"cornu\.ops"), ("placehoder", "placeholder"), ("qqqqqq", "classic-backend")],
)
def test_unknown_name(name: str, hint: str) -> None:
    with pytest.raises(AttributeError, match=hint) as raised:
        getattr(K, name)
    assert re.search(rf"K \(cornu\.backend\) has no '{name}'", str(raised.value))


def test_import_of_the_names() -> None:
    code = "from cornu.backend import *; from cornu.backend import common, epsilon, set_image_dim_ordering; assert placeholder and sum"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_example_of_the_documentation(engine: Any) -> None:
    text = (Path(__file__).parents[2] / "docs" / "classic-backend.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    assert 0 <= names["value"] < 0.5


def test_arguments_of_keras_1(engine: Any) -> None:
    x = np.arange(16, dtype="float32").reshape(1, 1, 4, 4)
    np.testing.assert_array_equal(
        K.get_value(K.pool2d(K.constant(x), (2, 2), strides=(2, 2), border_mode="same", dim_ordering="th")), [[[[5, 7], [13, 15]]]]
    )
    assert K.eval(K.random_uniform((50,), low=3.0, high=4.0)).min() >= 3
    assert K.eval(K.random_normal((50,), std=0.0)).max() == 0
    with pytest.raises(ValueError, match="data_format"):
        K.spatial_2d_padding(K.constant(x), dim_ordering="xx")
