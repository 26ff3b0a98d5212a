"""What `import cornu` imports, and what it does not."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import cornu
from cornu.contract import registry

# Libraries of engines, also of those that are not installed here; and what only some calls need.
ENGINES = {module for name in registry.names() for module in [name, *registry.requirements(name)]} - {"numpy"}
HEAVY = {"h5py", "rich", "scipy", "pandas", "PIL", "matplotlib", "keras"}


def modules_after(program: str) -> set[str]:
    """Names of the modules that a fresh interpreter holds after running `program`."""
    program += "\nimport json, sys; print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def top(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


def test_import_cornu_alone():
    found = modules_after("import cornu")
    assert {name for name in found if name.startswith("cornu")} == {"cornu"}
    assert not top(found) & (ENGINES | HEAVY | {"numpy"})


@pytest.mark.parametrize("names", ["all that is public", "K, layers and models"])
def test_no_engine_until_something_is_computed(names):
    program = "import cornu\nfor name in dir(cornu): getattr(cornu, name)"
    if names != "all that is public":
        program = "from cornu import backend as K, layers, models, optimizers"
    found = modules_after(program)
    assert "cornu.layers" in found
    assert not top(found) & (ENGINES | HEAVY)
    assert not {name for name in found if name.startswith("cornu.engines.")}


def test_the_chosen_engine_alone_is_imported():
    found = modules_after("import cornu\nwith cornu.engine('numpy'): cornu.ops.exp(1.0)")
    assert "cornu.engines.numpy" in found
    assert not top(found) & ENGINES


@pytest.mark.parametrize("first", ["ops.add(1, 2)", "Variable(np.ones(2))", "random.uniform((2,))", "backend.zeros((2,))"])
def test_the_first_call_finds_an_engine(first):
    modules_after(f"import cornu, os, numpy as np\nos.environ['KERAS_BACKEND'] = 'numpy'\ncornu.{first}")


def test_every_public_name_is_there():
    for name in dir(cornu):
        assert getattr(cornu, name) is not None
    with pytest.raises(AttributeError, match="module 'cornu' has no attribute 'nosuch'"):
        _ = cornu.nosuch
