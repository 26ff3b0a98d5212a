"""ONNX Runtime: one session per step, state in two buffers, training equal to NumPy's."""

import numpy as np
import pytest

import cornu
from cornu import layers as L
from cornu import primitives as P
from cornu import utils
from cornu.contract import registry, state
from cornu.contract.conformance.data import edges
from cornu.contract.conformance.services import cell
from cornu.contract.staged import StagedProgram
from cornu.primitives import dtypes as dt

writer = pytest.importorskip("cornu.graph.onnx.writer", reason="onnx is not installed")
SELECTED_BY_BITS = writer.SELECTED_BY_BITS
pytestmark = pytest.mark.skipif(
    "onnxruntime" not in registry.names() or not registry.is_installed("onnxruntime"),
    reason="onnxruntime and onnx are not installed",
)
X = np.array([1.0, 2.0, 3.0], "float32")


@pytest.fixture
def engine():
    with cornu.engine("onnxruntime") as chosen:
        yield chosen


def test_every_primitive_is_native_or_linear_algebra(engine):
    hosted = {name for name, record in P.TABLE.items() if engine.support(name) == "host"}
    assert hosted == {name for name, record in P.TABLE.items() if record.family == "linalg"} | {"complex"}


def test_two_programs_share_state(engine):
    """Each program flips the buffers that it writes; the other must see that."""
    weight, other = cell(engine, X), cell(engine, X)

    def add(x):
        state.write(weight, P.add(weight.value, x))
        return []

    def both():
        state.write(other, P.add(other.value, weight.value))
        state.write(weight, P.multiply(weight.value, 2))
        return [P.add(weight.value, other.value)]

    first, second = engine.compile(add, [X]), engine.compile(both, [])
    w, o = X.copy(), X.copy()
    for turn in range(6):
        if turn % 3:
            first(X)
            w = w + X
        if turn == 3:
            state.write(weight, engine.asarray(X))
            w = X.copy()
        (got,) = second()
        o, w = o + w, w * 2
        np.testing.assert_array_equal(got, w + o)
        np.testing.assert_array_equal(weight.value, w)
        np.testing.assert_array_equal(other.value, o)


def test_results_belong_to_the_caller(engine):
    run = engine.compile(lambda x: [P.add(x, 1), x], [X])
    first = run(X)
    copies = [np.array(y) for y in first]
    run(X * 5)
    for got, wanted in zip(first, copies, strict=True):
        np.testing.assert_array_equal(got, wanted)


def test_operands_of_any_layout(engine):
    x = np.arange(12, dtype="float32").reshape(3, 4).T[::-1]
    run = engine.compile(lambda x: [P.multiply(x, 2)], [x])
    np.testing.assert_array_equal(run(x)[0], x * 2)


def test_state_in_bfloat16(engine):
    weight = cell(engine, X, "bfloat16")

    def step():
        state.write(weight, P.multiply(weight.value, 2))
        return [weight.value]

    run = engine.compile(step, [])
    run()
    assert run()[0].astype("float32").tolist() == (X * 4).tolist()
    assert weight.value.dtype.name == "bfloat16"


def models():
    def transformer():
        tokens = L.Input((8,), dtype="int32")
        x = L.Embedding(20, 16)(tokens)
        x = L.LayerNormalization()(L.Add()([x, L.MultiHeadAttention(2, 8)(x, x)]))
        return cornu.Model(tokens, L.Dense(4, activation="softmax")(L.Flatten()(x)))

    rng = np.random.default_rng(0)
    floats = lambda *shape: rng.normal(size=(70, *shape)).astype("float32")  # noqa: E731
    yield (
        "mlp",
        lambda: cornu.Sequential(
            [L.Input((6,)), L.Dense(16, activation="relu"), L.Dropout(0.3), L.Dense(4, activation="softmax")]
        ),
        floats(6),
    )
    yield (
        "cnn",
        lambda: cornu.Sequential([
            L.Input((9, 9, 2)), L.Conv2D(8, 3, activation="relu", padding="same"), L.MaxPooling2D(2), L.BatchNormalization(),
            L.Conv2D(6, 3, strides=2), L.AveragePooling2D(2, strides=1, padding="same"), L.Flatten(),
            L.Dense(4, activation="softmax"),
        ]),
        floats(9, 9, 2),
    )  # fmt: skip
    yield "lstm", lambda: cornu.Sequential([L.Input((7, 5)), L.LSTM(8), L.Dense(4, activation="softmax")]), floats(7, 5)
    yield "transformer", transformer, rng.integers(0, 20, (70, 8)).astype("int32")


@pytest.mark.parametrize(("make", "x"), [pytest.param(make, x, id=name) for name, make, x in models()])
def test_losses_are_those_of_numpy(make, x):
    """Some 20 steps with a smaller last batch; and no program is compiled twice."""
    y = np.random.default_rng(1).integers(0, 4, len(x))
    losses, programs = {}, 0
    for name in ("numpy", "onnxruntime"):
        with cornu.engine(name):
            utils.set_random_seed(3)
            model = make()
            model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
            losses[name] = []
            watch = cornu.callbacks.LambdaCallback(
                on_train_batch_end=lambda batch, logs, row=losses[name]: row.append(logs["loss"])
            )
            model.fit(x, y, batch_size=16, epochs=4, verbose=0, callbacks=[watch])
            programs = model._step("train")._compiled
    np.testing.assert_allclose(losses["onnxruntime"], losses["numpy"], rtol=1e-5)
    assert len(set(losses["numpy"])) == 20
    assert len(programs) == 2  # the full batch, and the last, smaller one
    for compiled in programs.values():
        assert isinstance(compiled.run, StagedProgram) and len(compiled.run.steps) == 1


@pytest.mark.parametrize("dtype", [name for name in dt.DTYPES if name not in dt.COMPLEXES])
def test_large_selections(engine, dtype):
    """Those are made on bits: every special value comes through, and none gets in."""
    rng = np.random.default_rng(0)
    condition = rng.random((64, 1, 8)) < 0.5
    x, y = (np.resize(edges(dtype), (64, 16, 8)), np.resize(edges(dtype)[::-1], (16, 8)))
    assert x.size >= SELECTED_BY_BITS
    for other in (y, np.zeros((), x.dtype), np.ones((), x.dtype)):
        (got,) = engine.compile(lambda c, x, other=other: [P.where(c, x, other)], [condition, x])(condition, x)
        assert got.tobytes() == np.where(condition, x, other).tobytes()


def test_linear_algebra_in_the_middle_of_a_step(engine):
    """Values go to the host and back, gradients too."""
    rng = np.random.default_rng(0)
    a = rng.normal(size=(4, 4)).astype("float32")
    weight = cell(engine, a @ a.T + 4 * np.eye(4))

    def step(x):
        def loss(w):
            return P.sum(P.multiply(P.cholesky(P.multiply(w, 2)), x), axes=(0, 1)), []

        value, _, (gradient,) = cornu.context.current().value_and_grad(loss, [weight.value])
        state.write(weight, P.subtract(weight.value, P.multiply(gradient, 0.1)))
        return [value]

    run = engine.compile(step, [a])
    with cornu.engine("numpy") as numpy:
        engine_weight, weight_np = weight, cell(numpy, a @ a.T + 4 * np.eye(4))
        weight = weight_np
        other = numpy.compile(step, [a])
        wanted = [float(other(a)[0]) for _ in range(3)]
        weight = engine_weight
    np.testing.assert_allclose([float(run(a)[0]) for _ in range(3)], wanted, rtol=1e-5)
    np.testing.assert_allclose(engine_weight.value, weight_np.value, rtol=1e-5)


def test_additions_at_one_place_are_not_lost(engine):
    """Its threads must not add to one row at a time (the gradient of an embedding)."""
    places = np.random.default_rng(0).integers(0, 50, (20000, 1)).astype("int32")
    table, ones = np.zeros((50, 64), "float32"), np.ones((20000, 64), "float32")
    run = engine.compile(lambda *operands: [P.scatter(*operands, mode="add")], [table, places, ones])
    wanted = np.bincount(places[:, 0], minlength=50)[:, None]
    for _ in range(100):
        assert (run(table, places, ones)[0] == wanted).all()
