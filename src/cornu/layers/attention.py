"""Multi-head attention."""

from __future__ import annotations

import math
from typing import Any

from cornu import ops, random
from cornu.layers.layer import Layer
from cornu.layers.weights import Weighted


class _Projection(Layer):
    """x @ kernel + bias with a kernel of several input or output axes, over the last axes."""

    def __init__(self, contracted: int, output_shape: tuple[int, ...], use_bias: bool, owner: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.contracted, self.output_axes, self.use_bias = contracted, output_shape, use_bias
        self._weights_of = {  # initializers etc. of the layer that this is a part of
            part: {family: getattr(owner, f"{part}_{family}") for family in ("initializer", "regularizer", "constraint")}
            for part in ("kernel", "bias")
        }

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight(
            (*input_shape[len(input_shape) - self.contracted :], *self.output_axes), name="kernel", **self._weights_of["kernel"]
        )
        self.bias = self.add_weight(self.output_axes, name="bias", **self._weights_of["bias"]) if self.use_bias else None

    def call(self, inputs: Any) -> Any:
        y = ops.tensordot(inputs, self.kernel, axes=self.contracted)
        return y if self.bias is None else ops.add(y, self.bias)


class MultiHeadAttention(Weighted):
    """Attention of `num_heads` heads (Vaswani et al., 2017).

    Args:
        num_heads: number of heads. key_dim: size of queries and keys per head. value_dim: of values, key_dim by default.
        dropout: on the attention weights. use_bias: of the projections.
        output_shape: size of the output, that of the query by default.
        attention_axes: the axes along which is attended, all but the first and the last by default.
        sliding_window: attend only to places less than so many steps away.
        flash_attention: accepted for Keras; the engine chooses its kernel.
        use_gate: multiply what the heads give by a sigmoid of a projection of the query (Qiu et al., 2025).
        *_initializer, *_regularizer, *_constraint: of all projections. seed: of the dropout.

    Call arguments: query (N, T, d), value and key (N, S, d; key is value by default), masks per step (True is valid),
    attention_mask (N, T, S), return_attention_scores, use_causal_mask. T and S may each be several axes.
    """

    supports_masking = True
    arguments = "num_heads key_dim value_dim dropout use_bias attention_axes sliding_window use_gate seed"

    def __init__(
        self, num_heads: int, key_dim: int, value_dim: int | None = None, dropout: float = 0.0, use_bias: bool = True,
        output_shape: Any = None, attention_axes: Any = None, sliding_window: int | None = None, flash_attention: Any = None,
        kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
        bias_regularizer: Any = None, activity_regularizer: Any = None, kernel_constraint: Any = None,
        bias_constraint: Any = None, use_gate: bool = False, seed: int | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        if sliding_window is not None and sliding_window < 1:
            raise ValueError(f"`sliding_window` must be a positive integer or None, got {sliding_window!r}.")
        self.num_heads, self.key_dim, self.value_dim = num_heads, key_dim, value_dim or key_dim
        self.dropout, self.use_bias, self.seed, self._output_size = dropout, use_bias, seed, output_shape
        self.sliding_window, self.flash_attention, self.use_gate = sliding_window, flash_attention, use_gate
        self.attention_axes = (attention_axes,) if isinstance(attention_axes, int) else attention_axes
        self._keep_weight_arguments(locals())
        if dropout > 0:
            self.seed_generator = random.SeedGenerator(seed)

    def build(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> None:
        def projection(name: str, input_shape: Any, output_shape: tuple[int, ...], contracted: int = 1) -> _Projection:
            layer = _Projection(contracted, output_shape, self.use_bias, self, name=name, dtype=self.dtype_policy)
            layer.build(input_shape)
            layer.built = True
            return layer

        rank = len(query_shape)
        axes = range(1, rank - 1) if self.attention_axes is None else [axis % rank for axis in self.attention_axes]
        self.attention_axes = tuple(axes)
        self.query_dense = projection("query", query_shape, (self.num_heads, self.key_dim))
        self.key_dense = projection("key", key_shape or value_shape, (self.num_heads, self.key_dim))
        gate = (self.num_heads, self.value_dim)
        self.gate_dense = projection("gate", query_shape, gate) if self.use_gate else None
        self.value_dense = projection("value", value_shape, (self.num_heads, self.value_dim))
        width = self._output_size or query_shape[-1]
        width = (width,) if isinstance(width, int) else tuple(width)
        self.output_dense = projection("attention_output", (*query_shape[:-1], self.num_heads, self.value_dim), width, 2)

    def call(
        self, query: Any, value: Any, key: Any = None, query_mask: Any = None, value_mask: Any = None, key_mask: Any = None,
        attention_mask: Any = None, return_attention_scores: bool = False, training: bool | None = None,
        use_causal_mask: bool = False,
    ) -> Any:  # fmt: skip
        key = value if key is None else key
        q, k, v = self.query_dense(query), self.key_dense(key), self.value_dense(value)
        plain = self.attention_axes == (1,) and len(query.shape) == 3
        mask = self._mask(query, key, query_mask, value_mask, key_mask, attention_mask, use_causal_mask and not plain)
        if plain:
            y, scores = self._attend(q, k, v, mask, use_causal_mask, bool(training), return_attention_scores)
        else:
            y, scores = self._attend_along_axes(q, k, v, mask, bool(training), return_attention_scores)
        if self.gate_dense is not None:
            y = ops.multiply(y, ops.sigmoid(self.gate_dense(query)))
        y = self.output_dense(y)
        return (y, scores) if return_attention_scores else y

    def _attend(self, q: Any, k: Any, v: Any, mask: Any, causal: bool, training: bool, return_scores: bool) -> tuple[Any, Any]:
        """Attention of q (N, T, heads, d) over k and v (N, S, heads, d); mask broadcasts to (N, heads, T, S)."""
        dropped = training and self.dropout > 0
        if not dropped and not return_scores:
            return ops.dot_product_attention(q, k, v, mask=mask, is_causal=causal), None
        scores = ops.einsum("bthd,bshd->bhts", ops.multiply(q, self.key_dim**-0.5), k)
        if causal:
            mask = _both(mask, _causal(*scores.shape[-2:]))
        if mask is not None:
            scores = ops.where(mask, scores, -3e4 if self.compute_dtype == "float16" else -1e30)
        weights = ops.softmax(scores)
        kept = random.dropout(weights, self.dropout, None, self.seed_generator) if dropped else weights
        return ops.einsum("bhts,bshd->bthd", kept, v), weights

    def _attend_along_axes(self, q: Any, k: Any, v: Any, mask: Any, training: bool, return_scores: bool) -> tuple[Any, Any]:
        """Attention along some of several axes: the others join the batch, those become one."""
        rank = len(q.shape) - 2  # axes before heads and features
        assert self.attention_axes is not None
        rest = [axis for axis in range(1, rank) if axis not in self.attention_axes]
        order = [0, *rest, *self.attention_axes, rank, rank + 1]
        q, k, v = ops.transpose(q, order), ops.transpose(k, order), ops.transpose(v, order)
        batch, targets, sources = q.shape[: 1 + len(rest)], q.shape[1 + len(rest) : rank], k.shape[1 + len(rest) : rank]
        n, t, s = math.prod(batch), math.prod(targets), math.prod(sources)
        if mask is not None:
            while len(mask.shape) < len(batch) + 1 + 2 * len(targets):
                mask = ops.expand_dims(mask, -2 * len(targets) - 1)
            mask = ops.reshape(ops.broadcast_to(mask, (*batch, mask.shape[len(batch)], *targets, *sources)), (n, -1, t, s))
        flat = lambda x, size: ops.reshape(x, (n, size, *x.shape[-2:]))  # noqa: E731
        y, scores = self._attend(flat(q, t), flat(k, s), flat(v, s), mask, False, training, return_scores)
        y = ops.transpose(ops.reshape(y, (*batch, *targets, *y.shape[-2:])), [order.index(axis) for axis in range(rank + 2)])
        return y, scores if scores is None else ops.reshape(scores, (*batch, self.num_heads, *targets, *sources))

    def _mask(
        self, query: Any, key: Any, query_mask: Any, value_mask: Any, key_mask: Any, attention_mask: Any, causal: bool
    ) -> Any:
        """All masks as one: (N, 1 or heads, T, S) where there are single time axes, else as the attention mask."""
        combined = None
        if len(query.shape) == 3:
            if query_mask is not None:
                combined = ops.reshape(query_mask, (query.shape[0], 1, query.shape[1], 1))
            for mask in (value_mask, key_mask):
                if mask is not None:
                    combined = _both(combined, ops.reshape(mask, (key.shape[0], 1, 1, key.shape[1])))
        if attention_mask is not None:
            attention_mask = ops.cast(attention_mask, "bool")
            combined = _both(combined, ops.expand_dims(attention_mask, 1) if len(attention_mask.shape) == 3 else attention_mask)
        if causal:
            combined = _both(combined, _causal(query.shape[1], key.shape[1]))
        if self.sliding_window is not None:
            t, s = query.shape[1], key.shape[1]
            distance = ops.absolute(ops.subtract(ops.expand_dims(ops.arange(t), 1), ops.arange(s)))
            combined = _both(combined, ops.less(distance, self.sliding_window))
        return combined

    def compute_output_shape(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> Any:
        """Shape of the output: the query's with its last size, or `output_shape`, at the end."""
        width = self._output_size or query_shape[-1]
        return (*query_shape[:-1], width) if isinstance(width, int) else (*query_shape[:-1], *width)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "output_shape": self._output_size}


def _causal(t: int, s: int) -> Any:
    return ops.greater_equal(ops.expand_dims(ops.arange(t), 1), ops.arange(s))


def _both(first: Any, second: Any) -> Any:
    return second if first is None else ops.logical_and(first, second)
