"""What is particular to PyTorch: programs that are recorded calls, and native code beside Cornu's."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import cornu
from cornu import layers, ops, optimizers, random, utils
from cornu.contract.program import Program
from cornu.contract.registry import is_installed

if not is_installed("torch"):
    pytest.skip("PyTorch is not installed", allow_module_level=True)

import torch

X = np.random.default_rng(0).normal(size=(12, 3)).astype("float32")
Y = (X[:, :1] - 2 * X[:, 1:2]).astype("float32")


@pytest.fixture(autouse=True)
def on_torch():
    with cornu.engine("torch"):
        yield


def variable(value, **kwargs):
    return cornu.Variable(np.asarray(value, "float32"), **kwargs)


def compiled(fn):
    """`fn` as a program whose results come as NumPy arrays."""
    program = Program(fn)
    return lambda *args: cornu.tree.map_structure(ops.convert_to_numpy, program(*args))


# Numbers are never burned in


@pytest.mark.parametrize(
    "ask",
    [bool, int, float, np.asarray, lambda x: x.item(), lambda x: x.numpy(), lambda x: x.tolist(), lambda x: torch.equal(x, x),
     lambda x: list(range(x)), lambda x: ops.convert_to_numpy(x), lambda x: x in x],
    ids="bool int float asarray item numpy tolist equal index convert_to_numpy in".split(),
)  # fmt: skip
def test_asking_for_numbers_is_refused(ask):
    weight = variable(1.0)
    for fn in (lambda x: [ask(x), x][1], lambda x: [ask(weight.value.to(torch.int32)), x][1]):
        with pytest.raises(TypeError, match=r"ops\.cond.*run_eagerly"):
            compiled(fn)(np.asarray(3, "int32"))


@pytest.mark.parametrize("ask", [torch.nonzero, lambda x: x[x > 0], lambda x: torch.masked_select(x, x > 0), torch.unique])
def test_shapes_that_depend_on_data_are_refused(ask):
    with pytest.raises(TypeError, match="shape of its result depends on the data"):
        compiled(ask)(X)


class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, g):
        return g * 5


def test_what_cannot_be_repeated_is_refused():
    def loss(w):
        return ops.sum(Doubled.apply(w))

    for fn in (lambda x: cornu.grad(loss)(x), torch.vmap(torch.sum), lambda x: torch.nn.Parameter(x * 2) * 3):
        with pytest.raises(NotImplementedError, match="run_eagerly"):
            compiled(fn)(X)


def test_a_failed_first_call_leaves_nothing_behind():
    weight, fail = variable([1.0, 2.0]), [True]

    def step(x):
        weight.assign(weight.value + x)
        if fail[0]:
            raise KeyError("mine")
        return weight.value * 1

    run = compiled(step)
    with pytest.raises(KeyError, match="mine"):
        run(np.ones(2, "float32"))
    assert torch.is_grad_enabled() and weight.numpy().tolist() == [1, 2]
    fail[0] = False
    assert run(np.ones(2, "float32")).tolist() == [2, 3]


# Programs


def test_control_flow_follows_the_data():
    factor = variable(2.0)

    def fn(x, n):
        halved = ops.cond(ops.sum(x) > 0, lambda: x / factor, lambda: ops.negative(x))
        count, grown = ops.while_loop(lambda i, y: i < n, lambda i, y: (i + 1, y * factor), (0, halved))
        last, seen = ops.scan(lambda c, row: (c + row * factor, (c, ops.cond(ops.sum(row) > 0, lambda: row, lambda: c))), x[0], x)
        backwards = ops.scan(lambda c, row: (row, c), x[0], x, reverse=True)[1]
        return halved, count, grown, last, *seen, backwards

    run = compiled(fn)
    for turn in range(4):
        x, n = (X + 1 if turn % 2 else X - 1), np.asarray(turn % 3, "int32")
        halved = x / 2 if x.sum() > 0 else -x
        carries = x[0] + 2 * np.concatenate([np.zeros((1, 3)), np.cumsum(x, 0)])
        chosen = np.where(x.sum(1, keepdims=True) > 0, x, carries[:-1])
        expected = [halved, n, halved * 2.0**n, carries[-1], carries[:-1], chosen, np.concatenate([x[1:], x[:1]])]
        for got, wanted in zip(run(x, n), expected, strict=True):
            np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5)


def test_gradients_where_a_branch_does_not_depend_on_the_variable():
    weight = variable([1.0, 2.0, 3.0])

    def fn(x):
        def loss():
            return ops.cond(ops.sum(x) > 0, lambda: ops.sum(x[0] * weight), lambda: ops.sum(x))

        return cornu.value_and_grad(loss, [weight])()[1][0]

    run = compiled(fn)
    for sign in (1, -1, 1):
        x = sign * np.abs(X)
        np.testing.assert_allclose(run(x), x[0] if sign > 0 else np.zeros(3))


@pytest.mark.parametrize("where", ["cond", "while", "scan"])
def test_assignments_inside_control_flow_are_refused(where):
    total = variable(0.0)

    def note(x):
        total.assign_add(ops.sum(x))
        return x

    flows = {
        "cond": lambda x: ops.cond(ops.sum(x) > 0, lambda: note(x), lambda: x),
        "while": lambda x: ops.while_loop(lambda y: ops.sum(y) < 0, note, (x,)),
        "scan": lambda x: ops.scan(lambda c, row: (note(c), row), x[0], x)[0],
    }
    with pytest.raises(NotImplementedError, match="assigns a variable"):
        compiled(flows[where])(X)


def test_random_numbers_differ_per_step_and_agree_with_numpy():
    def masks():
        generator = random.SeedGenerator(7)
        run = compiled(lambda x: random.dropout(x, 0.5, seed=generator))
        return [run(np.ones((4, 8), "float32")) for _ in range(3)]

    found = masks()
    assert not np.array_equal(found[0], found[1]) and not np.array_equal(found[1], found[2])
    with cornu.engine("numpy"):
        np.testing.assert_array_equal(found, masks())
    native = compiled(lambda x: x + torch.rand(3))
    assert not np.array_equal(native(X), native(X))


def test_constants_survive_native_changes_in_place():
    def fn(x):
        total = ops.zeros((3,))
        total.add_(x[0])
        part = total[:2]
        part += 1
        part[0] = x[1, 1]
        return total

    run = compiled(fn)
    for row in range(3):
        x = np.roll(X, -row, 0)
        np.testing.assert_array_equal(run(x), [x[1, 1], x[0, 1] + 1, x[0, 2]])


def test_results_and_variables_share_no_memory():
    first, second = variable([1.0, 2.0]), variable([3.0, 4.0])

    def fn(x):
        first.assign(x[0, :2])
        second.assign(first)
        return first.value, x, ops.ones((2,))

    program = Program(fn)
    for turn in range(3):
        given = torch.full((1, 3), float(turn))
        results = program(given)
        given.fill_(9)
        for tensor in results[::2]:
            tensor.fill_(7)
        first.storage.data.fill_(5)
        assert second.numpy().tolist() == [turn, turn]
        assert program(torch.ones(1, 3))[2].tolist() == [1, 1]


def test_the_first_batch_is_forgotten():
    weight = variable([1.0, 2.0, 3.0])

    def fn(x):
        _, grads = cornu.value_and_grad(lambda: ops.sum(ops.square(x * weight)), [weight])()
        weight.assign_sub(grads[0] * 0.1)
        return ops.scan(lambda c, row: (c + row, row), x[0], x)[0]

    program = Program(fn)
    batch = X.copy()
    gone = weakref.ref(batch)  # the tensor made of it holds it
    program(torch.from_numpy(batch))
    del batch
    gc.collect()
    assert gone() is None


def test_programs_inside_programs_and_several_signatures():
    total = variable(0.0, trainable=False)

    def inner(x):
        total.assign_add(ops.sum(x))
        return x * total

    program = Program(inner)
    run = compiled(lambda x: program(x) + program(x))
    expected = 0.0
    for rows in (2, 3, 2, 3):
        x = X[:rows]
        wanted = x * (2 * expected + 3 * x.sum())
        expected += 2 * x.sum()
        np.testing.assert_allclose(run(x), wanted, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(total.numpy(), expected, rtol=1e-5)


def test_storage_may_be_replaced_between_calls():
    model = cornu.Sequential([layers.Dense(1)])
    before = model.predict(X, verbose=0)
    model.to("numpy").to("torch")
    model.layers[0].kernel.assign(model.layers[0].kernel.value * 2)
    np.testing.assert_allclose(model.predict(X, verbose=0), 2 * before, rtol=1e-5)


# Native code beside Cornu's


def small(step=None):
    utils.set_random_seed(1)
    kind = type("Native", (cornu.Sequential,), {"train_step": step} if step else {})
    model = kind([layers.Input((3,)), layers.Dense(4, activation="tanh"), layers.Dense(1)])
    model.compile(optimizers.SGD(0.1), "mse")
    return model


def trained(model):
    losses = [model.train_on_batch(X[i : i + 6], Y[i : i + 6]) for i in (0, 6, 0, 6)]
    return losses, [w.copy() for w in model.get_weights()]


def assert_trains_the_same(model):
    losses, weights = trained(model)
    expected, wanted = trained(small())
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    for got, right in zip(weights, wanted, strict=True):
        np.testing.assert_allclose(got, right, rtol=1e-5, atol=1e-6)


def test_backward_in_a_custom_step():
    def train_step(self, data):
        x, y = data
        for v in self.trainable_variables:
            v.value.grad = None
        loss = self.compute_loss(x, y, self(x, training=True))
        loss.backward()
        with torch.no_grad():
            self.optimizer.apply([v.value.grad for v in self.trainable_variables], self.trainable_variables)
        return {"loss": loss}

    assert_trains_the_same(small(train_step))


def native_step(self, data):
    x, y = data
    self.native.zero_grad()
    loss = torch.nn.functional.mse_loss(self(x, training=True), y)
    loss.backward()
    self.native.step()
    return {"loss": loss}


def test_native_optimizer_in_a_custom_step():
    eager, model = small(native_step), small(native_step)
    eager.run_eagerly = True
    for each in (eager, model):
        each.native = torch.optim.SGD([v.value for v in each.trainable_variables], lr=0.1, momentum=0.9)
    for one, other in zip(trained(eager) + trained(eager), trained(model) + trained(model), strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_native_steps_that_never_settle_are_refused():
    def train_step(self, data):
        loss = self.compute_loss(*data, self(data[0]))
        loss.backward()
        self.kept = loss.detach() + getattr(self, "kept", 0)
        return {"loss": self.kept * 1}

    model = small(train_step)
    with pytest.raises(NotImplementedError, match="run_eagerly"):
        trained(model), trained(model)


def test_native_adam_says_what_to_do():
    model = small(native_step)
    model.native = torch.optim.Adam([v.value for v in model.trainable_variables])
    with pytest.raises(TypeError, match="run_eagerly"):
        trained(model)


def test_native_training_of_variables():
    weight = variable([1.0, 2.0, 3.0])
    assert isinstance(weight.value, torch.nn.Parameter)
    optimizer = torch.optim.SGD([weight.value], lr=0.5)
    ops.sum(ops.square(weight)).backward()
    optimizer.step()
    assert weight.numpy().tolist() == [0, 0, 0]


def test_gradients_are_of_these_uses_alone():
    weight = variable([1.0, 2.0, 3.0])

    def fn(x):
        outside = weight.value * 2
        return cornu.value_and_grad(lambda: ops.sum(outside * weight * x), [weight])()[1][0]

    for run in (compiled(fn), lambda x: ops.convert_to_numpy(fn(ops.convert_to_tensor(x)))):
        for _ in range(2):
            np.testing.assert_allclose(run(X[0]), X[0] * [2, 4, 6], rtol=1e-6)


def test_native_forms_train_as_the_bodies_do():
    tokens = np.random.default_rng(1).integers(0, 9, (16, 5)).astype("int32")

    def losses():
        utils.set_random_seed(3)
        x = inputs = layers.Input((5,), dtype="int32")
        x = layers.Embedding(9, 8)(x)
        x = layers.LayerNormalization()(layers.Add()([x, layers.MultiHeadAttention(2, 4)(x, x)]))
        model = cornu.Model(inputs, layers.Dense(3)(layers.LSTM(4)(x)))
        model.compile("adam", cornu.losses.SparseCategoricalCrossentropy(from_logits=True))
        return model.fit(tokens, tokens[:, 0] % 3, epochs=4, batch_size=8, verbose=0).history["loss"]

    native = losses()
    with cornu.engine("torch") as engine, engine.bodies_only():
        np.testing.assert_allclose(native, losses(), rtol=1e-5)


@pytest.mark.parametrize(
    "case", ["plain", "decay", "constraint", "ema", "accumulation", "clip", "amsgrad", "float64", "returned"]
)
def test_adam_in_place_equals_numpy(case):
    """The native kernel overwrites weights and moments: nobody may see the change too early or miss it."""
    options = {"decay": {"weight_decay": 0.1}, "ema": {"use_ema": True, "ema_momentum": 0.5}, "clip": {"global_clipnorm": 0.5},
               "accumulation": {"gradient_accumulation_steps": 2}, "amsgrad": {"amsgrad": True}}.get(case, {})  # fmt: skip

    def steps():
        dtype = "float64" if case == "float64" else "float32"
        weights = [cornu.Variable(np.full((3,), 0.5 + i, dtype)) for i in range(3)]
        if case == "constraint":
            weights[1].constraint = lambda w: ops.clip(w, 1.4, 1.6)
        optimizer = optimizers.Adam(0.05, **options)
        optimizer.build(weights)

        def step(x):
            before = [w.value for w in weights] if case == "returned" else []
            loss, grads = cornu.value_and_grad(lambda: ops.sum(ops.square(x @ (weights[0] * weights[1] - weights[2]))), weights)()
            optimizer.apply(grads, weights)
            after = [ops.square(w) for w in weights] + ([w.value for w in weights] if case == "returned" else [])
            return loss, before, after

        run = compiled(step)
        seen = [run(X[4 * i : 4 * i + 4].astype(dtype)) for i in (0, 1, 2, 0)]
        return cornu.tree.flatten(seen) + [w.numpy() for w in weights] + [v.numpy() for v in optimizer.variables]

    found = steps()
    with cornu.engine("numpy"):
        expected = steps()
    for got, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-6)


def test_updates_of_all_weights_are_one_call():
    model = small()
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    calls = []

    class Listen(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            calls.append(function.__name__)
            return function(*args, **(kwargs or {}))

    with Listen():
        model.fit(X, Y, verbose=0)
    assert calls.count("_fused_adam_") == 1
