"""Recurrent layers."""

from __future__ import annotations

from typing import Any

from cornu import activations, constraints, initializers, ops, random, regularizers
from cornu.contract import state as cells
from cornu.layers.core import weights_config
from cornu.layers.input_spec import InputSpec
from cornu.layers.layer import Layer
from cornu.variable import Variable


class LSTM(Layer):
    """Long short-term memory over sequences (N, time, features) (Hochreiter and Schmidhuber, 1997).

    Args:
        units: size of the state. activation, recurrent_activation: of cell and gates. unit_forget_bias: start the forget gate's
        bias at one. dropout, recurrent_dropout: on inputs and states, one decision per sequence. return_sequences: give the
        output of each step. return_state: give the last states too. go_backwards: walk from the end. stateful: begin a batch
        with the states at the end of the last. unroll, use_cudnn: accepted, no effect.
    """

    kernel_initializer: Any
    recurrent_initializer: Any

    def __init__(
        self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid", use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True, kernel_regularizer: Any = None, recurrent_regularizer: Any = None,
        bias_regularizer: Any = None, activity_regularizer: Any = None, kernel_constraint: Any = None,
        recurrent_constraint: Any = None, bias_constraint: Any = None, dropout: float = 0.0, recurrent_dropout: float = 0.0,
        seed: int | None = None, return_sequences: bool = False, return_state: bool = False, go_backwards: bool = False,
        stateful: bool = False, unroll: bool = False, use_cudnn: Any = "auto", **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        if not isinstance(units, int) or units <= 0:
            raise ValueError(f"Received an invalid value for argument `units`, expected a positive integer, got {units!r}.")
        self.units, self.use_bias, self.unit_forget_bias = units, use_bias, unit_forget_bias
        self.activation, self.recurrent_activation = activations.get(activation), activations.get(recurrent_activation)
        for name, value in (("kernel", kernel_initializer), ("recurrent", recurrent_initializer), ("bias", bias_initializer)):
            setattr(self, f"{name}_initializer", initializers.get(value))
        for name, value in (("kernel", kernel_regularizer), ("recurrent", recurrent_regularizer), ("bias", bias_regularizer)):
            setattr(self, f"{name}_regularizer", regularizers.get(value))
        for name, value in (("kernel", kernel_constraint), ("recurrent", recurrent_constraint), ("bias", bias_constraint)):
            setattr(self, f"{name}_constraint", constraints.get(value))
        self.dropout, self.recurrent_dropout, self.seed = min(1.0, max(0.0, dropout)), min(1.0, max(0.0, recurrent_dropout)), seed
        if self.dropout or self.recurrent_dropout:
            self.seed_generator = random.SeedGenerator(seed)
        self.return_sequences, self.return_state = return_sequences, return_state
        self.go_backwards, self.stateful, self.unroll = go_backwards, stateful, unroll
        self.states: list[Variable] | None = None
        self.supports_masking = True
        self.input_spec = InputSpec(ndim=3)

    def build(self, input_shape: Any) -> None:
        def weight(name: str, part: str, shape: Any, initializer: Any) -> Any:
            return self.add_weight(
                shape, initializer, regularizer=getattr(self, f"{part}_regularizer"),
                constraint=getattr(self, f"{part}_constraint"), name=name,
            )  # fmt: skip

        self.kernel = weight("kernel", "kernel", (input_shape[-1], 4 * self.units), self.kernel_initializer)
        self.recurrent_kernel = weight("recurrent_kernel", "recurrent", (self.units, 4 * self.units), self.recurrent_initializer)
        self.bias = weight("bias", "bias", (4 * self.units,), self._first_bias) if self.use_bias else None
        if self.stateful:
            if input_shape[0] is None:
                raise ValueError(f"Layer {self.name!r}: a stateful RNN needs a fixed batch size; give `batch_shape` to the Input.")
            self.states = [Variable(initializers.Zeros(), (input_shape[0], self.units), self.variable_dtype, trainable=False) for _ in "hc"]
        self.input_spec = InputSpec(ndim=3, axes={-1: input_shape[-1]})

    def _first_bias(self, shape: Any, dtype: Any = None) -> Any:
        bias = self.bias_initializer(shape, dtype)  # type: ignore[attr-defined]
        if self.unit_forget_bias:
            bias[self.units : 2 * self.units] = 1
        return bias

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool | None = False) -> Any:
        batch = sequences.shape[0]
        if initial_state is not None:
            h, c = initial_state
        elif self.states is not None:
            h, c = (s.value for s in self.states)
        else:
            h = c = ops.zeros((batch, self.units), self.compute_dtype)
        if training and self.dropout:
            sequences = random.dropout(sequences, self.dropout, (None, 1, None), self.seed_generator)
        recurrent: Any = self.recurrent_kernel
        if training and self.recurrent_dropout:  # one decision per unit and batch
            keep = random.dropout(ops.ones((self.units, 1), self.compute_dtype), self.recurrent_dropout, None, self.seed_generator)
            recurrent = ops.multiply(recurrent, keep)
        if mask is not None and len(mask.shape) == 3:
            mask = ops.squeeze(mask, -1)
        plain = (self.activation, self.recurrent_activation) == (activations.tanh, activations.sigmoid)
        functions = None if plain else (self.recurrent_activation, self.activation)
        outputs, h, c = ops.lstm(sequences, h, c, self.kernel, recurrent, self.bias, mask, functions, self.go_backwards)
        if self.states is not None:
            for variable, value in zip(self.states, (h, c), strict=True):
                variable.assign(value)
        if self.go_backwards and self.return_sequences:
            outputs = ops.flip(outputs, 1)
        result = outputs if self.return_sequences else h
        return (result, h, c) if self.return_state else result

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        mask = previous_mask if self.return_sequences else None
        return mask

    def _memory(self) -> list[Variable]:
        return [*super()._memory(), *(self.states or ())]

    def reset_state(self) -> None:
        """Set the states of a stateful layer to zero."""
        for variable in self.states or ():
            cells.write(variable, variable.engine.asarray(initializers.Zeros()(variable.shape, variable.storage_dtype)))

    reset_states = reset_state

    def get_config(self) -> dict[str, Any]:
        names = (
            "units use_bias unit_forget_bias dropout recurrent_dropout seed return_sequences return_state go_backwards stateful unroll"
        )
        return {
            **super().get_config(), **{name: getattr(self, name) for name in names.split()},
            "activation": activations.serialize(self.activation),
            "recurrent_activation": activations.serialize(self.recurrent_activation), **weights_config(self, "kernel", "recurrent", "bias"),
        }  # fmt: skip
