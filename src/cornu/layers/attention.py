"""Multi-head attention."""

from __future__ import annotations

from typing import Any

from cornu import constraints, initializers, ops, random, regularizers
from cornu.layers.core import weights_config
from cornu.layers.layer import Layer


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
        self.kernel = self.add_weight((*input_shape[len(input_shape) - self.contracted :], *self.output_axes), name="kernel", **self._weights_of["kernel"])
        self.bias = self.add_weight(self.output_axes, name="bias", **self._weights_of["bias"]) if self.use_bias else None

    def call(self, inputs: Any) -> Any:
        y = ops.tensordot(inputs, self.kernel, axes=self.contracted)
        return y if self.bias is None else ops.add(y, self.bias)


class MultiHeadAttention(Layer):
    """Attention of `num_heads` heads (Vaswani et al., 2017).

    Args:
        num_heads: number of heads. key_dim: size of queries and keys per head. value_dim: of values, key_dim by default.
        dropout: on the attention weights. use_bias: of the projections. output_shape: size of the output, that of the query by default.

    Call arguments: query (N, T, d), value and key (N, S, d; key is value by default), masks per step (True is valid),
    attention_mask (N, T, S), return_attention_scores, use_causal_mask.
    """

    supports_masking = True

    def __init__(
        self, num_heads: int, key_dim: int, value_dim: int | None = None, dropout: float = 0.0, use_bias: bool = True,
        output_shape: Any = None, attention_axes: Any = None, sliding_window: int | None = None, flash_attention: Any = None,
        kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
        bias_regularizer: Any = None, activity_regularizer: Any = None, kernel_constraint: Any = None,
        bias_constraint: Any = None, use_gate: bool = False, seed: int | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        for name, value in (("attention_axes", attention_axes), ("sliding_window", sliding_window), ("use_gate", use_gate or None)):
            if value is not None:
                raise NotImplementedError(f"MultiHeadAttention: `{name}` is not supported yet.")
        self.num_heads, self.key_dim, self.value_dim = num_heads, key_dim, value_dim or key_dim
        self.dropout, self.use_bias, self.seed, self._output_size = dropout, use_bias, seed, output_shape
        self.kernel_initializer, self.bias_initializer = initializers.get(kernel_initializer), initializers.get(bias_initializer)
        self.kernel_regularizer, self.bias_regularizer = regularizers.get(kernel_regularizer), regularizers.get(bias_regularizer)
        self.kernel_constraint, self.bias_constraint = constraints.get(kernel_constraint), constraints.get(bias_constraint)
        if dropout > 0:
            self.seed_generator = random.SeedGenerator(seed)

    def build(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> None:
        key_shape = key_shape or value_shape
        width = self._output_size or query_shape[-1]
        make = lambda contracted, shape, name: _Projection(contracted, shape, self.use_bias, self, name=name, dtype=self.dtype_policy)  # noqa: E731
        self.query_dense = make(1, (self.num_heads, self.key_dim), "query")
        self.key_dense = make(1, (self.num_heads, self.key_dim), "key")
        self.value_dense = make(1, (self.num_heads, self.value_dim), "value")
        self.output_dense = make(2, (width,) if isinstance(width, int) else tuple(width), "attention_output")
        for layer, shape in ((self.query_dense, query_shape), (self.key_dense, key_shape), (self.value_dense, value_shape)):
            layer.build(shape)
            layer.built = True
        self.output_dense.build((*query_shape[:-1], self.num_heads, self.value_dim))
        self.output_dense.built = True

    def call(
        self, query: Any, value: Any, key: Any = None, query_mask: Any = None, value_mask: Any = None, key_mask: Any = None,
        attention_mask: Any = None, return_attention_scores: bool = False, training: bool | None = None, use_causal_mask: bool = False,
    ) -> Any:  # fmt: skip
        key = value if key is None else key
        mask = self._mask(query, key, query_mask, value_mask, key_mask, attention_mask)
        q, k, v = self.query_dense(query), self.key_dense(key), self.value_dense(value)
        dropped = bool(training) and self.dropout > 0
        if not dropped and not return_attention_scores:
            y = ops.dot_product_attention(q, k, v, mask=mask, is_causal=use_causal_mask)
            return self.output_dense(y)
        scores = ops.einsum("bthd,bshd->bhts", ops.multiply(q, self.key_dim**-0.5), k)
        if use_causal_mask:
            t, s = scores.shape[-2:]
            causal = ops.greater_equal(ops.expand_dims(ops.arange(t), 1), ops.arange(s))
            mask = causal if mask is None else ops.logical_and(mask, causal)
        if mask is not None:
            scores = ops.where(mask, scores, -3e4 if self.compute_dtype == "float16" else -1e30)
        weights = ops.softmax(scores)
        kept = random.dropout(weights, self.dropout, None, self.seed_generator) if dropped else weights
        y = self.output_dense(ops.einsum("bhts,bshd->bthd", kept, v))
        return (y, weights) if return_attention_scores else y

    def _mask(self, query: Any, key: Any, query_mask: Any, value_mask: Any, key_mask: Any, attention_mask: Any) -> Any:
        """All masks as one of shape that broadcasts to (N, heads, T, S)."""
        parts = []
        if query_mask is not None:
            parts.append(ops.reshape(query_mask, (query.shape[0], 1, query.shape[1], 1)))
        for mask in (value_mask, key_mask):
            if mask is not None:
                parts.append(ops.reshape(mask, (key.shape[0], 1, 1, key.shape[1])))
        if attention_mask is not None:
            attention_mask = ops.cast(attention_mask, "bool")
            parts.append(ops.expand_dims(attention_mask, 1) if len(attention_mask.shape) == 3 else attention_mask)
        combined = None
        for part in parts:
            combined = part if combined is None else ops.logical_and(combined, part)
        return combined

    def get_config(self) -> dict[str, Any]:
        names = "num_heads key_dim value_dim dropout use_bias seed"
        return {
            **super().get_config(), **{name: getattr(self, name) for name in names.split()}, "output_shape": self._output_size,
            **weights_config(self, "kernel", "bias"),
        }  # fmt: skip
