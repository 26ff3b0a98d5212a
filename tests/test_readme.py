"""The README's Python blocks run, one after the other, on small data."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from cornu import backend as K
from cornu import layers
from cornu.contract import registry

README = Path(__file__).parents[1] / "README.md"


def test_blocks_run():
    blocks = re.findall(r"^```python\n(.*?)^```$", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 2
    named = set(re.findall(r'(?:set_backend|\.to|engine)\("(\w+)"\)', "".join(blocks)))
    missing = sorted(name for name in named if not registry.is_installed(name))
    if missing:
        pytest.skip(f"the README's engines {', '.join(missing)} are not installed")
    rng = np.random.default_rng(0)
    space = {"x": rng.random((64, 8, 8, 1), "float32"), "y": rng.integers(0, 10, 64)}
    before = K.backend()
    try:
        for number, block in enumerate(blocks):
            exec(compile(block, f"README block {number}", "exec"), space)
        inputs = layers.Input((3,))
        model = space["Mine"](inputs, layers.Dense(1)(inputs))  # what the last block defines
        model.compile("adam", "mse")
        model.fit(rng.random((8, 3), "float32"), rng.random((8, 1), "float32"), verbose=0)
    finally:
        K.set_backend(before)
