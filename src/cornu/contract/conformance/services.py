"""What an engine must give besides kernels: tensors, state, programs, gradients. Each check is one function."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from cornu import context
from cornu.contract import state
from cornu.contract.conformance.checks import Check
from cornu.contract.conformance.compare import difference
from cornu.contract.conformance.data import edges, numbers
from cornu.contract.engine import Engine
from cornu.primitives import dtypes as dt
from cornu.primitives.primitive import lookup

SERVICES: list[Callable[..., None]] = []


def service_checks(engine: Engine) -> Iterator[tuple[str, Check]]:
    """A check for each function below (with a parameter `dtype`: for each dtype)."""
    for service in SERVICES:
        name = service.__name__.replace("_", " ")
        if "dtype" in inspect.signature(service).parameters:
            for dtype in dt.DTYPES:
                yield f"{name} {dtype}", functools.partial(_outcome, engine, service, dtype)
        else:
            yield name, functools.partial(_outcome, engine, service)


def _outcome(engine: Engine, service: Callable[..., None], *args: str) -> str | None:
    try:
        with context.use(engine):
            service(engine, *args)
    except AssertionError as error:
        return str(error)
    return None


def service(check: Callable[..., None]) -> Callable[..., None]:
    """Decorator: a check of the services; it raises AssertionError with what is wrong."""
    SERVICES.append(check)
    return check


def equal(got: Any, expected: Any, what: str) -> None:
    """Assert that arrays, or tensors of the current engine, agree."""
    engine = context.current()
    problem = difference(engine.to_numpy(got) if engine.is_tensor(got) else got, expected, ulps=32)
    assert problem is None, f"{what}: {problem}"


def call(name: str, *operands: Any, **params: Any) -> Any:
    """A primitive by name."""
    return lookup(name)(*operands, **params)


class TestCell(state.Cell):
    """A cell as simple as can be."""

    __test__ = False

    def __init__(self, engine: Engine, array: np.ndarray, trainable: bool = True) -> None:
        self.engine = engine
        self.shape = array.shape
        self.dtype = self.storage_dtype = dt.name_of(array.dtype)
        self.storage = engine.create_storage(array, trainable and dt.is_float(self.dtype))


def cell(engine: Engine, values: Any, dtype: str = "float32") -> TestCell:
    """A cell that holds these values."""
    return TestCell(engine, np.array(values, dt.numpy_dtype(dtype)))


# Tensors


@service
def arrays_go_in_and_out(engine: Engine, dtype: str) -> None:
    for x in (
        edges(dtype),
        numbers(dtype, ()),
        numbers(dtype, (0, 3)),
        numbers(dtype, (2, 3, 4)).transpose(2, 0, 1)[::-1],
    ):
        tensor = engine.asarray(x)
        assert engine.is_tensor(tensor), f"asarray gives a {type(tensor).__name__}, which is_tensor denies"
        assert engine.dtype_of(tensor) == dtype, f"dtype_of says {engine.dtype_of(tensor)}"
        assert tuple(engine.shape_of(tensor)) == x.shape, (
            f"shape_of says {engine.shape_of(tensor)} instead of {x.shape}"
        )
        back = engine.to_numpy(tensor)
        assert isinstance(back, np.ndarray), f"to_numpy gives a {type(back).__name__}"
        assert back.dtype == x.dtype, f"to_numpy gives {back.dtype}"
        assert back.shape == x.shape and back.tobytes() == x.tobytes(), f"{x} came back as {back}"


@service
def asarray_converts(engine: Engine, dtype: str) -> None:
    for x in ([[0, 1], [2, 3]], 1, np.array([0, 1, 2]), np.array([0.0, 1.0], "float32")):
        tensor = engine.asarray(x, dtype)
        assert engine.dtype_of(tensor) == dtype, f"asarray({x!r}, {dtype!r}) has dtype {engine.dtype_of(tensor)}"
        equal(tensor, np.asarray(x).astype(dt.numpy_dtype(dtype)), f"asarray({x!r}, {dtype!r})")
    again = engine.asarray(engine.asarray(np.array([0, 1, 2], "int32")), dtype)
    assert engine.dtype_of(again) == dtype, f"asarray(int32 tensor, {dtype!r}) has dtype {engine.dtype_of(again)}"


@service
def asarray_default_dtypes(engine: Engine) -> None:
    floating = dt.strong("float")
    for x, wanted in (
        (1, "int32"),
        (True, "bool"),
        (1.5, floating),
        ([1, 2.5], floating),
        ([[True]], "bool"),
        (1j, dt.strong("complex")),
    ):
        got = engine.dtype_of(engine.asarray(x))
        assert got == wanted, f"asarray({x!r}) has dtype {got} instead of {wanted}"
    tensor = engine.asarray(np.ones(2, "float16"))
    assert engine.dtype_of(engine.asarray(tensor)) == "float16", "a tensor does not keep its dtype"


@service
def is_tensor_knows_its_own(engine: Engine) -> None:
    for x in (1, 1.0, True, "x", None, [1.0], (engine.asarray(1.0),)):
        assert not engine.is_tensor(x), f"is_tensor({x!r}) holds"


@service
def scalars_serve_as_operands(engine: Engine, dtype: str) -> None:
    x = numbers(dtype, (3,))
    got = engine.kernel(lookup("equal"))(engine.asarray(x), engine.scalar(1, dtype))
    equal(got, x == 1, "a tensor compared with scalar(1)")


@service
def gradients_come_as_tensors(engine: Engine) -> None:
    x = engine.asarray(np.ones(3, "float32"))
    _, auxiliary, gradients = engine.value_and_grad(lambda x: (call("sum", x, axes=(0,)), [call("add", x, 1)]), [x])
    equal(engine.to_numpy(auxiliary[0]), np.full(3, 2, "float32"), "to_numpy of an auxiliary result")
    equal(engine.to_numpy(gradients[0]), np.ones(3, "float32"), "to_numpy of a gradient")


@service
def the_machine(engine: Engine) -> None:
    devices = engine.devices()
    assert devices and all(isinstance(name, str) for name in devices), f"devices() gives {devices!r}"
    assert isinstance(engine.version(), str) and engine.version(), f"version() gives {engine.version()!r}"
    engine.synchronize([engine.asarray(1.0)])
    engine.synchronize()


# State


@service
def storage_keeps_values(engine: Engine, dtype: str) -> None:
    for x in (numbers(dtype, (2, 3)), numbers(dtype, ()), numbers(dtype, (0, 3))):
        one = TestCell(engine, x)
        equal(engine.to_numpy(engine.read(one.storage)), x, "what was read")
        assert engine.dtype_of(one.value) == dtype, f"the storage has dtype {engine.dtype_of(one.value)}"
        assert engine.is_tensor(one.value), "what is read is no tensor"
        assert tuple(engine.shape_of(one.value)) == x.shape, f"the storage has shape {engine.shape_of(one.value)}"


@service
def storage_owns_its_values(engine: Engine) -> None:
    array = np.ones(64, "float32")
    one = TestCell(engine, array)
    array[:] = 5
    equal(
        engine.to_numpy(one.value), np.ones(64, "float32"), "the storage after a change of the array it was made from"
    )


@service
def assigned_values_are_read(engine: Engine) -> None:
    for trainable in (True, False):
        one = TestCell(engine, np.zeros(3, "float32"), trainable)
        state.write(one, engine.asarray(np.array([1, 2, 3], "float32")))
        equal(engine.to_numpy(one.value), np.array([1, 2, 3], "float32"), "the value after an assignment")
        state.write(one, call("add", one.value, one.value))
        equal(
            engine.to_numpy(one.value),
            np.array([2, 4, 6], "float32"),
            "the value after an assignment of an expression of itself",
        )


@service
def assigned_tensors_stay(engine: Engine) -> None:
    one, tensor = cell(engine, [0, 0]), engine.asarray(np.array([1, 2], "float32"))
    state.write(one, tensor)
    state.write(one, engine.asarray(np.array([7, 7], "float32")))
    equal(tensor, np.array([1, 2], "float32"), "a tensor that was assigned, after the next assignment")


@service
def snapshots_stay(engine: Engine) -> None:
    one = cell(engine, [1, 2])
    before = engine.snapshot(one.storage)
    state.write(one, engine.asarray(np.array([7, 8], "float32")))
    equal(before, np.array([1, 2], "float32"), "a snapshot after an assignment")


@service
def cells_are_operands(engine: Engine) -> None:
    one = cell(engine, [1, 2])
    equal(call("multiply", one, one), np.array([1, 4], "float32"), "a product of cells")
    equal(call("add", one, 1), np.array([2, 3], "float32"), "a cell and a number")
    equal(
        call("add", cell(engine, [1], "int32"), np.float32(0.5)),
        np.array([1.5], "float32"),
        "an integer cell and an array",
    )


# Programs


@service
def compiled_programs_compute(engine: Engine) -> None:
    x = np.array([1, 2, 3], "float32")
    calls: list[int] = []

    def program(x: Any, y: Any) -> list[Any]:
        calls.append(1)
        return [call("add", x, y), call("sum", y, axes=(0,)), x]

    run = engine.compile(program, [x, x])
    for scale in (1, 2):
        results = run(x * scale, engine.asarray(x))
        assert len(results) == 3, f"{len(results)} results instead of 3"
        for got, wanted in zip(results, (x * scale + x, np.float32(6), x * scale), strict=True):
            assert engine.is_tensor(got), f"a result is a {type(got).__name__}"
            equal(got, wanted, "a result")


@service
def compiled_programs_give_constants(engine: Engine) -> None:
    run = engine.compile(lambda: [call("full", shape=(2,), value=3, dtype="int32"), engine_array([1.0, 2.0])], [])
    results = run()
    equal(results[0], np.full(2, 3, "int32"), "a constant")
    equal(results[1], np.array([1, 2], "float32"), "an array as a result")


def engine_array(values: Any) -> Any:
    """The values as a float32 tensor of the engine that is in charge now."""
    return context.current().asarray(np.array(values, "float32"))


@service
def compiled_programs_read_and_write_cells(engine: Engine) -> None:
    total, count, constant = cell(engine, [0, 0]), cell(engine, 0, "int32"), cell(engine, [10, 20])

    def program(x: Any) -> list[Any]:
        state.write(total, call("add", total.value, x))
        state.write(count, call("add", count.value, 1))
        state.write(count, call("add", count.value, 1))
        return [call("multiply", total.value, constant.value)]

    run = engine.compile(program, [np.zeros(2, "float32")])
    equal(total.value, np.zeros(2, "float32"), "a cell before the first call (compile must not compute)")
    for turn in (1, 2, 3):
        results = run(np.array([1, 2], "float32"))
        equal(results[0], np.array([10, 40], "float32") * turn, f"the result of call {turn}")
        equal(total.value, np.array([1, 2], "float32") * turn, f"a written cell after call {turn}")
        equal(count.value, np.array(2 * turn, "int32"), f"a cell written twice after call {turn}")
    equal(constant.value, np.array([10, 20], "float32"), "a cell that was only read")


@service
def compiled_programs_see_assignments_between_calls(engine: Engine) -> None:
    one = cell(engine, [1, 2])
    run = engine.compile(lambda: [call("add", one.value, 1)], [])
    run()
    state.write(one, engine.asarray(np.array([5, 6], "float32")))
    equal(run()[0], np.array([6, 7], "float32"), "the result after an assignment outside")


@service
def cells_exchange_values(engine: Engine) -> None:
    first, second = cell(engine, [1, 2]), cell(engine, [3, 4])

    def exchange() -> list[Any]:
        one, two = first.value, second.value
        state.write(first, call("stop_gradient", two))
        state.write(second, call("stop_gradient", one))
        return []

    run = engine.compile(exchange, [])
    run()
    equal(first.value, np.array([3, 4], "float32"), "the first cell after an exchange")
    equal(second.value, np.array([1, 2], "float32"), "the second cell after an exchange")


@service
def gradients_of_a_function(engine: Engine) -> None:
    x, w = np.array([1, 2, 3], "float32"), np.array([2, 0, 1], "float32")

    def loss(x: Any, w: Any, unused: Any) -> tuple[Any, list[Any]]:
        product = call("multiply", call("multiply", x, x), w)
        return call("sum", product, axes=(0,)), [product, call("full", shape=(), value=1, dtype="int32")]

    tensors = [engine.asarray(a) for a in (x, w, np.ones((2, 2), "float32"))]
    value, auxiliary, gradients = engine.value_and_grad(loss, tensors)
    equal(value, np.float32(11), "the loss")
    equal(auxiliary[0], x * x * w, "an auxiliary result")
    equal(auxiliary[1], np.array(1, "int32"), "an integer auxiliary result")
    for got, wanted in zip(gradients, (2 * x * w, x * x, np.zeros((2, 2), "float32")), strict=True):
        assert engine.is_tensor(got), f"a gradient is a {type(got).__name__}"
        equal(got, wanted, "a gradient")


@service
def gradients_keep_the_dtype(engine: Engine) -> None:
    wide = engine.asarray(np.ones(3, "float64"))
    for dtype in dt.FLOATS:
        x = engine.asarray(np.ones(3, "float32"), dtype)
        _, _, gradients = engine.value_and_grad(lambda x: (call("sum", call("multiply", x, wide), axes=(0,)), []), [x])
        assert engine.dtype_of(gradients[0]) == dtype, (
            f"the gradient of a {dtype} tensor is {engine.dtype_of(gradients[0])}"
        )


@service
def gradients_stop(engine: Engine) -> None:
    x = engine.asarray(np.array([1, 2], "float32"))

    def loss(x: Any) -> tuple[Any, list[Any]]:
        return call("sum", call("multiply", x, call("stop_gradient", x)), axes=(0,)), []

    equal(engine.value_and_grad(loss, [x])[2][0], np.array([1, 2], "float32"), "the gradient of x * stop_gradient(x)")


@service
def gradients_by_cells(engine: Engine) -> None:
    one = cell(engine, [1, 2])
    x = engine.asarray(np.array([3, 4], "float32"))

    def loss(w: Any) -> tuple[Any, list[Any]]:
        return call("sum", call("multiply", call("multiply", w, w), x), axes=(0,)), []

    _, _, gradients = engine.value_and_grad(loss, [engine.snapshot(one.storage)])
    equal(gradients[0], np.array([6, 16], "float32"), "the gradient by a cell's value")
    equal(one.value, np.array([1, 2], "float32"), "the cell after taking gradients")


@service
def gradients_of_gradients(engine: Engine) -> None:
    def slope(x: Any) -> tuple[Any, list[Any]]:
        now = context.current()
        _, _, gradients = now.value_and_grad(lambda x: (call("sum", call("power", x, 3.0), axes=(0,)), []), [x])
        return call("sum", call("multiply", gradients[0], gradients[0]), axes=(0,)), []

    def program(x: Any) -> list[Any]:
        return context.current().value_and_grad(slope, [x])[2]

    x = np.array([1, 2], "float32")
    wanted = 36 * x**3
    equal(program(engine.asarray(x))[0], wanted, "the gradient of a squared gradient")
    equal(engine.compile(program, [x])(x)[0], wanted, "the gradient of a squared gradient, compiled")


@service
def training_steps(engine: Engine) -> None:
    weight, steps = cell(engine, [1, 1]), cell(engine, 0, "int32")

    def step(x: Any, y: Any) -> list[Any]:
        def loss(w: Any) -> tuple[Any, list[Any]]:
            error = call("subtract", call("multiply", x, w), y)
            return call("sum", call("multiply", error, error), axes=(0,)), [error]

        value, auxiliary, gradients = context.current().value_and_grad(loss, [weight.value])
        state.write(weight, call("subtract", weight.value, call("multiply", gradients[0], 0.1)))
        state.write(steps, call("add", steps.value, 1))
        return [value, *auxiliary]

    x, y, w = np.array([1, 2], "float32"), np.array([3, 5], "float32"), np.ones(2, "float32")
    run = engine.compile(step, [x, y])
    for turn in range(1, 4):
        value, error = run(x, y)
        equal(value, np.sum((x * w - y) ** 2), f"the loss of step {turn}")
        equal(error, x * w - y, f"an auxiliary result of step {turn}")
        w = w - np.float32(0.1) * 2 * (x * w - y) * x
        equal(weight.value, w, f"the weight after step {turn}")
    equal(steps.value, np.array(3, "int32"), "the counter")


@service
def bodies_may_capture(engine: Engine) -> None:
    one = cell(engine, [1, 2])

    def program(x: Any) -> list[Any]:
        doubled = call("multiply", x, 2)
        last, seen = call(
            "scan",
            x,
            body_fn=lambda s: [call("add", s, doubled), call("multiply", s, one.value)],
            n_carry=1,
            n_xs=0,
            length=2,
            reverse=False,
        )
        (chosen,) = call(
            "cond",
            call("less", call("sum", last, axes=(0,)), 100),
            true_fn=lambda: [call("add", last, one.value)],
            false_fn=lambda: [doubled],
        )
        _, turned = call(
            "while_loop",
            call("full", shape=(), value=0, dtype="int32"),
            chosen,
            cond_fn=lambda i, y: [call("less", i, 3)],
            body_fn=lambda i, y: [call("add", i, 1), call("add", y, one.value)],
            n_state=2,
        )
        return [last, seen, chosen, turned]

    x, value = np.array([1, 1], "float32"), np.array([1, 2], "float32")
    wanted = [x * 5, np.stack([x * value, x * 3 * value]), x * 5 + value, x * 5 + 4 * value]
    for how, results in (("eagerly", program(engine.asarray(x))), ("compiled", engine.compile(program, [x])(x))):
        for got, right in zip(results, wanted, strict=True):
            equal(got, right, f"control flow over captured values, {how}")


@service
def gradients_through_captured_values(engine: Engine) -> None:
    def loss(x: Any) -> tuple[Any, list[Any]]:
        scale = call("multiply", x, 3)
        (last,) = call(
            "scan", x, body_fn=lambda s: [call("multiply", s, scale)], n_carry=1, n_xs=0, length=2, reverse=False
        )
        (chosen,) = call("cond", True, true_fn=lambda: [call("add", last, scale)], false_fn=lambda: [last])
        return call("sum", chosen, axes=(0,)), []

    x = np.array([1, 2], "float32")

    def program(x: Any) -> list[Any]:
        return context.current().value_and_grad(loss, [x])[2]

    for how, results in (("eagerly", program(engine.asarray(x))), ("compiled", engine.compile(program, [x])(x))):
        equal(results[0], 27 * x**2 + 3, f"the gradient through captured values, {how}")  # of x (3x)^2 + 3x


@service
def data_are_not_asked_for_truth(engine: Engine) -> None:
    def program(x: Any) -> list[Any]:
        return [call("add", x, 1)] if x else [x]

    try:
        run = engine.compile(program, [np.array(0, "int32")])
        results = [engine.to_numpy(run(np.array(n, "int32"))[0]) for n in (0, 1)]
    except TypeError:
        return  # refused, as it should be
    assert [int(x) for x in results] == [0, 2], f"a branch on data is compiled into {results}"
