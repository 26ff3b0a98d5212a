"""Placeholders, `K.function`, updates, and the learning phase."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np

from cornu import config, context, ops
from cornu.backend.drawing import drawn, draws
from cornu.contract.engine import Engine, default_dtype
from cornu.contract.program import Program
from cornu.contract.state import StateScope
from cornu.layers.core import InputLayer
from cornu.layers.graph import evaluate, known_values, nodes_between
from cornu.layers.layer import Layer, being_called, keep_masks, training_phase
from cornu.ops.common import is_inferring, shape_of
from cornu.ops.symbolic import KerasTensor
from cornu.primitives import dtypes as dt
from cornu.random.seeds import SeedState
from cornu.variable import Variable

# The learning phase

PHASE = KerasTensor((), "int32", name="keras_learning_phase")


class _Settings:
    phase: int | None = None


def learning_phase() -> Any:
    """1 while training, 0 otherwise.

    It is what was set; in a layer, what that is called with; else a symbolic tensor that `K.function` feeds.
    """
    if _Settings.phase is not None:
        return _Settings.phase
    return PHASE if draws() else int(bool(training_phase()))


def set_learning_phase(value: Any) -> None:
    """Fix the learning phase, `value`, for code that asks `K.learning_phase()`, and for `K.function`: 1 is training.

    Raises:
        ValueError: unless it is 0 or 1.
    """
    if value not in (0, 1):
        raise ValueError(f"Expected learning phase to be 0 or 1, got {value!r}.")
    _Settings.phase = int(value)


def forget_learning_phase() -> None:
    """Undo `set_learning_phase`."""
    _Settings.phase = None


def in_train_phase(x: Any, alt: Any, training: Any = None) -> Any:
    """`x` in training, else `alt`; either may be a function without arguments. training: by default `learning_phase()`."""
    phase = learning_phase() if training is None else training
    if isinstance(phase, (bool, int, np.integer, np.bool_)):
        chosen = x if phase else alt
        return chosen() if callable(chosen) and not hasattr(chosen, "shape") else chosen
    return switch(phase, x, alt)


def in_test_phase(x: Any, alt: Any, training: Any = None) -> Any:
    """`alt` in training, else `x`. See `in_train_phase`."""
    return in_train_phase(alt, x, training)


def switch(condition: Any, then_expression: Any, else_expression: Any) -> Any:
    """One expression or the other.

    Args:
        condition: a scalar tensor; or one of the rank of the expressions, or less, that chooses elementwise.
        then_expression, else_expression: tensors alike, or functions without arguments that give them.

    Raises:
        ValueError: if the condition has more dimensions than the expressions.
    """
    if len(shape_of(condition)) == 0 and not isinstance(condition, KerasTensor) and not draws():
        return ops.cond(ops.cast(condition, "bool"), _thunk(then_expression), _thunk(else_expression))
    return _chosen(condition, _thunk(then_expression)(), _thunk(else_expression)())


def _thunk(expression: Any) -> Callable[[], Any]:
    return expression if callable(expression) and not hasattr(expression, "shape") else lambda: expression


@drawn
def _chosen(condition: Any, then: Any, otherwise: Any) -> Any:
    rank, wanted = len(shape_of(condition)), len(shape_of(then))
    condition = ops.cast(condition, "bool")
    if rank == 0:
        return ops.cond(condition, lambda: ops.convert_to_tensor(then), lambda: ops.convert_to_tensor(otherwise))
    if rank > wanted:
        raise ValueError(
            f"switch: the condition must have at most as many dimensions as the expressions, got shapes {shape_of(condition)}, "
            f"{shape_of(then)} and {shape_of(otherwise)}."
        )
    return ops.where(ops.reshape(condition, (*shape_of(condition), *(1,) * (wanted - rank))), then, otherwise)


# Placeholders


def placeholder(
    shape: Any = None, ndim: int | None = None, dtype: Any = None, sparse: bool = False, name: str | None = None
) -> KerasTensor:
    """A symbolic tensor that `K.function` feeds.

    Args:
        shape: ints and None for unknown sizes. ndim: number of unknown sizes, instead of a shape. dtype: `floatx()` by default.
        sparse: not supported. name: of the tensor.

    Raises:
        ValueError: without shape and ndim, or for a sparse one.
    """
    if sparse:
        raise ValueError("placeholder: sparse tensors are not supported; use a dense placeholder and feed `x.toarray()`.")
    if shape is None and ndim is None:
        raise ValueError("placeholder: give either `shape` or `ndim`.")
    return KerasTensor((None,) * int(ndim or 0) if shape is None else shape, dtype or config.floatx(), name=name)


def is_placeholder(x: Any) -> bool:
    """Whether `x` is a placeholder: of `K.placeholder`, or of `Input`."""
    return isinstance(x, KerasTensor) and (x.node is None or isinstance(x.node.operation, InputLayer))


def is_keras_tensor(x: Any) -> bool:
    """Whether a model can be drawn with `x`: it is an `Input`, or follows from one or from a layer."""
    if not isinstance(x, KerasTensor):
        return False
    pending, seen = [x.node], set()
    while pending:
        node = pending.pop()
        if node is None or node in seen:
            continue
        if isinstance(node.operation, Layer):
            return True
        seen.add(node)
        pending += node.parents
    return False


# Running


class Run:
    """What happens while a function runs: new values of variables, which are assigned at its end, and what is to be printed.

    scope: holds what layers and generators of random numbers assign meanwhile.
    """

    def __init__(self, scope: StateScope) -> None:
        self.scope = scope
        self.updates: dict[Variable, Any] = {}
        self.prints: list[tuple[str, Any]] = []


_run: ContextVar[Run | None] = ContextVar("cornu_run", default=None)


@contextlib.contextmanager
def run_within(run: Run) -> Iterator[Run]:
    """Inside the block `run` is under way."""
    token = _run.set(run)
    try:
        yield run
    finally:
        _run.reset(token)


def running() -> Run | None:
    """The run of a function that is under way."""
    return _run.get()


class Function:
    """Computes outputs from inputs. See `function`.

    compiles: whether the engine compiles it; else it runs op by op.
    """

    def __init__(self, inputs: Any, outputs: Any, updates: Sequence[Any], name: str | None, compiles: bool = True) -> None:
        self.name = name or "K.function"
        self.inputs, self.outputs = _listed(inputs), outputs
        wrong = [x for x in self.inputs if not isinstance(x, (KerasTensor, int))]
        if wrong:
            raise TypeError(f"{self.name}: inputs must be placeholders or other symbolic tensors, got {wrong[0]!r}.")
        self._updates = [
            x if isinstance(x, KerasTensor) else update(*x) if isinstance(x, (list, tuple)) else _no_update(x) for x in updates
        ]
        given = [x for x in self.inputs if isinstance(x, KerasTensor)]
        wanted = [x for x in [*_listed(outputs), *self._updates] if isinstance(x, KerasTensor)]
        self._nodes = nodes_between([*given, PHASE], wanted)
        self._messages: list[str] = []
        self._program = Program(self._compute, compiles)

    def __call__(self, inputs: Any = ()) -> Any:
        values = _listed(inputs)
        if len(values) != len(self.inputs):
            raise ValueError(
                f"{self.name}: expected {len(self.inputs)} input(s) {[_name(x) for x in self.inputs]}, got {len(values)}."
            )
        phase = _Settings.phase or 0
        fed = []
        with context.use(self._engine()) as engine:
            for i, (symbol, value) in enumerate(zip(self.inputs, values, strict=True)):
                if symbol is PHASE or isinstance(symbol, int):
                    phase = int(np.asarray(value))
                else:
                    fed.append(_checked(engine, value, symbol, f"{self.name}: input {i} ({symbol.name!r})"))
            results, printed = self._program(phase, fed)
            for message, value in zip(self._messages, printed, strict=True):
                print(message, np.asarray(engine.to_numpy(value)))
            arrays = [np.array(engine.to_numpy(x)) for x in results]
        return arrays if isinstance(self.outputs, (list, tuple)) else arrays[0]

    def _engine(self) -> Engine:
        """Where the variables are that it uses; without any, the engine in charge."""
        for node in self._nodes:
            if isinstance(node.operation, Layer):
                engine = node.operation._engine()
                if engine is not None:
                    return engine
            for x in (*node.args, *node.kwargs.values()):
                if isinstance(x, Variable):
                    return x.engine
        return context.current()

    def _compute(self, phase: int, fed: list[Any]) -> Any:
        symbols = [x for x in self.inputs if isinstance(x, KerasTensor) and x is not PHASE]
        known = {id(PHASE): np.asarray(phase, "int32"), **dict(zip(map(id, symbols), fed, strict=True))}
        with StateScope() as scope, run_within(Run(scope)) as now, keep_masks() as call:
            call.training = bool(phase)
            evaluate(self._nodes, known)
            results = [ops.convert_to_tensor(x) for x in known_values(_listed(self.outputs), known)]
            for variable, value in now.updates.items():
                variable.assign(value)
        # What layers assign in a call is dropped, as in Keras 2: to predict in the training phase moves no averages.
        scope.written = {cell: None for cell in scope.written if cell in now.updates or isinstance(cell, SeedState)}
        scope.commit()
        self._messages = [message for message, _ in now.prints]
        return results, [x for _, x in now.prints]


def _listed(x: Any) -> list[Any]:
    return list(x) if isinstance(x, (list, tuple)) else [x]


def _name(x: Any) -> str:
    return x.name if isinstance(x, KerasTensor) else "learning phase"


def _no_update(x: Any) -> Any:
    raise TypeError(f"K.function: an update is what `K.update` gives, or a pair (variable, new value), got {x!r}.")


def _checked(engine: Engine, value: Any, symbol: KerasTensor, where: str) -> Any:
    """What is fed for a placeholder, in its dtype."""
    if isinstance(value, KerasTensor):
        raise TypeError(f"{where}: got a symbolic tensor where numbers are needed: {value!r}.")
    if isinstance(value, Variable):
        value = value.value
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "OSUMm":
        raise TypeError(f"{where}: expected numbers, got an array of dtype {value.dtype}.")
    if not engine.is_tensor(value):
        try:
            have = engine.describe(value, where) if hasattr(value, "shape") else default_dtype(value)
        except (TypeError, ValueError) as error:
            raise type(error)(str(error) if str(error).startswith(where) else f"{where}: {error}") from None
        value = np.asarray(value, None if hasattr(value, "shape") else dt.numpy_dtype(have))
    else:
        have = engine.dtype_of(value)
    shape = tuple(value.shape)
    if len(shape) != symbol.ndim or any(n not in (None, m) for m, n in zip(shape, symbol.shape, strict=True)):
        raise ValueError(f"{where}: expected shape {symbol.shape}, got {shape}.")
    if have == symbol.dtype:
        return value
    if _kind(have) > _kind(symbol.dtype):
        raise TypeError(f"{where}: expected {symbol.dtype}, got {have}, which can't become that without loss. Convert it first.")
    return ops.cast(value, symbol.dtype) if engine.is_tensor(value) else value.astype(dt.numpy_dtype(symbol.dtype))


def _kind(dtype: str) -> int:
    """0 for bool, 1 for integers, 2 for floats, 3 for complex numbers."""
    return 1 if dt.is_integer(dtype) else 2 if dt.is_float(dtype) else 3 * (dtype in dt.COMPLEXES)


def function(inputs: Any, outputs: Any, updates: Any = None, **kwargs: Any) -> Function:
    """A function that computes `outputs` for values of `inputs`, compiled by the engine once for each signature.

    It runs on the engine of the variables that it uses. Variables are read when it runs, and updated at its end; what layers
    change of themselves in a call (moving averages, states) they don't change here.

    Args:
        inputs: list of placeholders (or other symbolic tensors, whose values are then fed). `K.learning_phase()` may be among
            them.
        outputs: list of tensors, or one.
        updates: list of what `K.update` and the like give, or of pairs (variable, new value).
        kwargs: `name`; other arguments, which were the session's, are an error.

    Returns:
        A function of a list of arrays that gives a list of NumPy arrays (one array for one output outside of a list). It raises
        ValueError or TypeError for the wrong number, shape or dtype of arrays.

    Raises:
        ValueError: if the outputs depend on a placeholder that is not among the inputs.
    """
    name = kwargs.pop("name", None)
    if kwargs:
        raise ValueError(f"K.function: {', '.join(kwargs)}: arguments of a session; there are no sessions here.")
    return Function(inputs, outputs, updates or (), name)


def eval(x: Any) -> np.ndarray:
    """The value of a tensor, a variable, or a symbolic tensor that depends on no placeholder, as a NumPy array."""
    if isinstance(x, KerasTensor):
        return Function([], x, (), "K.eval", compiles=False)([])
    if isinstance(x, Variable):
        return x.numpy()
    return ops.convert_to_numpy(x)


# Updates


@drawn
def _assign(variable: Variable, value: Any) -> Any:
    value = ops.cast(value, variable.dtype)
    now = running()
    if now is None or being_called():
        return variable.assign(value)
    if shape_of(value) != variable.shape:
        raise ValueError(f"update: a value of shape {shape_of(value)} for a variable of shape {variable.shape}.")
    now.updates[variable] = value
    return value


def _latest(variable: Variable) -> Any:
    now = running()
    return now.updates.get(variable, variable) if now is not None else variable


@drawn
def _moved(variable: Variable, factor: Any, addend: Any) -> Any:
    """variable := variable * factor + addend."""
    latest = _latest(variable)
    return _assign(variable, ops.add(latest if factor is None else ops.multiply(latest, factor), addend))


def _updating(x: Any, where: str) -> None:
    if not isinstance(x, Variable):
        raise TypeError(f"{where}: expected a variable, got {x!r}.")


def update(x: Variable, new_x: Any) -> Any:
    """An update of variable `x` to `new_x`: for `K.function`, which does it at its end. In a layer's call, and wherever functions
    compute at once, the variable changes now. Gives the new value."""
    _updating(x, "update")
    return _assign(x, new_x)


def update_add(x: Variable, increment: Any) -> Any:
    """An update of `x` to `x + increment`; several add up. See `update`."""
    _updating(x, "update_add")
    return _moved(x, None, increment)


def update_sub(x: Variable, decrement: Any) -> Any:
    """An update of `x` to `x - decrement`; several add up. See `update`."""
    _updating(x, "update_sub")
    return _moved(x, None, _negative(decrement))


@drawn
def _negative(x: Any) -> Any:
    return ops.negative(x)


def moving_average_update(x: Variable, value: Any, momentum: Any) -> Any:
    """An update of `x` to `x * momentum + value * (1 - momentum)`. See `update`."""
    _updating(x, "moving_average_update")
    return _moved(x, momentum, _scaled(value, 1 - momentum))


@drawn
def _scaled(x: Any, factor: Any) -> Any:
    return ops.multiply(x, factor)


# Printing


@drawn
def print_tensor(x: Any, message: str = "") -> Any:
    """`x`, which is printed after `message` when `K.function` or `K.eval` has computed it; now, where functions compute at once.

    A function that is compiled otherwise (`fit`) can't print numbers: there it prints shape and dtype, once.
    """
    now = running()
    if now is not None:
        now.prints.append((message, ops.convert_to_tensor(x)))
    elif not is_inferring():
        try:
            print(message, ops.convert_to_numpy(x))
        except (TypeError, AttributeError, NotImplementedError, RuntimeError, ValueError):
            print(
                message,
                f"<a tensor of shape {shape_of(x)} and dtype {ops.dtype(x)}, whose numbers a compiled function doesn't show>",
            )
    return x


__all__ = [
    "Function", "eval", "function", "in_test_phase", "in_train_phase", "is_keras_tensor", "is_placeholder",
    "learning_phase", "moving_average_update", "placeholder", "print_tensor", "set_learning_phase", "switch", "update",
    "update_add", "update_sub",
]  # fmt: skip
