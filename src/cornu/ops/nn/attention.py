"""Attention and recurrence."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cornu import primitives as P
from cornu.ops.common import dtype_of, shape_of, slice_axis
from cornu.ops.core import scan
from cornu.ops.nn.activation import softmax
from cornu.ops.numpy.manipulation import repeat
from cornu.ops.op import export, op

Tensor = Any



@op
def dot_product_attention(
    query, key, value, bias=None, mask=None, scale=None, is_causal=False, flash_attention=None, attn_logits_soft_cap=None
):
    """softmax(query key^T * scale + bias) value per head (Vaswani et al., 2017).

    Args:
        query: (N, T, heads, d).
        key, value: (N, S, heads, d), or with fewer heads, each of which serves as many of the query's in a row.
        bias: floats that broadcast to (N, heads, T, S), added to the scores; none by default.
        mask: bools that broadcast to (N, heads, T, S); False hides a key from a query.
        scale: factor of the scores; None: 1 / sqrt(d).
        is_causal: whether query t sees no key after t; with a `mask` too, both must let a key through.
        flash_attention: accepted for Keras; the engine chooses its kernel.
        attn_logits_soft_cap: keeps scores within (-cap, cap), as cap * tanh(score / cap), before the bias; None: no limit.

    Returns:
        (N, T, heads, d).
    """
    for name, x in (("query", query), ("key", key), ("value", value)):
        if len(shape_of(x)) != 4:
            raise ValueError(f"dot_product_attention: {name} must have the shape (N, time, heads, d), got {shape_of(x)}.")
    d, heads, groups = shape_of(query)[-1], shape_of(query)[2], shape_of(key)[2]
    if heads != groups:
        if not groups or heads % groups:
            raise ValueError(
                f"dot_product_attention: the heads of query {shape_of(query)} must be a multiple of those of key {shape_of(key)}."
            )
        key, value = (repeat(x, heads // groups, axis=2) for x in (key, value))
    q, k, v = (P.transpose(x, axes=(0, 2, 1, 3)) for x in (query, key, value))
    q = P.multiply(q, 1 / math.sqrt(d) if scale is None else scale)
    scores = P.matmul(q, P.transpose(k, axes=(0, 1, 3, 2)))
    if attn_logits_soft_cap is not None:
        scores = P.multiply(P.tanh(P.divide(scores, attn_logits_soft_cap)), attn_logits_soft_cap)
    scores = scores if bias is None else P.add(scores, bias)
    if is_causal:
        t, s = shape_of(scores)[-2:]
        causal = np.tril(np.ones((t, s), bool))
        mask = causal if mask is None else P.logical_and(mask, causal)
    if mask is not None:
        scores = P.where(mask, scores, -3e4 if dtype_of(scores) == "float16" else -1e30)
    return P.transpose(P.matmul(softmax(scores), v), axes=(0, 2, 1, 3))


@op
def lstm(inputs, initial_h, initial_c, kernel, recurrent_kernel, bias=None, mask=None, activations=None, reverse=False):
    """A layer of LSTM cells over a sequence (Hochreiter and Schmidhuber, 1997).

    Args:
        inputs: (N, time, features).
        initial_h, initial_c: (N, units).
        kernel: (features, 4 * units); recurrent_kernel: (units, 4 * units); bias: (4 * units,). Gates: input, forget, cell, output.
        mask: bools (N, time); where False the state stays.
        activations: (recurrent_activation, activation) functions; None: sigmoid and tanh.
        reverse: walk from the end.

    Returns:
        Outputs (N, time, units), last h, last c.
    """
    gate, activate = activations or (P.sigmoid, P.tanh)
    units = (*shape_of(recurrent_kernel), 0)[0]
    if len(shape_of(inputs)) != 3:
        raise ValueError(f"lstm: inputs must have the shape (N, time, features), got {shape_of(inputs)}.")
    n, time, features = shape_of(inputs)
    for name, x, wanted in (
        ("initial_h", initial_h, (n, units)), ("initial_c", initial_c, (n, units)), ("kernel", kernel, (features, 4 * units)),
        ("recurrent_kernel", recurrent_kernel, (units, 4 * units)), ("bias", bias, (4 * units,)), ("mask", mask, (n, time)),
    ):  # fmt: skip
        if x is not None and shape_of(x) != wanted:
            raise ValueError(f"lstm: {name} must have the shape {wanted} for inputs of shape {shape_of(inputs)}, got {shape_of(x)}.")
    projected = P.matmul(P.reshape(inputs, shape=(n * time, features)), kernel)
    projected = projected if bias is None else P.add(projected, bias)
    xs: Any = P.transpose(P.reshape(projected, shape=(n, time, 4 * units)), axes=(1, 0, 2))
    if mask is not None:
        xs = (xs, P.reshape(P.transpose(mask, axes=(1, 0)), shape=(time, n, 1)))

    def step(state: Any, x: Any) -> Any:
        h, c = state
        x, keep = x if mask is not None else (x, None)
        z = P.add(x, P.matmul(h, recurrent_kernel))
        i, f, g, o = (slice_axis(z, 1, k * units, (k + 1) * units) for k in range(4))
        new_c = P.add(P.multiply(gate(f), c), P.multiply(gate(i), activate(g)))
        new_h = P.multiply(gate(o), activate(new_c))
        if keep is not None:
            new_h, new_c = P.where(keep, new_h, h), P.where(keep, new_c, c)
        return (new_h, new_c), new_h

    (h, c), outputs = scan(step, (initial_h, initial_c), xs, reverse=reverse)
    return P.transpose(outputs, axes=(1, 0, 2)), h, c


export(globals())
