"""RNN: any cell walked along sequences by one scan."""

from __future__ import annotations

import inspect
from typing import Any

from cornu import initializers, ops, random, tree
from cornu.layers.input_spec import InputSpec
from cornu.layers.layer import Layer, layer_config, layer_from
from cornu.layers.weights import Weighted
from cornu.ops.common import aligned
from cornu.variable import Variable


class Cell(Weighted):
    """Base of the built-in cells: one step of a recurrent layer.

    A subclass has `units`, the names of its gates' factor `gates`, and `step(projected, states)`, where `projected` is
    `inputs @ kernel + bias` already: for a whole sequence that product is one.
    """

    units: int
    gates = 1
    arguments = "units activation use_bias dropout recurrent_dropout seed"
    bias_initializer: Any

    def _keep(self, units: int, use_bias: bool, dropout: float, recurrent_dropout: float, seed: int | None) -> None:
        if not isinstance(units, int) or isinstance(units, bool) or units <= 0:
            raise ValueError(f"Received an invalid value for argument `units`, expected a positive integer, got {units!r}.")
        self.units, self.use_bias, self.seed = units, use_bias, seed
        self.dropout, self.recurrent_dropout = min(1.0, max(0.0, dropout)), min(1.0, max(0.0, recurrent_dropout))
        if self.dropout or self.recurrent_dropout:
            self.seed_generator = random.SeedGenerator(seed)

    @property
    def state_size(self) -> Any:
        """Size of the state, or list of sizes."""
        return self.units

    @property
    def output_size(self) -> int:
        """Size of the output."""
        return self.units

    def build(self, input_shape: Any) -> None:
        width = self.gates * self.units
        self.kernel = self._add("kernel", (input_shape[-1], width))
        self.recurrent_kernel = self._add("recurrent_kernel", (self.units, width), "recurrent")
        self.bias = self._add("bias", self._bias_shape(width), initializer=self._first_bias) if self.use_bias else None

    def _bias_shape(self, width: int) -> tuple[int, ...]:
        return (width,)

    def _first_bias(self, shape: Any, dtype: Any = None) -> Any:
        return self.bias_initializer(shape, dtype=dtype)

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """Zeros for each state, for `batch_size` samples."""
        sizes = self.state_size if isinstance(self.state_size, (list, tuple)) else [self.state_size]
        return [ops.zeros((batch_size, size), dtype=self.compute_dtype) for size in sizes]

    def project(self, inputs: Any) -> Any:
        """The part of a step that depends on the `inputs` alone, of one step (N, features) or all (N, steps, features)."""
        x = ops.matmul(inputs, self.kernel)
        return x if self.bias is None else ops.add(x, self.bias)

    def step(self, projected: Any, states: Any) -> tuple[Any, list[Any]]:
        """Output and new states of one step. projected: what `project` gives. states: a list."""
        raise NotImplementedError

    def call(self, inputs: Any, states: Any, training: bool | None = False) -> tuple[Any, Any]:
        inputs, states = self.dropped(inputs, bool(training)), list(states) if isinstance(states, (list, tuple)) else [states]
        keep = self.recurrent_mask(inputs.shape[0], bool(training))
        return self.step(self.project(inputs), states if keep is None else [ops.multiply(states[0], keep), *states[1:]])

    def dropped(self, inputs: Any, training: bool) -> Any:
        """`inputs` after dropout, if `training`; a sequence is one decision per feature for all steps."""
        if not training or not self.dropout:
            return inputs
        shape = (None, 1, None) if len(inputs.shape) == 3 else None
        return random.dropout(inputs, self.dropout, shape, self.seed_generator)

    def recurrent_mask(self, batch_size: int, training: bool) -> Any:
        """Factors for the state that multiplies the recurrent kernel, the same at all steps, for `batch_size` samples.

        None for all ones, which they are unless `training`.
        """
        if not training or not self.recurrent_dropout:
            return None
        ones = ops.ones((batch_size, self.units), dtype=self.compute_dtype)
        return random.dropout(ones, self.recurrent_dropout, None, self.seed_generator)


class StackedRNNCells(Layer):
    """`cells` one after the other at each step, as one cell. Its state is the list of their states.

    Raises:
        ValueError: for what has no `call` and `state_size`.
    """

    def __init__(self, cells: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for cell in cells:
            if not hasattr(cell, "call") or not hasattr(cell, "state_size"):
                raise ValueError(f"All cells must have a `call` method and a `state_size` attribute. Received: {cell!r}")
        self.cells = list(cells)

    @property
    def state_size(self) -> list[Any]:
        """Of each cell."""
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> Any:
        """Of the last cell."""
        last = self.cells[-1]
        return getattr(last, "output_size", None) or tree.flatten(last.state_size)[0]

    def build(self, input_shape: Any) -> None:
        for cell in self.cells:
            if isinstance(cell, Layer) and not cell.built:
                cell.build(input_shape)
                cell.built = True
            size = getattr(cell, "output_size", None) or tree.flatten(cell.state_size)[0]
            input_shape = (input_shape[0], size)

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """Of each cell, for `batch_size` samples."""
        return [_initial_state(cell, batch_size, self.compute_dtype) for cell in self.cells]

    def call(self, inputs: Any, states: Any, training: bool | None = False) -> tuple[Any, list[Any]]:
        after = []
        for cell, own in zip(self.cells, states, strict=True):
            inputs, new = _call_cell(cell, inputs, own, training)
            after.append(new)
        return inputs, after

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "cells": [layer_config(cell) for cell in self.cells]}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> StackedRNNCells:
        """From a config."""
        return cls([layer_from(cell) for cell in config["cells"]], **{k: v for k, v in config.items() if k != "cells"})


def _initial_state(cell: Any, batch_size: int | None, dtype: str) -> Any:
    if hasattr(cell, "get_initial_state"):
        return cell.get_initial_state(batch_size=batch_size)
    sizes = cell.state_size if isinstance(cell.state_size, (list, tuple)) else [cell.state_size]
    made = [ops.zeros((batch_size, *((size,) if isinstance(size, int) else size)), dtype=dtype) for size in sizes]
    return made if isinstance(cell.state_size, (list, tuple)) else made[0]


def _call_cell(cell: Any, inputs: Any, states: Any, training: Any) -> tuple[Any, Any]:
    takes = "training" in inspect.signature(cell.call if isinstance(cell, Layer) else cell).parameters
    return cell(inputs, states, training=training) if takes else cell(inputs, states)


class RNN(Layer):
    """A cell walked along sequences (N, steps, features).

    Args:
        cell: has `call(inputs, states) -> (output, new states)`, `state_size`, and perhaps `output_size` and
            `get_initial_state(batch_size)`; a list of cells is stacked.
        return_sequences: give the output of each step. return_state: give the last states too. go_backwards: walk from the end.
        stateful: begin a batch with the states at the end of the last. unroll: accepted; engines unroll as they see fit.
        zero_output_for_mask: outputs of masked steps are zeros instead of the output before.

    Call arguments: sequences, initial_state, mask (N, steps), training.
    """

    arguments = "return_sequences return_state go_backwards stateful unroll zero_output_for_mask"

    def __init__(
        self, cell: Any, return_sequences: bool = False, return_state: bool = False, go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False, zero_output_for_mask: bool = False, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        cell = StackedRNNCells(cell) if isinstance(cell, (list, tuple)) else cell
        if not hasattr(cell, "call") or not hasattr(cell, "state_size"):
            raise ValueError(f"Argument `cell` should have a `call` method and a `state_size` attribute. Received: cell={cell!r}")
        self.cell, self.return_sequences, self.return_state, self.go_backwards = (
            cell,
            return_sequences,
            return_state,
            go_backwards,
        )
        self.stateful, self.unroll, self.zero_output_for_mask = stateful, unroll, zero_output_for_mask
        self.states: Any = None
        self.supports_masking = True
        self.input_spec = InputSpec(min_ndim=3)

    def build(self, sequences_shape: Any) -> None:
        if isinstance(self.cell, Layer) and not self.cell.built:
            self.cell.build((sequences_shape[0], *sequences_shape[2:]))
            self.cell.built = True
        self.input_spec = InputSpec(ndim=len(sequences_shape), axes={-1: sequences_shape[-1]})
        if self.stateful:
            if sequences_shape[0] is None:
                raise ValueError(
                    f"Layer {self.name!r}: a stateful RNN needs a fixed batch size; give `batch_shape` to the Input."
                )
            shapes = tree.map_structure(lambda x: tuple(x.shape), self.get_initial_state(sequences_shape[0]))
            self.states = _state_variables(shapes, self.compute_dtype)

    def get_initial_state(self, batch_size: int | None) -> Any:
        """The states before the first step, a list, for `batch_size` samples."""
        found = _initial_state(self.cell, batch_size, self.compute_dtype)
        return found if isinstance(found, (list, tuple)) else [found]

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool | None = False) -> Any:
        if initial_state is not None:
            states = list(initial_state) if isinstance(initial_state, (list, tuple)) else [initial_state]
        elif self.states is not None:
            states = tree.map_structure(lambda s: s.value, self.states)
        else:
            states = self.get_initial_state(sequences.shape[0])
        mask = ops.squeeze(mask, -1) if mask is not None and len(mask.shape) == 3 else mask
        outputs, last, states = self.walk(sequences, states, mask, training)
        if self.states is not None:
            for variable, value in zip(tree.flatten(self.states), tree.flatten(states), strict=True):
                variable.assign(value)
        if self.return_sequences:
            result = ops.flip(outputs, 1) if self.go_backwards else outputs
        else:
            result = last
        return (result, *states) if self.return_state else result

    def walk(self, sequences: Any, states: Any, mask: Any, training: Any) -> tuple[Any, Any, Any]:
        """Outputs at their places (N, steps, …), the last output, the last states.

        sequences: (N, steps, …). states: a list. mask: bools (N, steps), or None. training: whether dropout applies.
        """
        step, sequences = self._step(sequences, training)
        xs = [ops.moveaxis(sequences, 1, 0)]
        if mask is not None:
            xs.append(ops.moveaxis(ops.cast(mask, "bool"), 1, 0))
        remember = mask is not None and not self.zero_output_for_mask
        first = [ops.zeros_like(step(xs[0][0], states)[0])] if remember else []  # the output before the first step

        def body(carry: Any, elements: Any) -> Any:
            states, before = carry
            output, new = step(elements[0], states)
            new = new if isinstance(new, (list, tuple)) else [new]
            if mask is not None:
                keep = elements[1]
                output = _select(keep, output, before[0] if remember else ops.zeros_like(output))
                new = tree.map_structure(lambda a, b: _select(keep, a, b), list(new), states)
            return (list(new), [output] if remember else []), output

        (states, _), outputs = ops.scan(body, (list(states), first), xs, reverse=self.go_backwards)
        last = outputs[0] if self.go_backwards else outputs[-1]
        return ops.moveaxis(outputs, 0, 1), last, states

    def _step(self, sequences: Any, training: Any) -> tuple[Any, Any]:
        """The cell's step as a function of (element, states), and the sequences whose elements it takes."""
        cell = self.cell
        if not isinstance(cell, Cell):
            return lambda x, states: _call_cell(
                cell, x, list(states) if isinstance(cell.state_size, (list, tuple)) else states[0], training
            ), sequences
        sequences = cell.dropped(sequences, bool(training))
        keep = cell.recurrent_mask(sequences.shape[0], bool(training))
        forget = (lambda states: states) if keep is None else (lambda states: [ops.multiply(states[0], keep), *states[1:]])
        return lambda x, states: cell.step(x, forget(states)), cell.project(sequences)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        mask = previous_mask if self.return_sequences else None
        return [mask, *[None] * len(self.get_initial_state(1))] if self.return_state else mask

    def _memory(self) -> list[Variable]:
        return [*super()._memory(), *tree.flatten(self.states or [])]

    def reset_state(self) -> None:
        """Set the states of a stateful layer to zero."""
        for variable in tree.flatten(self.states or []):
            variable.assign(initializers.Zeros()(variable.shape, dtype=variable.storage_dtype))

    reset_states = reset_state

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "cell": layer_config(self.cell)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> RNN:
        """From a config."""
        return cls(layer_from(config["cell"]), **{k: v for k, v in config.items() if k != "cell"})


def _select(keep: Any, new: Any, old: Any) -> Any:
    """`new` for the samples that are kept, else `old`."""
    return ops.where(aligned(keep, new), new, old)


def _state_variables(shapes: Any, dtype: str) -> Any:
    """A variable of zeros for each shape in nested lists."""
    if isinstance(shapes, tuple) and all(isinstance(n, int) for n in shapes):
        return Variable(initializers.Zeros(), shapes, dtype, trainable=False, name="rnn_state")
    return [_state_variables(s, dtype) for s in shapes]


class BuiltInRNN(RNN):
    """Base of SimpleRNN, GRU and LSTM: the arguments of RNN and of the cell in one, and the cell's as attributes."""

    cell_class: type[Cell]

    def _make(self, given: dict[str, Any], kwargs: dict[str, Any]) -> None:
        """From the constructor's arguments (`locals()`)."""
        walking = {name: given[name] for name in "return_sequences return_state go_backwards stateful unroll".split()}
        of_cell = {name: given[name] for name in inspect.signature(self.cell_class).parameters if name != "kwargs"}
        policy = {key: kwargs[key] for key in ("dtype", "trainable") if key in kwargs}
        super().__init__(
            self.cell_class(**of_cell, **policy), **walking, activity_regularizer=given.get("activity_regularizer"), **kwargs
        )
        self.input_spec = InputSpec(ndim=3)

    def __getattr__(self, name: str) -> Any:
        cell = self.__dict__.get("cell")
        if cell is None or name.startswith("_"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(cell, name)

    def get_config(self) -> dict[str, Any]:
        own, cell = RNN.get_config(self), self.cell.get_config()
        own.pop("cell")
        return {**cell, **own}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """From a config."""
        return cls(**config)
