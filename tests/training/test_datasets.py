"""Data that gives its batches by number."""

from __future__ import annotations

import numpy as np
import pytest

import cornu
from cornu import layers, utils


class Rows(utils.PyDataset):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.heard = []

    def __len__(self):
        return 3

    def __getitem__(self, index):
        self.heard.append(index)
        x = np.full((2, 4), index, "float32")
        return x, x[:, :1]

    def on_epoch_begin(self):
        self.heard.append("begin")

    def on_epoch_end(self):
        self.heard.append("end")


def test_a_pass(engine):
    model = cornu.Sequential([layers.Input((4,)), layers.Dense(1, kernel_initializer="zeros")])
    model.compile("sgd", "mse")
    data = Rows(workers=2)
    assert model.evaluate(data, verbose=0) == pytest.approx((0 + 1 + 4) / 3)
    assert data.heard == ["begin", 0, 1, 2, "end"] and data.num_batches == 3
    data.heard.clear()
    model.fit(data, epochs=2, verbose=0)
    assert sorted(data.heard[1:4]) == sorted(data.heard[6:9]) == [0, 1, 2] and data.heard[4:6] == ["end", "begin"]


def test_what_is_missing_is_said():
    with pytest.raises(NotImplementedError, match="PyDataset has no `__len__`"):
        len(utils.PyDataset())
    with pytest.raises(NotImplementedError, match="PyDataset has no `__getitem__`"):
        utils.PyDataset()[0]
    assert utils.Sequence is utils.PyDataset
