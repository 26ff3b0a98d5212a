"""A compiled training step costs as many Python calls for a deep model as for a shallow one."""

from __future__ import annotations

import gc
import sys

import numpy as np
import pytest

import cornu
from cornu import layers, utils

X = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
Y = X[:, :1].copy()


def frames_per_step(depth: int) -> int:
    """Python function calls of one warm `train_step` of `depth` Dense layers."""
    utils.set_random_seed(1)
    model = cornu.Sequential([layers.Input((4,)), *[layers.Dense(4, activation="relu") for _ in range(depth - 1)], layers.Dense(1)])
    model.compile("adam", "mse")
    model.fit(X, Y, batch_size=8, epochs=3, verbose=0)
    step = model._step("train")
    with cornu.engine(model.layers[0].kernel.engine.name):
        step((X, Y))
        count = 0

        def profile(frame, event, argument):
            nonlocal count
            count += event == "call"

        gc.disable()  # a collection would call finalizers in between
        sys.setprofile(profile)
        try:
            step((X, Y))
        finally:
            sys.setprofile(None)
            gc.enable()
    return count


PYTHON_KERNELS = {"numpy": "some of its kernels are Python functions, and each is a frame"}


def test_frames_do_not_grow_with_depth(engine, request):
    if engine.name in PYTHON_KERNELS:
        request.node.add_marker(pytest.mark.xfail(strict=True, reason=PYTHON_KERNELS[engine.name]))
    shallow, deep = frames_per_step(2), frames_per_step(20)
    assert deep <= shallow + 8, f"{shallow} frames for 2 layers, {deep} for 20"
