"""CNTK: which programs get several threads, and how those wait."""

import pytest

from cornu.engines.cntk.worker import cntk_threads
from cornu.engines.cntk.worker.cntk_threads import AWAKE, Load, Wait

NO_PADDING = {"padding": ((0, 0), (0, 0))}


def load(*primitives):
    total = Load()
    for primitive in primitives:
        total.add(*primitive)
    return total


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("conv", [(2, 9, 8, 3), (2, 4, 3, 5), (2, 8, 5, 5)]),
        ("conv_grad_input", [(2, 8, 5, 5), (2, 4, 3, 5), (2, 9, 8, 3)]),
        ("conv_grad_kernel", [(2, 9, 8, 3), (2, 8, 5, 5), (2, 4, 3, 5)]),
    ],
)
def test_a_convolution_and_its_gradients_have_the_same_multiplications(name, shapes):
    assert load((name, shapes, NO_PADDING)).multiplications == 2 * 8 * 5 * 5 * (2 * 4 * 3)


def test_products_and_moves():
    assert load(("matmul", [(7, 3, 4), (7, 4, 5), (7, 3, 5)], {})).multiplications == 7 * 3 * 4 * 5
    assert load(("matmul", [(7, 3, 4), (7, 4, 5), (7, 3, 5)], {})).starts == 7
    assert load(("exp", [(30, 40), (30, 40)], {})).starts == 1
    assert load(("transpose", [(30, 40), (40, 30)], {"axes": (1, 0)})).starts == 40
    assert load(("conv", [(2, 9, 8, 3), (3, 3, 3, 5), (2, 9, 8, 5)], {"padding": ((1, 1), (1, 1))})).starts == 2 * 9 * 8


def test_threads_are_for_few_large_operations():
    product = ("matmul", [(128, 1024), (1024, 1024), (128, 1024)], {})
    assert load(product, ("exp", [(128, 1024), (128, 1024)], {})).is_worth_threads()
    assert not load(product, *[("slice", [(128, 1024), (128, 256)], {})] * 100).is_worth_threads()
    assert not load(("matmul", [(32, 64), (64, 64), (32, 64)], {}), *[("exp", [(32, 64), (32, 64)], {})] * 20).is_worth_threads()


def test_threads_wait_awake_unless_that_takes_longer(monkeypatch):
    now, modes = [0.0], []
    monkeypatch.setattr(cntk_threads.time, "perf_counter", lambda: now[0])
    wait = Wait(modes.append)

    def run(asleep, awake):
        with wait:
            now[0] += awake if modes[-1] else asleep
        return modes[-1]

    assert [run(10, 9) for _ in range(6)] == [0, 0, 0, AWAKE, AWAKE, AWAKE]
    assert run(12, 90) == AWAKE  # others want the cores
    assert [run(12, 90) for _ in range(Wait.REST)] == [0] * Wait.REST
    assert run(12, 90) == AWAKE and run(12, 90) == 0
