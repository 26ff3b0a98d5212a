"""The engine of docs/engine-guide.md, as a package of its own: found by its entry point, conforming, training."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import cornu

pytest.importorskip("array_api_strict", reason="the library that the guide's engine wraps is not installed")

SOURCE = Path(cornu.__file__).parents[1]
GUIDE = SOURCE.parent / "docs" / "engine-guide.md"
PROGRAM = """
import json
import numpy as np
import cornu
from cornu import layers, utils
from cornu.contract import registry
from cornu.contract.conformance import run
from cornu.training.data import unpack_x_y_sample_weight

engine = registry.get("strict")
outcomes = run(engine, select=lambda family, group: family in ("kernels", "services", "elementwise", "reduction", "control"))
problems = [f"{o.group} {o.case}: {o.problem}" for o in outcomes if o.failed]


def losses(name):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 6)).astype("float32")
    y = (x[:, 0] > 0).astype("int32") + (x[:, 1] > 0)
    with cornu.engine(name):
        utils.set_random_seed(1)
        model = cornu.Sequential([layers.Input((6,)), layers.Dense(16, activation="relu"), layers.Dropout(0.2),
                                  layers.BatchNormalization(), layers.Dense(3, activation="softmax")])
        model.compile("adam", "sparse_categorical_crossentropy")
        return model.fit(x, y, batch_size=16, epochs=4, verbose=0).history["loss"]


print(json.dumps({
    "names": registry.names(), "installed": registry.is_installed("strict"), "install": registry.install_command("strict"),
    "checks": len(outcomes), "problems": problems, "strict": losses("strict"), "numpy": losses("numpy"),
    "tensor": type(engine.asarray([1.0])).__module__.partition(".")[0],
}))
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The guide's files in a folder, registered as `pip install -e` does it."""
    folder = tmp_path_factory.mktemp("package")
    files = re.findall(r"^`([\w./]+)`:\n\n```\w+\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert [name for name, _ in files] == ["pyproject.toml", "src/cornu_strict.py"]
    for name, text in files:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    command = [sys.executable, "-c", "import setuptools; setuptools.setup()", "-q", "egg_info"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder


def environment(package):
    path = os.pathsep.join([str(package / "src"), str(SOURCE)])
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


def test_the_guides_engine(package):
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment(package), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert "strict" in found["names"]
    assert found["installed"]
    assert found["install"] == 'pip install "cornu-strict[library]"'
    assert found["tensor"] == "array_api_strict"
    assert found["checks"] > 1000
    assert found["problems"] == []
    assert found["strict"] == pytest.approx(found["numpy"], rel=1e-4)
    assert found["strict"][-1] < found["strict"][0]


def test_it_is_listed(package):
    done = subprocess.run([sys.executable, "-m", "cornu", "engines"], env=environment(package), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "strict" in done.stdout
