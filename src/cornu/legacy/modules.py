"""`import keras` means Cornu: a finder that gives views of Cornu's modules under the names of Keras's, old and new."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

ROOTS = ("keras", "tensorflow.keras")

# A module of Keras -> Cornu's modules whose names it has. One that is not here is the module of Cornu's that is called the same.
MODULES: dict[str, tuple[str, ...]] = {
    "engine": ("layers", "models"),
    "initializations": ("initializers",),
    "legacy.layers": ("layers",),
    "objectives": ("losses",),
    "preprocessing.sequence": ("utils",),
}
for _now, _before in {
    ("backend",): "common load_backend tensorflow_backend theano_backend cntk_backend",
    ("callbacks",): "callbacks tensorboard_v1 tensorboard_v2",
    ("layers",): "advanced_activations convolutional convolutional_recurrent core cudnn_recurrent embeddings experimental local merge "
    "noise normalization pooling recurrent recurrent_v2 wrappers",
    ("utils",): "conv_utils data_utils generic_utils io_utils layer_utils losses_utils metrics_utils multi_gpu_utils np_utils tf_utils "
    "vis_utils",
}.items():
    MODULES |= {f"{_now[0]}.{name}": _now for name in _before.split()}
for _name in "base_layer input_layer input_spec network saving sequential topology training".split():
    MODULES[f"engine.{_name}"] = MODULES["engine"]


HIDDEN = ("contract", "demo", "engines", "graph", "legacy", "primitives")  # Keras has no such modules


def target(name: str) -> tuple[str, ...] | None:
    """Cornu's modules for the full name of a module; None if that is none of Keras's, or Cornu has no counterpart."""
    root = next((root for root in ROOTS if name == root or name.startswith(root + ".")), None)
    if root is None:
        return None
    below = name[len(root) + 1 :]
    found = tuple(f"cornu.{module}".rstrip(".") for module in MODULES.get(below, (below,)) if _exists(module))
    is_package = any(module.startswith(below + ".") for module in MODULES)  # of which only what is inside has a counterpart
    return found if found or is_package else None


def _exists(module: str) -> bool:
    if module.partition(".")[0] in HIDDEN:
        return False
    try:
        return importlib.util.find_spec(f"cornu.{module}".rstrip(".")) is not None
    except ModuleNotFoundError:
        return False


ADDED: dict[str, dict[str, Any]] = {}  # Cornu's module -> names that only old scripts know


class View(ModuleType):
    """A module of Keras: the names of some modules of Cornu's, and those that only old scripts know."""

    _targets: tuple[str, ...] = ()

    def __getattr__(self, name: str) -> Any:
        if name == "__all__":
            return sorted(set(self._names()))
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        why = f"Cornu has no such name in {', '.join(self._targets) or 'any module'}"
        for module in self._targets:
            value = ADDED.get(module, {}).get(name, self)
            try:
                value = getattr(importlib.import_module(module), name) if value is self else value
            except AttributeError as error:
                why = str(error)
                continue
            if not isinstance(value, ModuleType):
                return value
        if target(f"{self.__name__}.{name}") is not None:
            return importlib.import_module(f"{self.__name__}.{name}")
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}: {why}")

    def _names(self) -> Iterator[str]:
        for name in self._targets:
            module = importlib.import_module(name)
            public = getattr(module, "__all__", None) or [name for name in dir(module) if not name.startswith("_")]
            yield from (name for name in public if not isinstance(getattr(module, name), ModuleType))
            yield from ADDED.get(name, {})

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._names()]


class _Views(Loader):
    """Makes views."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return View(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        assert isinstance(module, View)
        module._targets = target(module.__name__) or ()
        if module._targets:  # so that Python's "cannot import name" says whose module it is
            module.__file__ = importlib.import_module(module._targets[0]).__file__
        if module.__name__ in ROOTS:
            module.__version__ = "2.3.1"  # type: ignore[attr-defined]  # some scripts ask; it is the last version that they were written for


class _WithKeras(Loader):
    """Loads TensorFlow, then gives it its `keras`. Without TensorFlow there is a module that has nothing else."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._real.create_module(spec) if self._real else None

    def exec_module(self, module: Any) -> None:
        if self._real:
            self._real.exec_module(module)
        else:
            module.__getattr__ = _absent
        module.keras = importlib.import_module(f"{module.__name__}.keras")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def _absent(name: str) -> Any:
    raise AttributeError(f"`tensorflow.{name}`: TensorFlow is not installed; the script runs on Cornu, which stands for `tensorflow.keras` alone.")


class Finder(MetaPathFinder):
    """Finds `keras`, `tensorflow.keras` and what is below them."""

    def find_spec(self, fullname: str, path: Any = None, target_module: Any = None) -> ModuleSpec | None:
        if fullname in {root.partition(".")[0] for root in ROOTS} - set(ROOTS):
            return self._parent(fullname)
        if target(fullname) is not None:
            return ModuleSpec(fullname, _Views(), is_package=True)
        if _is_keras(fullname):
            raise ModuleNotFoundError(f"No module named {fullname!r}: Cornu, which stands for Keras here, has no counterpart of it.", name=fullname)
        return None

    def _parent(self, name: str) -> ModuleSpec:
        others = [finder for finder in sys.meta_path if finder is not self]
        spec = next(filter(None, (finder.find_spec(name, None) for finder in others)), None)
        if spec is None or spec.origin is None:
            return ModuleSpec(name, _WithKeras(None), is_package=True)
        spec.loader = _WithKeras(spec.loader)
        return spec


_finder = Finder()


def _is_keras(name: str) -> bool:
    return (name + ".").startswith(tuple(root + "." for root in ROOTS))


def installed() -> bool:
    """Whether `keras` means Cornu."""
    return _finder in sys.meta_path


def install() -> None:
    """Let `import keras` and `import tensorflow.keras` mean Cornu from here on, in this process.

    Raises:
        ImportError: if another Keras has been imported before.
    """
    there = sys.modules.get("keras")
    if there is not None:
        raise ImportError(
            f"`keras` is already imported, from {getattr(there, '__file__', None) or there!r}: it can't mean Cornu any more. Import "
            "`cornu.as_keras` before it, and before TensorFlow, which imports it; or use `cornu run script.py`."
        )
    sys.meta_path.insert(0, _finder)
    for root in ROOTS:
        parent, _, name = root.rpartition(".")
        if parent in sys.modules:
            setattr(sys.modules[parent], name, importlib.import_module(root))


def uninstall() -> None:
    """Undo `install`."""
    sys.meta_path.remove(_finder)
    for name in filter(_is_keras, list(sys.modules)):
        del sys.modules[name]
    for root in ROOTS:
        parent = root.rpartition(".")[0]
        if isinstance(getattr(getattr(sys.modules.get(parent), "__spec__", None), "loader", None), _WithKeras):
            del sys.modules[parent]
