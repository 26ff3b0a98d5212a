"""Long short-term memory."""

from __future__ import annotations

from typing import Any

from cornu import activations, ops
from cornu.layers.rnn.base import BuiltInRNN, Cell


class LSTMCell(Cell):
    """One step of an LSTM, for `RNN`: `cell(inputs, states)`. The gates stand in the order input, forget, cell, output.

    Arguments: as in `LSTM`.
    """

    gates = 4
    arguments = "recurrent_activation unit_forget_bias"

    def __init__(
        self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid", use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True, kernel_regularizer: Any = None, recurrent_regularizer: Any = None,
        bias_regularizer: Any = None, kernel_constraint: Any = None, recurrent_constraint: Any = None,
        bias_constraint: Any = None, dropout: float = 0.0, recurrent_dropout: float = 0.0, seed: int | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self._keep(units, use_bias, dropout, recurrent_dropout, seed)
        self._keep_weight_arguments(locals())
        self.activation, self.recurrent_activation = activations.get(activation), activations.get(recurrent_activation)
        self.unit_forget_bias = unit_forget_bias

    @property
    def state_size(self) -> list[int]:
        """Of output and memory."""
        return [self.units, self.units]

    def _first_bias(self, shape: Any, dtype: Any = None) -> Any:
        bias = super()._first_bias(shape, dtype)
        if self.unit_forget_bias:
            bias[self.units : 2 * self.units] = 1
        return bias

    def step(self, projected: Any, states: Any) -> tuple[Any, list[Any]]:
        h, c = states
        i, f, g, o = ops.split(ops.add(projected, ops.matmul(h, self.recurrent_kernel)), 4, axis=-1)
        gate = self.recurrent_activation
        c = ops.add(ops.multiply(gate(f), c), ops.multiply(gate(i), self.activation(g)))
        h = ops.multiply(gate(o), self.activation(c))
        return h, [h, c]


class LSTM(BuiltInRNN):
    """Long short-term memory over sequences (N, steps, features) (Hochreiter and Schmidhuber, 1997).

    Args:
        units: size of the state. activation, recurrent_activation: of cell and gates.
        unit_forget_bias: start the forget gate's bias at one.
        dropout, recurrent_dropout: rates on inputs and states, one decision per sequence. seed: of these.
        use_cudnn: accepted, no effect.
        The others: as in `RNN`, and of the weights as in `Dense`.
    """

    cell_class = LSTMCell

    def __init__(
        self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid", use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True, kernel_regularizer: Any = None, recurrent_regularizer: Any = None,
        bias_regularizer: Any = None, activity_regularizer: Any = None, kernel_constraint: Any = None,
        recurrent_constraint: Any = None, bias_constraint: Any = None, dropout: float = 0.0, recurrent_dropout: float = 0.0,
        seed: int | None = None, return_sequences: bool = False, return_state: bool = False, go_backwards: bool = False,
        stateful: bool = False, unroll: bool = False, use_cudnn: Any = "auto", **kwargs: Any,
    ) -> None:  # fmt: skip
        self._make(locals(), kwargs)

    def walk(self, sequences: Any, states: Any, mask: Any, training: Any) -> tuple[Any, Any, Any]:
        cell = self.cell
        if (training and cell.recurrent_dropout) or self.zero_output_for_mask:
            return super().walk(sequences, states, mask, training)
        plain = (cell.activation, cell.recurrent_activation) == (activations.tanh, activations.sigmoid)
        functions = None if plain else (cell.recurrent_activation, cell.activation)
        sequences = cell.dropped(sequences, bool(training))
        first_h, first_c = states
        outputs, h, c = ops.lstm(
            sequences, first_h, first_c, cell.kernel, cell.recurrent_kernel, cell.bias, mask, functions, self.go_backwards
        )
        return outputs, h, [h, c]
