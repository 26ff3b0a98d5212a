"""PyTorch: eagerly, by its fused functions. Images are in channels-last memory, as ours are."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F

from benchmarks.native import named, weights


def form(function: Callable[..., Any], arrays: Sequence[Any], gradient: bool) -> Callable[[], Any]:
    xs = [torch.as_tensor(x) for x in arrays]
    if not gradient:
        return lambda: function(*xs)
    sources = [x.requires_grad_() for x in xs if x.is_floating_point()]
    fixed = torch.as_tensor(weights(tuple(function(*xs).shape)))
    return lambda: torch.autograd.grad((function(*xs) * fixed).sum(), sources)


def _images(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, *rest: function(x.permute(0, 3, 1, 2), *rest).permute(0, 2, 3, 1)


def _heads_first(*xs: Any) -> list[Any]:
    return [x.transpose(1, 2) for x in xs]


def _lstm(x: Any, h: Any, c: Any, kernel: Any, recurrent: Any, bias: Any) -> Any:
    parameters = [kernel.t(), recurrent.t(), bias, torch.zeros_like(bias)]
    return torch.lstm(x, (h[None], c[None]), parameters, True, 1, 0.0, True, False, True)[0]


def _batch_normalization(x: Any, gamma: Any, beta: Any) -> Any:
    return F.batch_norm(x, None, None, gamma, beta, training=True, eps=1e-3)


OPS = {
    "matmul": torch.matmul,
    "einsum": lambda q, k: torch.einsum("bthd,bshd->bhts", q, k),
    "conv": _images(lambda x, w: F.conv2d(x, w.permute(3, 2, 0, 1), padding=1)),
    "conv strides 2": _images(lambda x, w: F.conv2d(x, w.permute(3, 2, 0, 1), stride=2)),
    "conv 1-D": lambda x, w: F.conv1d(x.transpose(1, 2), w.permute(2, 1, 0), padding=2).transpose(1, 2),
    "depthwise_conv": _images(lambda x, w: F.conv2d(x, w.permute(2, 3, 0, 1), padding=1, groups=32)),
    "conv_transpose": _images(lambda x, w: F.conv_transpose2d(x, w.permute(3, 2, 0, 1), stride=2)),
    "max_pool": _images(lambda x: F.max_pool2d(x, 2)),
    "average_pool": _images(lambda x: F.avg_pool2d(x, 2)),
    "softmax": lambda x: F.softmax(x, -1),
    "log_softmax": lambda x: F.log_softmax(x, -1),
    "gelu": lambda x: F.gelu(x, approximate="tanh"),
    "layer_normalization": lambda x, g, b: F.layer_norm(x, (512,), g, b, 1e-5),
    "batch_normalization": _images(_batch_normalization),
    "attention": lambda q, k, v: F.scaled_dot_product_attention(*_heads_first(q, k, v)).transpose(1, 2),
    "lstm": _lstm,
    "top_k": lambda x: torch.topk(x, 10)[0],
    "take": lambda x, i: F.embedding(i, x),
    "scatter_update": lambda x, i, u: x.index_add(0, i[:, 0], u),
    "segment_sum": lambda x, i: torch.zeros(1000, 64).index_add(0, i, x),
}

CALLS = {
    **named(torch, "add multiply matmul exp relu sum mean reshape concatenate where"),
    "softmax": lambda x: torch.softmax(x, -1),
    "max": torch.amax,
    "transpose": torch.permute,
    "take": lambda x, rows, axis: torch.index_select(x, axis, rows),
    "cast": lambda x, dtype: x.to(getattr(torch, dtype)),
    "get_item": operator.getitem,
}
