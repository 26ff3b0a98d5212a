"""What is trained: one model definition per job, for any library that speaks Keras (`k` is `cornu` or `keras`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

CLASSES = 10
LEARNING_RATE = 1e-3  # of Adam, everywhere
EPSILON = 1e-7
NORM_EPSILON = 1e-5
HEADS = 4


@dataclass(frozen=True)
class Job:
    """model: builds it, ending in logits. shape: of one sample. vocabulary: samples are integers below it, else floats."""

    what: str
    model: Callable[[Any], Any]
    shape: tuple[int, ...]
    batch: int = 32
    steps: int = 32
    vocabulary: int | None = None

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Random samples, and labels that can be learned from them."""
        rng = np.random.default_rng(0)
        size = (self.batch * self.steps, *self.shape)
        if self.vocabulary:
            x = rng.integers(0, self.vocabulary, size, dtype="int32")
            return x, (x.sum(axis=1) * CLASSES // (self.vocabulary * self.shape[0])).astype("int32")
        x = rng.normal(size=size).astype("float32")
        flat = x.reshape(len(x), -1)
        return x, (flat @ rng.normal(size=(flat.shape[1], CLASSES))).argmax(axis=1).astype("int32")

    def compiled(self, k: Any) -> Any:
        """The model with loss and optimizer."""
        model = self.model(k)
        loss = k.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(k.optimizers.Adam(LEARNING_RATE, epsilon=EPSILON), loss)
        return model


def _mlp(inputs: int, width: int) -> Callable[[Any], Any]:
    def model(k: Any) -> Any:
        dense = k.layers.Dense
        return k.Sequential([k.layers.Input((inputs,)), dense(width, "relu"), dense(width, "relu"), dense(CLASSES)])

    return model


def _cnn(k: Any) -> Any:
    conv, pool = k.layers.Conv2D, k.layers.MaxPooling2D
    first, second = conv(16, 3, activation="relu"), conv(32, 3, activation="relu")
    return k.Sequential([k.layers.Input((28, 28, 1)), first, pool(), second, pool(), k.layers.Flatten(), k.layers.Dense(CLASSES)])


def _lstm(k: Any) -> Any:
    return k.Sequential([k.layers.Input((32, 32)), k.layers.LSTM(64), k.layers.Dense(CLASSES)])


def _transformer(k: Any) -> Any:
    width = 64
    norm = lambda *parts: k.layers.LayerNormalization(epsilon=NORM_EPSILON)(k.layers.Add()(list(parts)))  # noqa: E731
    tokens = k.layers.Input((32,), dtype="int32")
    x = k.layers.Embedding(1000, width)(tokens)
    for _ in range(2):
        x = norm(x, k.layers.MultiHeadAttention(HEADS, width // HEADS)(x, x))
        x = norm(x, k.layers.Dense(width)(k.layers.Dense(2 * width, "relu")(x)))
    return k.Model(tokens, k.layers.Dense(CLASSES)(k.layers.Flatten()(x)))


JOBS = {
    "mlp": Job("3 layers of 64, batch 32", _mlp(32, 64), (32,), steps=128),
    "wide": Job("2 layers of 1024, batch 128", _mlp(784, 1024), (784,), batch=128, steps=16),
    "cnn": Job("2 convolutions on 28x28, batch 32", _cnn, (28, 28, 1)),
    "lstm": Job("LSTM of 64 over 32 steps, batch 32", _lstm, (32, 32)),
    "transformer": Job("2 encoder layers of 64 over 32 tokens, batch 32", _transformer, (32,), vocabulary=1000),
}
