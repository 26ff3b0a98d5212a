"""Finding engines: entry points, what they need, errors that say what to do."""

from importlib.metadata import EntryPoint
from types import SimpleNamespace

import numpy as np
import pytest

from cornu import context
from cornu.contract import engine, registry
from cornu.contract.conformance.reference import ReferenceEngine
from cornu.contract.engine import Kernels


class OtherEngine(ReferenceEngine):
    """Somebody else's."""

    name = "other"
    kernels = Kernels()


REQUIRES = ['nonexistent-library>=2 ; extra == "far"', "numpy", 'numpy>=2; extra == "near"']


class Entry(EntryPoint):
    """An entry point of a distribution that is not installed."""

    dist = SimpleNamespace(name="somepackage", requires=REQUIRES)


@pytest.fixture(autouse=True)
def entries(monkeypatch):
    found = [
        Entry("zebra", f"{__name__}:OtherEngine", "cornu.engines"),
        Entry("far", f"{__name__}:OtherEngine [far]", "cornu.engines"),
        Entry("near", f"{__name__}:OtherEngine [near]", "cornu.engines"),
        Entry("numpy", f"{__name__}:OtherEngine", "cornu.engines"),
    ]
    monkeypatch.setattr(registry, "_entries", lambda: {entry.name: entry for entry in found})
    monkeypatch.setattr(registry, "LOADED", {})
    monkeypatch.setattr(engine, "LOADED", registry.LOADED)
    monkeypatch.setattr(EntryPoint, "load", lambda self: OtherEngine)


def test_names_prefer_built_in_engines():
    assert registry.names() == ["numpy", "far", "near", "zebra"]


def test_what_an_engine_needs():
    assert registry.requirements("far") == ["nonexistent_library"]
    assert registry.requirements("zebra") == []
    assert [registry.is_installed(name) for name in registry.names()] == [True, False, True, True]
    assert registry.best() == "numpy"


def test_engines_are_loaded_once():
    assert registry.get("near") is registry.get("near")
    assert registry.get("near") is not registry.get("zebra")
    assert registry.get(registry.get("near")) is registry.get("near")


def test_an_engine_that_is_not_installed():
    with pytest.raises(ImportError, match=r"'far' is not installed. Install it with: pip install \"somepackage\[far\]\""):
        registry.get("far")


def test_an_engine_that_does_not_exist():
    with pytest.raises(ValueError, match=r"no engine 'nosuch'. The engines are: numpy, far, near, zebra"):
        registry.get("nosuch")


def test_engine_block():
    outside = context.current()
    with registry.engine("near") as chosen:
        assert context.current() is chosen
        with registry.engine("zebra"):
            assert context.current() is registry.get("zebra")
        assert context.current() is chosen
    assert context.current() is outside


def test_the_owner_of_a_tensor():
    assert engine.owner_of(np.ones(1)) is None
    registry.get("near")
    assert engine.owner_of(np.ones(1)) == "other"
    assert engine.owner_of("x") is None
