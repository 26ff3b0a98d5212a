"""SimpleRNN: output and state are activation(x @ kernel + state @ recurrent_kernel + bias)."""

from __future__ import annotations

from typing import Any

from cornu import activations, ops
from cornu.layers.rnn.base import BuiltInRNN, Cell


class SimpleRNNCell(Cell):
    """One step of a SimpleRNN, for `RNN`: `cell(inputs, states)`. Arguments: as in `SimpleRNN`."""

    def __init__(
        self, units: int, activation: Any = "tanh", use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None, bias_regularizer: Any = None, kernel_constraint: Any = None,
        recurrent_constraint: Any = None, bias_constraint: Any = None, dropout: float = 0.0, recurrent_dropout: float = 0.0,
        seed: int | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self._keep(units, use_bias, dropout, recurrent_dropout, seed)
        self._keep_weight_arguments(locals())
        self.activation = activations.get(activation)

    def step(self, projected: Any, states: Any) -> tuple[Any, list[Any]]:
        output = self.activation(ops.add(projected, ops.matmul(states[0], self.recurrent_kernel)))
        return output, [output]


class SimpleRNN(BuiltInRNN):
    """A recurrent layer whose state is its last output (Elman, 1990).

    Args:
        units: size of the state. activation: of the output.
        dropout, recurrent_dropout: rates on inputs and states, one decision per sequence. seed: of these.
        The others: as in `RNN`, and of the weights as in `Dense`.
    """

    cell_class = SimpleRNNCell

    def __init__(
        self, units: int, activation: Any = "tanh", use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None,
        kernel_constraint: Any = None, recurrent_constraint: Any = None, bias_constraint: Any = None, dropout: float = 0.0,
        recurrent_dropout: float = 0.0, return_sequences: bool = False, return_state: bool = False, go_backwards: bool = False,
        stateful: bool = False, unroll: bool = False, seed: int | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        self._make(locals(), kwargs)
