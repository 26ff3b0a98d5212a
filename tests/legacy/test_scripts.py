"""Whole scripts in the manner of Keras 1, Keras 2 and `tf.keras` learn, on several engines, and are told of their old spellings."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from cornu.contract import registry

FOLDER = Path(__file__).parent / "scripts"
# Script -> the starts of what it warns of, in order; further lines that it prints.
SCRIPTS = {
    "keras1": (
        [
            "Dense(init='uniform', W_regularizer=", "Dense(output_dim=10)", "RMSprop(lr=0.005)", "fit(nb_epoch=4)",
            "Convolution2D(4, 3, 3, border_mode='same')", "SGD(lr=0.05)", "fit_generator(", "model.predict_classes(x)",
            "merge(…, mode='concat')", "Model(input=",
        ],
        ["shape (None, 4, 8, 8) (5,)"],
    ),
    "keras2": (["Adam(lr=0.005)", "fit_generator("], ["log 4", "rate 0.0010", "rate 0.5000", "features (2, 8)"]),
    "tf_keras": ([], ["rows [1. 1.]"]),
}  # fmt: skip


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize("engine_name", ["numpy", "jax", "torch"])
def test_script(name: str, engine_name: str, tmp_path: Path) -> None:
    if not registry.is_installed(engine_name):
        pytest.skip(f"{engine_name} is not installed")
    command = [sys.executable, "-m", "cornu", "run", str(FOLDER / f"{name}.py"), "--backend", engine_name]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    losses = [[float(x) for x in line.split()[2:]] for line in done.stdout.splitlines() if line.startswith("loss ")]
    assert losses and all(loss[-1] < 0.95 * loss[0] for loss in losses)
    assert [line for line in done.stdout.splitlines() if not line.startswith("loss ")] == SCRIPTS[name][1]
    old = re.findall(r"OldSpelling: `(.*?)` is an old spelling", done.stderr)
    assert len(old) == len(SCRIPTS[name][0])
    assert all(text.startswith(start) for text, start in zip(old, SCRIPTS[name][0], strict=True))
