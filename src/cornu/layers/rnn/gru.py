"""Gated recurrent units."""

from __future__ import annotations

from typing import Any

from cornu import activations, ops
from cornu.layers.rnn.base import BuiltInRNN, Cell


class GRUCell(Cell):
    """One step of a GRU, for `RNN`: `cell(inputs, states)`. The gates stand in the order update, reset, candidate.

    Arguments: as in `GRU`.
    """

    gates = 3
    arguments = "recurrent_activation reset_after"

    def __init__(
        self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid", use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None, recurrent_regularizer: Any = None, bias_regularizer: Any = None,
        kernel_constraint: Any = None, recurrent_constraint: Any = None, bias_constraint: Any = None, dropout: float = 0.0,
        recurrent_dropout: float = 0.0, reset_after: bool = True, seed: int | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self._keep(units, use_bias, dropout, recurrent_dropout, seed)
        self._keep_weight_arguments(locals())
        self.activation, self.recurrent_activation = activations.get(activation), activations.get(recurrent_activation)
        self.reset_after = reset_after

    def _bias_shape(self, width: int) -> tuple[int, ...]:
        return (2, width) if self.reset_after else (width,)

    def project(self, inputs: Any) -> Any:
        x = ops.matmul(inputs, self.kernel)
        if self.bias is None:
            return x
        return ops.add(x, ops.get_item(self.bias, 0) if self.reset_after else self.bias)

    def step(self, projected: Any, states: Any) -> tuple[Any, list[Any]]:
        h, units = states[0], self.units
        recurrent: Any = self.recurrent_kernel
        xz, xr, xc = ops.split(projected, 3, axis=-1)
        if self.reset_after:
            inner = ops.matmul(h, recurrent)
            inner = inner if self.bias is None else ops.add(inner, ops.get_item(self.bias, 1))
            hz, hr, hc = ops.split(inner, 3, axis=-1)
            r = self.recurrent_activation(ops.add(xr, hr))
            hc = ops.multiply(r, hc)
        else:
            hz, hr = ops.split(ops.matmul(h, recurrent[:, : 2 * units]), 2, axis=-1)
            r = self.recurrent_activation(ops.add(xr, hr))
            hc = ops.matmul(ops.multiply(r, h), recurrent[:, 2 * units :])
        z = self.recurrent_activation(ops.add(xz, hz))
        candidate = self.activation(ops.add(xc, hc))
        h = ops.add(ops.multiply(z, h), ops.multiply(ops.subtract(1, z), candidate))
        return h, [h]


class GRU(BuiltInRNN):
    """Gated recurrent units over sequences (N, steps, features) (Cho et al., 2014).

    Args:
        units: size of the state. activation, recurrent_activation: of the candidate and the gates.
        reset_after: apply the reset gate after the matrix product, with a bias of its own, as cuDNN does; otherwise before it,
            as in the paper.
        dropout, recurrent_dropout: rates on inputs and states, one decision per sequence. seed: of these.
        use_cudnn: accepted, no effect.
        The others: as in `RNN`, and of the weights as in `Dense`.
    """

    cell_class = GRUCell

    def __init__(
        self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid", use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None, recurrent_regularizer: Any = None, bias_regularizer: Any = None,
        activity_regularizer: Any = None, kernel_constraint: Any = None, recurrent_constraint: Any = None,
        bias_constraint: Any = None, dropout: float = 0.0, recurrent_dropout: float = 0.0, seed: int | None = None,
        return_sequences: bool = False, return_state: bool = False, go_backwards: bool = False, stateful: bool = False,
        unroll: bool = False, reset_after: bool = True, use_cudnn: Any = "auto", **kwargs: Any,
    ) -> None:  # fmt: skip
        self._make(locals(), kwargs)
