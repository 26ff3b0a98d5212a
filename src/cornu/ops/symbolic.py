"""Symbolic tensors: what functional models are drawn with."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import numpy as np

from cornu import config, context, tree
from cornu.contract.tracer import Tracer, infer
from cornu.graph.graph import Value
from cornu.ops import common
from cornu.primitives import dtypes as dt
from cornu.primitives.primitive import Primitive

# An unknown dimension is stood in for by either of two sizes; what comes out different depends on it. They have many divisors, so that
# reshapes go through.
STAND_INS = (27720, 55440)
MOST_GUESSES = 50  # of sizes for unknown dimensions, where stand-ins are refused
_names = itertools.count()


class KerasTensor:
    """A tensor without numbers: shape (None where a dimension is unknown), dtype, and the operation that gives it.

    Args:
        shape: tuple of ints and None.
        dtype: default "float32".
        sparse, ragged: not supported; False.
        record_history, kwargs: kept for Keras.
        name: default "keras_tensor", numbered.

    Raises:
        ValueError: for sparse or ragged.
    """

    shape: tuple[int | None, ...]
    dtype: str
    sparse = ragged = False
    ragged_rank = row_splits_dtype = None

    def __init__(
        self,
        shape: Any,
        dtype: str = "float32",
        sparse: bool = False,
        ragged: bool = False,
        record_history: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if sparse or ragged:
            raise ValueError("KerasTensor: sparse and ragged tensors are not supported.")
        self.shape = tuple(None if size is None else int(size) for size in shape)
        self.dtype = dt.name_of(dtype or config.floatx())
        count = next(_names)
        self.name = name or ("keras_tensor" if count == 0 else f"keras_tensor_{count}")
        self.node: Node | None = None
        self.index = 0
        self.on_host = False  # whether it holds sizes (see `sizes_of`)

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    def __repr__(self) -> str:
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, sparse=False, ragged=False, name={self.name}>"

    def __bool__(self) -> bool:
        raise TypeError("A symbolic KerasTensor has no truth value. Use `ops.where` or `ops.cond`, or a layer's `call`.")

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise ValueError(
            f"A KerasTensor is symbolic: it has a shape and a dtype, but no numbers ({self!r}). It can't become a NumPy array. "
            "Use `cornu.ops` functions or layers on it instead of NumPy's."
        )

    def __iter__(self) -> Any:
        if not self.shape or self.shape[0] is None:
            raise TypeError(f"Can't iterate over a symbolic tensor whose first dimension is unknown: {self!r}.")
        return (self[i] for i in range(self.shape[0]))  # type: ignore[index]

    def __len__(self) -> int:
        if not self.shape or self.shape[0] is None:
            raise TypeError(f"A symbolic tensor whose first dimension is unknown has no length: {self!r}.")
        return self.shape[0]


class Node:
    """One application of an operation (an op or a layer) to symbolic tensors.

    operation: what is called; args, kwargs: its arguments, with KerasTensors among them; outputs: nested KerasTensors.
    """

    def __init__(self, operation: Callable[..., Any], args: Any, kwargs: dict[str, Any], outputs: Any) -> None:
        self.operation = operation
        self.args, self.kwargs, self.outputs = args, kwargs, outputs
        self.inputs: list[KerasTensor] = [x for x in tree.flatten((args, kwargs)) if isinstance(x, KerasTensor)]
        for index, tensor in enumerate(self.results):
            tensor.node, tensor.index = self, index

    @property
    def results(self) -> list[KerasTensor]:
        """The symbolic tensors among its outputs."""
        return [x for x in tree.flatten(self.outputs) if isinstance(x, KerasTensor)]

    @property
    def parents(self) -> list[Node]:
        """The nodes that give its inputs."""
        return list(dict.fromkeys(x.node for x in self.inputs if x.node is not None))


_value_of: ContextVar[Callable[[KerasTensor], Any] | None] = ContextVar("cornu_value_of", default=None)


@contextlib.contextmanager
def computing(value_of: Callable[[KerasTensor], Any]) -> Iterator[None]:
    """Inside the block operations on symbolic tensors are computed at once, with the values that `value_of` gives for these."""
    token = _value_of.set(value_of)
    try:
        yield
    finally:
        _value_of.reset(token)


def apply(operation: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    """Record a call of `operation`; returns KerasTensors for its results. Inside `computing`, the results themselves.

    Raises:
        TypeError: if it is called inside a function or layer that took a symbolic tensor from its surroundings.
    """
    value_of = _value_of.get()
    if value_of is not None:
        args, kwargs = tree.map_structure(lambda x: value_of(x) if isinstance(x, KerasTensor) else x, (args, kwargs))
        return operation(*args, **kwargs)
    leaves = tree.flatten((args, kwargs))
    if any(isinstance(x, Value) for x in leaves):
        raise _from_outside(next(x for x in leaves if isinstance(x, KerasTensor)))
    outputs = infer_outputs(operation, args, kwargs)
    made = [x for x in tree.flatten(outputs) if isinstance(x, KerasTensor)]
    tensors = [x for x in leaves if hasattr(x, "shape") and not isinstance(x, (np.ndarray, np.generic))]
    if tensors and all(getattr(x, "on_host", False) for x in tensors) and all(dt.is_integer(x.dtype) for x in made):
        operation = _on_host(operation)
        for x in made:
            x.on_host = True
    Node(operation, args, kwargs, outputs)
    return outputs


# Sizes: integers that are known when a program is written for arguments of known shapes, so that shapes may follow from them.


def sizes_of(x: KerasTensor) -> KerasTensor:
    """The shape of `x` as a symbolic vector. What follows from it in integers may be given where sizes are wanted."""
    sizes = KerasTensor((x.ndim,), "int32")
    sizes.on_host = True
    Node(lambda x: np.asarray(common.shape_of(x), "int32"), (x,), {}, sizes)
    return sizes


class _Host(Tracer):
    """Computes on NumPy arrays by the references of the table, whatever is being compiled around it."""

    def kernel(self, primitive: Primitive) -> Callable[..., Any]:
        return primitive.reference


def _on_host(operation: Callable[..., Any]) -> Callable[..., Any]:
    """The operation on NumPy arrays, with NumPy arrays as results."""

    def compute(*args: Any, **kwargs: Any) -> Any:
        with context.use(_Host(context.current().host)):
            return operation(*args, **kwargs)

    return compute


def _sources(x: KerasTensor) -> list[KerasTensor]:
    """The tensors whose shapes the sizes `x` follow from; of another tensor, itself."""
    return [source for y in x.node.inputs for source in _sources(y)] if x.on_host and x.node else [x]


def _value(x: Any, known: dict[int, Any]) -> Any:
    """The value of a tensor in an argument; that of sizes is computed from the tensors that they follow from."""
    if not isinstance(x, KerasTensor) or id(x) in known:
        return known.get(id(x), x)
    node: Any = x.node
    args, kwargs = tree.map_structure(lambda y: _value(y, known), (node.args, node.kwargs))
    return tree.flatten(node.operation(*args, **kwargs))[x.index]


def infer_outputs(fn: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    """KerasTensors like the results of `fn(*args, **kwargs)`: its body runs on values without numbers.

    It runs twice if there are unknown dimensions, with different sizes for them; sizes (and ints) that come out different are unknown.
    If `fn` refuses these sizes, unknown dimensions are taken to have a size that another tensor has, one or two of them.
    """
    leaves = tree.flatten((args, kwargs))
    tensors = {id(y): y for x in leaves if isinstance(x, KerasTensor) for y in _sources(x)}

    def call(values: Any) -> Any:
        known = dict(zip(tensors, values, strict=True))
        call_args, call_kwargs = tree.map_structure(lambda x: _value(x, known), (args, kwargs))
        return tree.flatten_with_structure(fn(*call_args, **call_kwargs))

    symbols = list(tensors.values())
    try:
        return _infer(call, symbols, {})
    except ValueError as error:
        for guess in _guesses(symbols, leaves):
            with contextlib.suppress(ValueError):
                return _loosened(_infer(call, symbols, guess), call, symbols, guess)
        error.args = (str(error).replace(str(STAND_INS[0]), "None"),)
        raise


Guess = dict[tuple[KerasTensor, int], int]  # (tensor, axis) -> its size


def _guesses(symbols: list[KerasTensor], leaves: list[Any]) -> Iterator[Guess]:
    """One unknown dimension, then two of them, of a size that occurs in other tensors."""
    sizes = dict.fromkeys(n for x in leaves if hasattr(x, "shape") for n in x.shape if n is not None and n > 1)
    unknown = [(x, axis) for x in symbols for axis, n in enumerate(x.shape) if n is None]
    single = list(itertools.product(unknown, sizes))
    pairs = ([a, b] for a, b in itertools.combinations(single, 2) if a[0] != b[0])
    yield from map(dict, itertools.islice(itertools.chain(([a] for a in single), pairs), MOST_GUESSES))


def _loosened(results: Any, call: Callable[[list[Value]], Any], symbols: list[KerasTensor], guess: Guess) -> Any:
    """The results without the sizes that follow from a guess by chance: where one more would have done as well."""
    for place, size in guess.items():
        with contextlib.suppress(ValueError):
            results = tree.map_structure(_spec, results, _infer(call, symbols, {**guess, place: size + 1}))
    return results


def _infer(call: Callable[[list[Value]], Any], symbols: list[KerasTensor], guess: Guess) -> Any:
    """The specs of the results of `call`, which gives leaves and their structure, where unknown sizes are as guessed, or stood in for."""
    shapes = [tuple(guess.get((x, axis), n) for axis, n in enumerate(x.shape)) for x in symbols]
    scale = 1

    def run(turn: int) -> tuple[list[Any], Any, bool]:
        size_of_none = STAND_INS[turn] * scale
        specs = [(tuple(size_of_none if n is None else n for n in shape), x.dtype) for x, shape in zip(symbols, shapes, strict=True)]
        with common.inferring(turn, size_of_none) as sizes:
            return *infer(context.current().host, call, specs), sizes.used

    unknown = any(None in shape for shape in shapes)
    try:
        results, result_structure, data_dependent = run(0)
    except common.Indivisible as error:
        if not unknown:
            raise
        scale = error.divisor  # of an unknown size, take that it divides
        results, result_structure, data_dependent = run(0)
    for x in results:
        if isinstance(x, KerasTensor):
            raise _from_outside(x)
    others = run(1)[0] if unknown or data_dependent else results
    return tree.unflatten(result_structure, [_spec(a, b) for a, b in zip(results, others, strict=True)])


def _spec(one: Any, other: Any) -> Any:
    """What two runs with different stand-ins gave, as a KerasTensor with None for sizes that differ."""
    if not hasattr(one, "shape"):
        return one if one == other else KerasTensor((), "int32")
    shape = tuple(m if m == n else None for m, n in zip(one.shape, other.shape, strict=True))
    return KerasTensor(shape, dt.name_of(one.dtype))


def _from_outside(x: KerasTensor) -> TypeError:
    return TypeError(
        f"A function or layer uses a symbolic tensor that is not among its arguments: {x!r}. Give it as a further input, as in "
        "`Lambda(lambda xs: xs[0] + xs[1])([a, b])`."
    )
