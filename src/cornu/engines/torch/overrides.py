"""PyTorch's own forms of derived ops, for speed. What they can't do as the op's body does is left to the body (NotImplemented)."""

from __future__ import annotations

import functools
import math
from typing import Any

import torch
from torch import Tensor

from cornu import config
from cornu.engines.torch import recorder
from cornu.engines.torch.kernels import kernels
from cornu.engines.torch.program import TOGETHER, Together

override = kernels.override


_SINGLE = frozenset([torch.float32, torch.float64])


def _single(x: Any, *others: Any) -> bool:
    """Whether all are tensors of one dtype in which PyTorch's fused functions are as precise as the bodies (None is skipped)."""
    if not isinstance(x, Tensor) or x.dtype not in _SINGLE:
        return False
    return not others or all(other is None or (isinstance(other, Tensor) and other.dtype is x.dtype) for other in others)


def _axis(x: Tensor, axis: Any) -> int | None:
    """An axis from the front, if it is one."""
    return axis % x.ndim if type(axis) is int and -x.ndim <= axis < x.ndim else None


# Activations


@override
def relu(x: Any) -> Any:
    return torch.relu(x) if _single(x) else NotImplemented


@override
def leaky_relu(x: Any, negative_slope: Any = 0.2) -> Any:
    return torch._C._nn.leaky_relu(x, negative_slope) if _single(x) else NotImplemented


@override
def silu(x: Any) -> Any:
    return torch._C._nn.silu(x) if _single(x) else NotImplemented


@override
def gelu(x: Any, approximate: Any = True) -> Any:
    return torch._C._nn.gelu(x, approximate="tanh" if approximate else "none") if _single(x) else NotImplemented


@override
def softmax(x: Any, axis: Any = -1) -> Any:
    return torch.softmax(x, axis) if _single(x) and _axis(x, axis) is not None else NotImplemented


@override
def log_softmax(x: Any, axis: Any = -1) -> Any:
    return torch.log_softmax(x, axis) if _single(x) and _axis(x, axis) is not None else NotImplemented


# Elements by their indices


@override
def take(x: Any, indices: Any, axis: Any = None) -> Any:
    if not (isinstance(x, Tensor) and isinstance(indices, Tensor)) or type(axis) is not int or not x.is_cpu:
        return NotImplemented
    if indices.dtype not in _INDICES or x.dtype in _UNSELECTED:
        return NotImplemented
    along = _axis(x, axis)
    if along is None or not (indices.ndim == 1 or (indices.ndim > 1 and along == 0 and x.ndim == 2)):
        return NotImplemented
    return recorder.call(_taken, x, indices, along)


def _taken(x: Tensor, indices: Tensor, axis: int) -> Tensor:
    """On a CPU PyTorch looks at the indices, and refuses those that have to be counted from the end or moved inside."""
    found = torch.embedding if indices.ndim > 1 else lambda x, indices: torch.index_select(x, axis, indices)
    try:
        return found(x, indices)
    except (IndexError, RuntimeError):
        size = x.shape[axis]
        return found(x, torch.where(indices < 0, indices + size, indices).clamp_(0, size - 1))


_INDICES = frozenset([torch.int32, torch.int64])
_UNSELECTED = frozenset([torch.uint16, torch.uint32, torch.uint64])  # `index_select` lacks them


@override
def get_item(x: Any, key: Any) -> Any:
    parts = key if type(key) is tuple else (key,)
    for k in parts:
        kind = type(k)
        if kind is slice:
            if k.step is not None and (type(k.step) is not int or k.step < 1):
                return NotImplemented
        elif kind is not int and k is not None and k is not ...:
            return NotImplemented
    return x[key] if isinstance(x, Tensor) else NotImplemented


@override
def concatenate(xs: Any, axis: Any = 0) -> Any:
    if type(xs) not in (list, tuple) or not xs or type(axis) is not int or not _single(*xs):
        return NotImplemented
    return torch.cat(tuple(xs), axis)


# Means and normalizations


@override
def mean(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    if not _single(x):
        return NotImplemented
    if type(axis) is int and -x.ndim <= axis < x.ndim:  # the commonest, at once
        return torch.mean(x, axis, bool(keepdims))
    axes = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    if not axes or any(_axis(x, a) is None for a in axes) or len({_axis(x, a) for a in axes}) < len(axes):
        return NotImplemented
    return torch.mean(x, axes, bool(keepdims))


@override
def layer_normalization(x: Any, gamma: Any = None, beta: Any = None, axis: Any = -1, epsilon: Any = None, **kwargs: Any) -> Any:
    if kwargs or not _single(x, gamma, beta):
        return NotImplemented
    axes = [_axis(x, a) for a in (axis if isinstance(axis, (list, tuple)) else (axis,))]
    shape = x.shape[x.ndim - len(axes) :]
    if axes != list(range(x.ndim - len(axes), x.ndim)) or any(v is not None and v.shape != shape for v in (gamma, beta)):
        return NotImplemented
    return torch.layer_norm(x, shape, gamma, beta, config.epsilon() if epsilon is None else epsilon)


@override
def batch_normalization(
    x: Any, mean: Any, variance: Any, axis: Any, offset: Any = None, scale: Any = None, epsilon: Any = 1e-3
) -> Any:
    along = _axis(x, axis) if _single(x, mean, variance, offset, scale) else None
    if along is None or any(v is not None and v.shape != x.shape[along : along + 1] for v in (mean, variance, offset, scale)):
        return NotImplemented
    factor = torch.rsqrt(torch.add(variance, epsilon))
    factor = factor if scale is None else torch.mul(factor, scale)
    shift = torch.neg(torch.mul(mean, factor)) if offset is None else torch.addcmul(offset, mean, factor, value=-1)
    shape = [-1 if i == along else 1 for i in range(x.ndim)]
    return torch.addcmul(shift.reshape(shape), x, factor.reshape(shape))


@override
def normalize_batch(x: Any, axis: Any, offset: Any = None, scale: Any = None, epsilon: Any = 1e-3) -> Any:
    along = _axis(x, axis) if _single(x, offset, scale) else None
    if along is None or any(v is not None and v.shape != x.shape[along : along + 1] for v in (offset, scale)):
        return NotImplemented
    count = x.numel() // max(x.shape[along], 1)
    if count < 2 or x.ndim < 2:
        return NotImplemented
    order = (0, along, *[i for i in range(1, x.ndim) if i != along]) if along else (1, 0, *range(2, x.ndim))
    turned = torch.permute(x, order) if along != 1 else x
    y, mean, variance = recorder.call(_normalized, turned, scale, offset, epsilon, (count - 1) / count)
    return torch.permute(y, [order.index(i) for i in range(x.ndim)]) if along != 1 else y, mean, variance


def _normalized(x: Tensor, scale: Any, offset: Any, epsilon: float, biased: float) -> list[Tensor]:
    """PyTorch keeps the variance as a moving average alone, which is all new here, and estimates it without bias."""
    mean, variance = x.new_zeros(x.shape[1]), x.new_zeros(x.shape[1])
    y = torch.batch_norm(x, scale, offset, mean, variance, True, 1.0, epsilon, False)
    return [y, mean, torch.mul(variance, biased)]


# Pooling and choice


@override
def average_pool(inputs: Any, pool_size: Any, strides: Any = None, padding: Any = "valid", data_format: Any = None) -> Any:
    last = (data_format or config.image_data_format()) == "channels_last"
    if not _single(inputs) or inputs.ndim != 4 or not last or padding != "valid":
        return NotImplemented
    images = torch.permute(inputs, (0, 3, 1, 2))
    return torch.permute(torch._C._nn.avg_pool2d(images, pool_size, pool_size if strides is None else strides), (0, 2, 3, 1))


@override
def top_k(x: Any, k: Any, sorted: Any = True) -> Any:
    if not isinstance(x, Tensor) or x.dtype is not torch.float32 or not x.ndim:
        return NotImplemented
    indices = recorder.call(_places_of_best, x, k)
    return torch.gather(x, -1, indices), indices.to(torch.int32)


def _places_of_best(x: Tensor, k: int) -> Tensor:
    """PyTorch takes any of equals, and NaNs are equal to all. Where there may be some (without a look, if it is far away), it is given
    integers that order as the numbers do, then by place: no two are equal."""
    last, x = x.shape[-1] - 1, x.detach()
    if x.is_cpu and k <= last:
        best, places = torch.topk(x, k + 1)
        if bool(torch.all(torch.gt(best[..., :-1], best[..., 1:]))):
            return places[..., :-1]
    bits = torch.add(x, 0.0).view(torch.int32)
    bits = torch.bitwise_xor(bits, torch.bitwise_and(torch.bitwise_right_shift(bits, 31), 0x7FFFFFFF))
    bits = torch.where(torch.isnan(x), 0x7FFFFFFF, bits)
    order = torch.arange(last, -1, -1, device=x.device)
    best = torch.topk(torch.bitwise_or(torch.bitwise_left_shift(bits.to(torch.int64), 32), order), k)[0]
    return torch.sub(last, torch.bitwise_and(best, 0xFFFFFFFF))


# Losses


@override
def sparse_categorical_crossentropy(target: Any, output: Any, from_logits: Any = False, axis: Any = -1) -> Any:
    if not _single(output) or not isinstance(target, Tensor) or _axis(output, axis) != output.ndim - 1:
        return NotImplemented
    target = target[..., 0] if target.shape == (*output.shape[:-1], 1) else target
    if target.shape != output.shape[:-1] or target.is_floating_point() or not output.shape[-1]:
        return NotImplemented
    rows = torch.clamp(target, 0, output.shape[-1] - 1)
    if from_logits:
        logits = output if output.ndim == 2 else output.reshape(-1, output.shape[-1])
        loss = torch._C._nn.cross_entropy_loss(logits, rows.to(torch.int64).reshape(-1), None, 0).reshape(target.shape)
    else:
        chosen = torch.gather(output, -1, rows.to(torch.int64)[..., None])[..., 0]
        share = torch.clamp(torch.div(chosen, torch.sum(output, -1)), config.epsilon(), 1 - config.epsilon())
        loss = torch.neg(torch.log(share))
    return torch.where(torch.eq(rows, target), loss, math.nan)


@override
def categorical_crossentropy(target: Any, output: Any, from_logits: Any = False, axis: Any = -1) -> Any:
    if not from_logits or not _single(target, output) or target.shape != output.shape or output.ndim != 2 or _axis(output, axis) != 1:
        return NotImplemented
    return torch._C._nn.cross_entropy_loss(output, target, None, 0)


@override
def binary_crossentropy(target: Any, output: Any, from_logits: Any = False) -> Any:
    if not from_logits or not _single(target, output) or target.shape != output.shape:
        return NotImplemented
    return torch.binary_cross_entropy_with_logits(output, target, None, None, 0)


# Attention and recurrence. Their fused forms have a first derivative only: not inside a gradient of a gradient.


@override
def dot_product_attention(
    query: Any, key: Any, value: Any, bias: Any = None, mask: Any = None, scale: Any = None, is_causal: Any = False,
    flash_attention: Any = None, attn_logits_soft_cap: Any = None,
) -> Any:  # fmt: skip
    if not _single(query, key, value, bias) or attn_logits_soft_cap is not None or recorder.depth() > 1 or query.ndim != 4:
        return NotImplemented
    if key.shape != value.shape or key.shape[::2] != query.shape[::2] or key.shape[3] != query.shape[3]:
        return NotImplemented
    if mask is not None or (is_causal and bias is not None):
        shape = query.shape[1], key.shape[1]
        causal = recorder.constant(lambda: torch.ones(shape, dtype=torch.bool, device=query.device).tril()) if is_causal else None
        mask = causal if mask is None else mask if causal is None else torch.logical_and(mask, causal)
        bias, is_causal = torch.where(mask, 0.0 if bias is None else bias, -1e30), False
        bias = bias.to(query.dtype)
    q, k, v = (torch.permute(x, (0, 2, 1, 3)) for x in (query, key, value))
    return torch.permute(torch._C._nn.scaled_dot_product_attention(q, k, v, bias, 0.0, bool(is_causal), scale=scale), (0, 2, 1, 3))


@override
def lstm(
    inputs: Any, initial_h: Any, initial_c: Any, kernel: Any, recurrent_kernel: Any, bias: Any = None, mask: Any = None,
    activations: Any = None, reverse: Any = False,
) -> Any:  # fmt: skip
    if not _single(inputs, initial_h, initial_c, kernel, recurrent_kernel, bias) or mask is not None or activations is not None:
        return NotImplemented
    if recorder.depth() > 1 or inputs.ndim != 3 or not inputs.numel():
        return NotImplemented
    units = initial_h.shape[-1]
    wanted = ((inputs.shape[0], units), (inputs.shape[0], units), (inputs.shape[2], 4 * units), (units, 4 * units), (4 * units,))
    if any(x is not None and x.shape != shape for x, shape in zip((initial_h, initial_c, kernel, recurrent_kernel, bias), wanted, strict=True)):
        return NotImplemented  # PyTorch does not look at the shapes and writes where it should not
    none = lambda: torch.zeros_like(bias)  # noqa: E731
    biases = [] if bias is None else [bias, recorder.constant(none)]
    weights = [kernel.t(), recurrent_kernel.t(), *biases]
    x = torch.flip(inputs, (1,)) if reverse else inputs
    y, h, c = torch.lstm(x, (initial_h[None], initial_c[None]), weights, bias is not None, 1, 0.0, torch.is_grad_enabled(), False, True)
    return torch.flip(y, (1,)) if reverse else y, h[0], c[0]


# Optimizers


@override
def adam_update(
    variable: Any, momentum: Any, velocity: Any, gradient: Any, rate: Any, beta_1: Any, beta_2: Any, epsilon: Any, largest: Any = None
) -> Any:
    if largest is not None or not _single(variable, momentum, velocity, gradient, rate):
        return NotImplemented
    if torch.is_grad_enabled() and any(x.requires_grad for x in (variable, momentum, velocity, gradient, rate)):
        return NotImplemented
    return recorder.call(_adam, variable, momentum, velocity, gradient, rate, beta_1, beta_2, epsilon)


def _adam(variable: Tensor, momentum: Tensor, velocity: Tensor, gradient: Tensor, rate: Tensor, *numbers: float) -> list[Tensor]:
    new = [x.detach().clone(memory_format=torch.contiguous_format) for x in (variable, momentum, velocity)]
    _adam_in_place([new[0]], [new[1]], [new[2]], [gradient], rate, *numbers)
    return new


def _adam_in_place(variables: Any, momentums: Any, velocities: Any, gradients: Any, rate: Tensor, *numbers: float) -> None:
    """PyTorch's kernel for Adam. It corrects the rate by a count of steps, which is infinite here: the rate comes corrected."""
    beta_1, beta_2, epsilon = numbers
    counts = [_endless(rate.device)] * len(variables)
    torch._fused_adam_(
        variables, [g.contiguous() for g in gradients], momentums, velocities, [], counts, lr=rate, beta1=beta_1, beta2=beta_2,
        weight_decay=0.0, eps=epsilon, amsgrad=False, maximize=False,
    )  # fmt: skip


@functools.cache
def _endless(device: torch.device) -> Tensor:
    return torch.tensor(math.inf, device=device)


TOGETHER[_adam] = Together(_adam_in_place, lists=4, changed=3)
