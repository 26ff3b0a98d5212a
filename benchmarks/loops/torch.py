"""PyTorch: modules, `nn.LSTM`, `F.scaled_dot_product_attention`, `torch.optim.Adam` over all parameters at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.jobs import EPSILON, HEADS, LEARNING_RATE, NORM_EPSILON
from benchmarks.loops import Loop, fused_attention


def _loop(model: nn.Module) -> Loop:
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], LEARNING_RATE, eps=EPSILON, fused=True)

    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(model(x), y.long())
        loss.backward()
        optimizer.step()
        return loss.detach()

    @torch.inference_mode()
    def predict(x: Any) -> np.ndarray:
        return model(torch.from_numpy(x)).numpy()

    return Loop(step, predict, torch.from_numpy)


def _fill(parameter: Any, array: Any) -> None:
    with torch.no_grad():
        parameter.copy_(torch.from_numpy(np.array(array)))


def _linear(kernel: Any, bias: Any) -> nn.Linear:
    layer = nn.Linear(*kernel.shape)
    _fill(layer.weight, kernel.T)
    _fill(layer.bias, bias)
    return layer


def mlp(weights: list[Any]) -> Loop:
    first, *rest = (_linear(w, b) for w, b in zip(weights[::2], weights[1::2], strict=True))
    return _loop(nn.Sequential(first, *[module for layer in rest for module in (nn.ReLU(), layer)]))


wide = mlp


class _Channels(nn.Module):
    """From channels last to channels first."""

    def forward(self, x: Any) -> Any:
        return x.permute(0, 3, 1, 2)


def cnn(weights: list[Any]) -> Loop:
    def conv(kernel: Any, bias: Any) -> nn.Module:
        layer = nn.Conv2d(*kernel.shape[2:], 3)
        _fill(layer.weight, kernel.transpose(3, 2, 0, 1))
        _fill(layer.bias, bias)
        return layer

    w1, b1, w2, b2, kernel, bias = weights
    kernel = kernel.reshape(5, 5, 32, -1).transpose(2, 0, 1, 3).reshape(kernel.shape)  # flattened channels first
    blocks = [conv(w1, b1), nn.ReLU(), nn.MaxPool2d(2), conv(w2, b2), nn.ReLU(), nn.MaxPool2d(2)]
    return _loop(nn.Sequential(_Channels(), *blocks, nn.Flatten(), _linear(kernel, bias)))


class _LSTM(nn.Module):
    def __init__(self, weights: list[Any]) -> None:
        super().__init__()
        kernel, recurrent, bias, w, b = weights
        self.lstm = nn.LSTM(len(kernel), len(recurrent), batch_first=True)
        _fill(self.lstm.weight_ih_l0, kernel.T)
        _fill(self.lstm.weight_hh_l0, recurrent.T)
        _fill(self.lstm.bias_ih_l0, bias)
        _fill(self.lstm.bias_hh_l0, np.zeros_like(bias))
        self.lstm.bias_hh_l0.requires_grad_(False)  # one bias, as elsewhere
        self.dense = _linear(w, b)

    def forward(self, x: Any) -> Any:
        return self.dense(self.lstm(x)[1][0][0])


def lstm(weights: list[Any]) -> Loop:
    return _loop(_LSTM(weights))


def _norm(gamma: Any, beta: Any) -> nn.LayerNorm:
    layer = nn.LayerNorm(len(gamma), NORM_EPSILON)
    _fill(layer.weight, gamma)
    _fill(layer.bias, beta)
    return layer


class _Encoder(nn.Module):
    def __init__(self, attention: list[Any], rest: list[Any]) -> None:
        super().__init__()
        wqkv, bqkv, wo, bo = fused_attention(attention)
        gamma1, beta1, w1, c1, w2, c2, gamma2, beta2 = rest
        self.qkv, self.out = _linear(wqkv, bqkv), _linear(wo, bo)
        self.norm1, self.norm2 = _norm(gamma1, beta1), _norm(gamma2, beta2)
        self.up, self.down = _linear(w1, c1), _linear(w2, c2)

    def forward(self, x: Any) -> Any:
        q, k, v = self.qkv(x).unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        x = self.norm1(x + self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)))
        return self.norm2(x + self.down(F.relu(self.up(x))))


def transformer(weights: list[Any]) -> Loop:
    table, *inner, w, b = weights
    embedding = nn.Embedding(*table.shape)
    _fill(embedding.weight, table)
    encoders = [_Encoder(inner[i : i + 8], inner[i + 8 : i + 16]) for i in (0, 16)]
    return _loop(nn.Sequential(embedding, *encoders, nn.Flatten(), _linear(w, b)))
