"""Public docstrings: each parameter is explained by a word, by a base class, or by what the docstring refers to."""

from __future__ import annotations

import fnmatch
import inspect
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

import cornu
from cornu import layers, ops
from cornu.optimizers import schedules
from cornu.utils import bounding_boxes

ROOMS: dict[str, ModuleType] = {
    module.__name__: module
    for module in (
        ops, ops.image, cornu.random, cornu.losses, cornu.metrics, layers, cornu.optimizers, schedules, cornu.initializers,
        cornu.callbacks, cornu.regularizers, cornu.constraints, cornu.activations, cornu.models, cornu.utils, cornu.tree,
        cornu.backend, cornu.config, cornu.dtype_policies, bounding_boxes, cornu,
    )
}  # fmt: skip
OPERANDS = re.compile(r"x\d?|y_true|y_pred")  # what a function is a function of: its sentence says what becomes of it
OF_LAYERS = {"name", "dtype", "trainable", "kwargs"}  # `Layer` explains them once
WORDS = re.compile(r"[\w*]+")
REFERENCE = re.compile(r"\b(?:[Ss]ee|[Aa]s in)\s+((?:`[\w.]+`(?:,\s+|\s+and\s+)?)+)")


def public(module: ModuleType) -> dict[str, Any]:
    """Functions and classes that a module exports: its `__all__`, or what is defined in it (of the package, below it)."""
    names = getattr(module, "__all__", None) or [name for name in dir(module) if name[0] != "_"]
    found = {name: x for name, x in ((name, getattr(module, name)) for name in names) if callable(x)}
    return found if hasattr(module, "__all__") else {n: x for n, x in found.items() if x.__module__.startswith(module.__name__)}


def methods(names: dict[str, Any]) -> dict[str, Any]:
    """The public methods of classes and their bases, each where it stands first: what overrides it means the same."""
    found = {}
    for kind in dict.fromkeys(base for x in names.values() if inspect.isclass(x) for base in inspect.getmro(x)):
        for name, f in vars(kind).items():
            f = getattr(f, "__func__", f)
            first = not any(name in vars(base) for base in inspect.getmro(kind)[1:])
            if first and name[0] != "_" and inspect.isfunction(f) and f.__qualname__ == f"{kind.__qualname__}.{name}":
                found[f.__qualname__] = f
    return found


def docstrings(x: Any) -> Iterator[str]:
    """The docstring, and of a class those of its public bases."""
    for each in inspect.getmro(x) if inspect.isclass(x) else (x,):
        if each is x or (each is not object and each.__name__[0] != "_" and each.__doc__):
            yield inspect.cleandoc(each.__doc__ or "")


def named(parameter: str, text: str) -> bool:
    """Whether the word stands in a text, or a pattern for it as in `*_initializer`."""
    words = WORDS.findall(text)
    return any(word.lstrip("*") == parameter or ("_" in word and fnmatch.fnmatchcase(parameter, word)) for word in words)


def explained(parameter: str, x: Any, names: dict[str, Any], passed: tuple[Any, ...] = ()) -> bool:
    """Whether the docstring of `x` (a class's bases too), or what it refers to by "see `y`", names the parameter."""
    for text in docstrings(x):
        if named(parameter, text):
            return True
        for name in re.findall(r"`([\w.]+)`", " ".join(REFERENCE.findall(text))):
            other = names.get(name.rpartition(".")[2])
            if other is not None and other not in passed and explained(parameter, other, names, (*passed, x)):
                return True
    return False


def parameters(x: Any) -> Iterator[str]:
    """Names of the parameters (of a class, its constructor's) that need a word."""
    for name in inspect.signature(x).parameters:
        is_layers = inspect.isclass(x) and issubclass(x, layers.Layer) and x is not layers.Layer
        if not OPERANDS.fullmatch(name) and not (is_layers and name in OF_LAYERS) and name not in ("self", "cls"):
            yield name


def lacking(names: dict[str, Any]) -> list[str]:
    """What isn't explained, of functions, classes and their methods; a method's docstring may refer to other methods."""
    own = methods(names)
    known = {f.__name__: f for f in own.values()} | names
    everything = names | own
    without = [f"{name}: no docstring" for name, x in everything.items() if not x.__doc__]
    return without + [f"{name}: {p}" for name, x in everything.items() for p in parameters(x) if not explained(p, x, known)]


@pytest.mark.parametrize("room", ROOMS)
def test_each_parameter_is_explained(room):
    names = public(ROOMS[room])
    assert names
    assert lacking(names) == []


def test_what_lacks_a_word_is_found():
    def bare(x, axis, keepdims):
        """Sum along `axis`."""

    def referring(x, axis, keepdims, dtype):
        """Product; see `bare` and
        `whole`."""

    def whole(kernel_initializer, dtype, keepdims):
        """*_initializer: of weights. dtype: of the result. keepdims: whether axes stay. Mentions `bare`."""

    assert lacking({"bare": bare, "referring": referring}) == ["bare: keepdims", "referring: keepdims", "referring: dtype"]
    assert lacking({"referring": referring, "bare": bare, "whole": whole}) == ["bare: keepdims"]
    assert lacking({"whole": whole, "none": lambda axis: axis}) == ["none: no docstring", "none: axis"]


class Base:
    """Of classes that move.

    rate: how fast.
    """

    def move(self, size, end):
        """Move by `size`."""


class Derived(Base):
    """One that moves further."""

    def __init__(self, rate, far):
        pass

    def move(self, size, end):
        return size

    def back(self, size, end, far):
        """Move back: as in `move`."""


def test_classes_are_held_to_it_with_their_bases_and_methods():
    assert lacking({"Derived": Derived}) == ["Derived: far", "Derived.back: end", "Derived.back: far", "Base.move: end"]
    assert lacking({"Base": Base}) == ["Base.move: end"]
