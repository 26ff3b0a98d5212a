"""Data adapters: whatever a user may give to `fit` as a sequence of batches of NumPy arrays (or engine tensors)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from cornu import config, random, tree
from cornu.contract import registry
from cornu.contract.engine import owner_of
from cornu.contract.state import Cell

CHUNK_BYTES = 16 * 2**20  # shuffled batches are gathered this much at a time: few NumPy calls, little memory

Flat = tuple[list[Any], Any]  # the leaves of `(batch,)` and their structure: the arguments of a step


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """`(x, y, sample_weight)` of `data`, a batch as `fit` hands it to `train_step`; None for what is missing.

    Raises:
        ValueError: if it is a tuple of more than three.
    """
    if isinstance(data, list):
        data = tuple(data)
    if not isinstance(data, tuple):
        return data, None, None
    if len(data) > 3:
        raise ValueError(f"Data is expected as `x`, `(x, y)` or `(x, y, sample_weight)`; got a tuple of {len(data)}.")
    return (*data, None, None, None)[:3]  # type: ignore[return-value]


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """The inverse of `unpack_x_y_sample_weight`: `x`, `(x, y)` or `(x, y, sample_weight)`."""
    if y is None and sample_weight is None:
        return x if not isinstance(x, (tuple, list)) else (x,)
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def _as_array(x: Any, what: str) -> Any:
    """One array of the data in the dtype that training wants: floating-point numbers in `floatx()`."""
    if isinstance(x, Cell):
        x = x.value
    if not isinstance(x, np.ndarray):
        owner = owner_of(x)
        if owner is not None:
            x = registry.get(owner).to_numpy(x)
        elif hasattr(x, "to_numpy"):  # pandas
            x = x.to_numpy()
        else:
            x = np.asarray(x)
    if x.dtype == object or x.dtype.kind in "USV":
        raise ValueError(f"{what} can't be made an array of numbers: it has dtype {x.dtype}.")
    if x.dtype.kind == "f" and x.dtype.name != config.floatx():
        dtype = np.dtype("float32") if config.floatx() == "bfloat16" else np.dtype(config.floatx())
        x = x.astype(dtype)
    return x


def to_arrays(data: Any, what: str) -> Any:
    """Nested data with arrays for leaves."""
    if isinstance(data, list) and data and not hasattr(data[0], "shape") and not isinstance(data[0], dict):
        return _as_array(data, what)  # nested lists of numbers are one array
    return tree.map_structure(lambda leaf: _as_array(leaf, what), data, none_is_leaf=False)


def _samples(data: Any) -> int:
    for what, part in data.items():
        if any(leaf is not None and not leaf.shape for leaf in tree.flatten(part)):
            raise ValueError(f"{what} needs an axis of samples; a single number was given.")
    sizes = {what: {leaf.shape[0] for leaf in tree.flatten(part) if leaf is not None} for what, part in data.items()}
    distinct = set().union(*sizes.values())
    if len(distinct) != 1:
        told = ", ".join(f"{what}: {', '.join(map(str, sorted(size)))}" for what, size in sizes.items() if size)
        raise ValueError(f"Data cardinality is ambiguous: make sure that all arrays have the same number of samples ({told}).")
    return distinct.pop()


class ArrayAdapter:
    """Batches of arrays in memory, each epoch in a new order if `shuffle`.

    Args:
        x, y, sample_weight: nested arrays with the samples along the first axis.
        batch_size: samples per batch.
        shuffle: True, False, or "batch" (batches keep their samples, their order changes).
        class_weight: class index -> weight; multiplied into the sample weights.
        steps: batches per epoch; an epoch then goes on where the last one ended. None for all.
    """

    def __init__(
        self, x: Any, y: Any = None, sample_weight: Any = None, batch_size: int = 32, shuffle: Any = False,
        class_weight: Any = None,
        steps: int | None = None,
    ) -> None:  # fmt: skip
        if batch_size < 1:
            raise ValueError(f"batch_size must be positive, got {batch_size}.")
        _check_steps(steps)
        x, y = to_arrays(x, "x"), to_arrays(y, "y")
        if sample_weight is not None:
            sample_weight = to_arrays(sample_weight, "sample_weight")
        if class_weight is not None:
            sample_weight = class_weights_to_sample_weights(y, class_weight, sample_weight)
        self.data = pack_x_y_sample_weight(x, y, sample_weight)
        self.samples = _samples({"x": x, "y": y, "sample_weight": sample_weight})
        if not self.samples:
            raise ValueError("There are no samples: the arrays are empty along their first axis.")
        self.batch_size, self.shuffle = batch_size, shuffle
        self.steps: int | None = steps or math.ceil(self.samples / batch_size)
        self._partial = bool(steps)
        self.restart()

    def restart(self) -> None:
        """Let the next epoch begin with the first sample, also where an epoch has a number of steps."""
        self._endless = itertools.chain.from_iterable(self._pass() for _ in itertools.repeat(None))

    def epoch(self) -> Iterator[Flat]:
        """The batches of one epoch."""
        return itertools.islice(self._endless, self.steps) if self._partial else self._pass()

    def _pass(self) -> Iterator[Flat]:
        """Batches until all samples were there."""
        leaves, structure = tree.flatten_with_structure((self.data,))
        order = self._order()
        size = self.batch_size
        row_bytes = sum(leaf.nbytes // max(len(leaf), 1) for leaf in leaves if leaf is not None)
        chunk = size * max(1, CHUNK_BYTES // max(row_bytes * size, 1)) if order is not None else self.samples
        for begin in range(0, self.samples, chunk):
            if order is None:
                block = leaves
            else:
                rows = order[begin : begin + chunk]
                block = [leaf if leaf is None else np.take(leaf, rows, axis=0) for leaf in leaves]
            for start in range(0, min(chunk, self.samples - begin), size):
                yield [leaf if leaf is None else leaf[start : start + size] for leaf in block], structure

    def _order(self) -> np.ndarray | None:
        if not self.shuffle:
            return None
        if self.shuffle == "batch":
            whole = self.samples // self.batch_size
            rows = np.arange(whole * self.batch_size).reshape(whole, self.batch_size)[random.permutation(whole)]
            return np.concatenate([rows.ravel(), np.arange(whole * self.batch_size, self.samples)])
        return random.permutation(self.samples)


class IterableAdapter:
    """Batches from a generator, an iterable, or an indexable dataset with `__len__` and `__getitem__`.

    Args:
        source: gives `x`, `(x, y)` or `(x, y, sample_weight)` batches.
        steps: batches per epoch; None to go on until the source ends.
        class_weight: class index -> weight.
    """

    def __init__(self, source: Any, steps: int | None = None, shuffle: Any = False, class_weight: Any = None) -> None:
        _check_steps(steps)
        self.source, self.shuffle, self.class_weight = source, shuffle, class_weight
        self.indexed = hasattr(source, "__getitem__") and hasattr(source, "__len__")
        self.steps = steps if steps is not None else _length(source)
        self._iterator: Iterator[Any] | None = None
        self._given_steps = steps

    def restart(self) -> None:
        """Let the next epoch begin with the first batch, where the source can be iterated again."""
        self._iterator = None

    def epoch(self) -> Iterator[Flat]:
        """The batches of one epoch. A generator goes on where the last epoch ended."""
        if self.indexed:
            getattr(self.source, "on_epoch_begin", lambda: None)()
            count = len(self.source)
            order = random.permutation(count) if self.shuffle else range(count)
            batches: Iterable[Any] = (self.source[int(i)] for i in order)
        elif self._given_steps is None:
            batches = iter(self.source)
        else:
            self._iterator = self._iterator or iter(self.source)
            batches = self._iterator
        for batch in itertools.islice(batches, self._given_steps):
            x, y, sample_weight = unpack_x_y_sample_weight(batch)
            x, y, sample_weight = to_arrays(x, "x"), to_arrays(y, "y"), to_arrays(sample_weight, "sample_weight")
            if self.class_weight is not None:
                sample_weight = class_weights_to_sample_weights(y, self.class_weight, sample_weight)
            yield tree.flatten_with_structure((pack_x_y_sample_weight(x, y, sample_weight),))
        if self.indexed:
            getattr(self.source, "on_epoch_end", lambda: None)()


def _check_steps(steps: int | None) -> None:
    if steps is not None and steps < 1:
        raise ValueError(f"The number of steps must be positive, got {steps}.")


def _length(source: Any) -> int | None:
    try:
        return len(source)
    except TypeError:
        return None


def adapt(
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    batch_size: int | None = None,
    steps: int | None = None,
    shuffle: Any = False,
    class_weight: Any = None,
) -> ArrayAdapter | IterableAdapter:
    """The adapter for what the user gave.

    Raises:
        ValueError: if `y` or `sample_weight` are given beside a dataset that holds them, or nothing fits.
    """
    if x is None:
        raise ValueError("There is no data: `x` is None.")
    is_dataset = (
        not isinstance(x, (list, tuple, dict, np.ndarray, Cell)) and not hasattr(x, "shape") and not hasattr(x, "to_numpy")
    )
    if not is_dataset:
        return ArrayAdapter(x, y, sample_weight, 32 if batch_size is None else batch_size, shuffle, class_weight, steps)
    for name, value in (("y", y), ("sample_weight", sample_weight)):
        if value is not None:
            raise ValueError(
                f"`{name}` can't be given when `x` is a dataset or generator ({type(x).__name__}): its batches hold it."
            )
    if not hasattr(x, "__iter__") and not hasattr(x, "__getitem__"):
        raise ValueError(f"Can't take data from `x` of type {type(x).__name__}: expected arrays, a generator, or a dataset.")
    return IterableAdapter(x, steps, shuffle, class_weight)


def class_weights_to_sample_weights(y: Any, class_weight: dict[int, float], sample_weight: Any = None) -> np.ndarray:
    """A weight per sample: that of its class (argmax of one-hot `y`, else `y` itself; 1 if not named), times `sample_weight`.

    Raises:
        ValueError: if `y` is not one array.
    """
    if not isinstance(y, np.ndarray):
        raise ValueError("`class_weight` needs a single array of targets; give `sample_weight` for models with several outputs.")
    classes = y.argmax(axis=-1) if y.ndim > 1 and y.shape[-1] > 1 else y.reshape(len(y), -1)[:, 0] if y.ndim > 1 else y
    dtype = np.dtype("float32") if config.floatx() in ("bfloat16", "float16") else np.dtype(config.floatx())
    weights = np.ones(classes.shape, dtype)
    for index, weight in class_weight.items():
        weights[np.round(classes) == index] = weight
    return weights if sample_weight is None else weights * sample_weight


def train_validation_split(arrays: Any, validation_split: float) -> tuple[Any, Any]:
    """Split nested arrays: the last `validation_split` share of the samples is for validation.

    Returns:
        Two structures like `arrays`.

    Raises:
        ValueError: if a part would be empty, or a leaf is no array.
    """
    leaves = [leaf for leaf in tree.flatten(arrays) if leaf is not None]
    if not all(hasattr(leaf, "shape") for leaf in leaves):
        raise ValueError("`validation_split` needs arrays; give `validation_data` beside a dataset or generator.")
    count = len(leaves[0])
    at = math.floor(count * (1.0 - validation_split))
    if not 0 < at < count:
        raise ValueError(f"Training data has {count} samples: validation_split={validation_split} leaves one part empty.")
    take: Callable[[slice], Any] = lambda rows: tree.map_structure(lambda a: a[rows], arrays, none_is_leaf=False)  # noqa: E731
    return take(slice(0, at)), take(slice(at, None))
