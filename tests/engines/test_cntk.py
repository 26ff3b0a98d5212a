"""CNTK: its environment, what is special in its lowering, training."""

import ctypes
import os
import signal

import numpy as np
import pytest

import cornu
from cornu import callbacks, context, layers, ops, optimizers, utils
from cornu import primitives as P
from cornu.cli import main
from cornu.contract import registry
from cornu.contract.conformance.reference import REFERENCE
from cornu.engines.cntk import install, mpi_stub
from cornu.engines.cntk.worker.cntk_support import BY_NUMPY, NATIVE
from cornu.engines.remote import environment
from cornu.primitives import TABLE

needs_cntk = pytest.mark.skipif(not install.is_installed(), reason=f"CNTK's environment is not installed ({install.ENVIRONMENT.command})")


@pytest.fixture
def cntk():
    with cornu.engine("cntk") as engine:
        yield engine


# The environment


def test_the_stub_of_mpi_loads_and_has_the_names(tmp_path):
    user = tmp_path / "user.so"
    user.write_bytes(mpi_stub.shared_library("user.so", ["not_asked_for"]))
    mpi_stub.write(tmp_path / "lib", [user])
    empty = ctypes.CDLL(str(tmp_path / "lib" / "libmpi.so.12"))
    assert not hasattr(empty, "not_asked_for")
    names = ["MPI_Init", "ompi_mpi_comm_world", "_ZN3MPI4CommC2Ev"]
    path = tmp_path / "libmpi.so.12"
    path.write_bytes(mpi_stub.shared_library("libmpi.so.12", names))
    full = ctypes.CDLL(str(path))
    places = [ctypes.addressof(ctypes.c_char.in_dll(full, name)) for name in names]
    assert len(set(places)) == 3 and all(ctypes.c_char.in_dll(full, name).value == b"\0" for name in names)


def test_undefined_names_are_read_from_a_library(tmp_path):
    libraries = sorted(install.ENVIRONMENT.folder.glob("env/lib/python3.6/site-packages/cntk/libs/libCntk.Math*.so"))
    if not libraries:
        pytest.skip(f"CNTK's environment is not installed ({install.ENVIRONMENT.command})")
    names = mpi_stub.undefined(libraries[0].read_bytes())
    assert {"MPI_Allreduce", "ompi_mpi_comm_null"} <= set(names)


def test_what_is_missing_is_said(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("CORNU_ENGINES", str(tmp_path))
    assert not install.is_installed() and not registry.is_installed("cntk")
    monkeypatch.setattr(environment, "candidates", lambda: iter([]))
    monkeypatch.delenv("CORNU_CNTK_PYTHON", raising=False)
    assert main(["engines", "install", "cntk"]) == 1
    message = capsys.readouterr().err
    assert "needs a Python 3.6" in message and "pyenv install" in message
    with pytest.raises(ImportError, match="cornu engines install cntk"):
        install.host("x")


def test_a_python_that_is_none(monkeypatch):
    monkeypatch.setenv("CORNU_CNTK_PYTHON", "/no/such/python")
    with pytest.raises(environment.InstallError, match=r"/no/such/python is no Python 3\.6, but nothing that runs"):
        environment.find_python(install.ENVIRONMENT)


def test_installing_something_else(capsys):
    assert main(["engines", "install", "numpy"]) == 0
    assert "pip install" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["engines", "install", "no such engine"])


def test_most_primitives_become_nodes():
    assert {*NATIVE, *BY_NUMPY} <= set(TABLE) and not set(NATIVE) & set(BY_NUMPY)
    assert len({*NATIVE, *BY_NUMPY}) >= 0.8 * len(TABLE)


# The lowering


def compiled(engine, fn, *args):
    return engine.compile(lambda *xs: [fn(*xs)], args)(*args)[0]


@needs_cntk
@pytest.mark.parametrize("name", ["add", "subtract", "multiply"])
def test_integers_wrap(cntk, name):
    edge = np.array([0, 1, -1, 2, 3, 65535, 65536, -65537, 2**31 - 1, -(2**31), 123456789, -987654321], "int32")
    x, y = np.meshgrid(edge, edge)
    with np.errstate(over="ignore"):
        assert np.array_equal(compiled(cntk, getattr(P, name), x, y), getattr(np, name)(x, y))


@needs_cntk
def test_large_integers_keep_their_last_digit(cntk):
    x = np.array([2**31 - 1, 2**24 + 1, -(2**30) - 1], "int32")
    assert np.array_equal(compiled(cntk, lambda x: P.transpose(x, axes=(0,)), x), x)
    assert np.array_equal(compiled(cntk, lambda x: P.where(P.equal(x, 2**24), 0, x), x), x)
    assert compiled(cntk, lambda x: P.sum(x, axes=(0,)), x) == np.sum(x, dtype="int32")


@needs_cntk
def test_what_cntk_lacks_is_computed_outside(cntk):
    x = np.array([[2, 1], [1, 3]], "float32")
    value = compiled(cntk, lambda x: P.add(P.svd(P.multiply(x, 2.0), full_matrices=False)[1], 1.0), x)
    assert np.allclose(value, np.linalg.svd(2 * x)[1] + 1, rtol=1e-6)
    half = compiled(cntk, lambda x: P.add(P.cast(x, dtype="float16"), 1), x)
    assert half.dtype == "float16" and half.tolist() == (x + 1).tolist()


@needs_cntk
def test_float32_and_float64_in_one_program(cntk):
    x, y = np.array([1, 2], "float32"), np.array([1e-12, 2e-12])
    both = cntk.compile(lambda x, y, n: [P.multiply(x, 2.0), P.add(P.cast(x, dtype="float64"), y), P.add(n, 1)], [x, y, np.int32(5)])
    doubled, total, number = both(x, y, np.array(2**31 - 1, "int32"))
    assert doubled.dtype == "float32" and doubled.tolist() == [2, 4]
    assert total.tolist() == [1 + 1e-12, 2 + 2e-12] and number == -(2**31)


VALUES = np.array([-2, -1, 0, 0.5, 3, np.nan, np.inf, -np.inf], "float32")
IMAGES = np.random.default_rng(0).choice(VALUES, size=(3, 6, 7, 2), p=[0.2] * 4 + [0.14] + [0.02] * 3)
TILES = dict(window=(2, 2), strides=(2, 2), padding=((0, 0), (0, 0)))
KERNEL = np.random.default_rng(1).normal(size=(3, 2, 2, 2)).astype("float32")


def _convolved(x, **how):
    return P.conv(x, KERNEL, **{**dict(strides=(1, 1), padding=((1, 0), (0, 2)), dilation=(1, 1), groups=1), **how})


@needs_cntk
@pytest.mark.parametrize(
    "fn",
    [
        lambda x: P.add(P.max_pool(x, **TILES), np.array([1, -1], "float32")),
        lambda x: P.where(P.less(P.max_pool(x, **TILES), 1.0), np.arange(3, dtype="float32").reshape(3, 1, 1, 1), P.max_pool(x, **TILES)),
        lambda x: P.multiply(P.max_pool(x, **TILES), P.slice(x, start=(0, 0, 0, 0), limit=(3, 3, 3, 2), strides=(1, 1, 1, 1))),
        lambda x: P.maximum(np.arange(6, dtype="float32").reshape(3, 1, 2), P.max_pool(x, **TILES)),
        lambda x: P.greater(P.max_pool(P.slice(x, start=(0, 0, 0, 0), limit=(3, 2, 2, 2), strides=(1, 1, 1, 1)), **TILES), x),
        lambda x: P.sum(P.max_pool_grad(x, P.max_pool(x, **TILES), P.exp(P.negative(P.max_pool(x, **TILES))), **TILES), axes=(0, 1, 2)),
        lambda x: P.sum(P.max_pool(x, **TILES), axes=(0, 1, 2), keepdims=True),
        lambda x: P.max_pool(_convolved(P.where(P.isfinite(x), x, 0.0)), **TILES),
        lambda x: _convolved(_convolved(P.where(P.isfinite(x), x, 0.0), strides=(2, 1)), dilation=(1, 2)),
        lambda x: P.imag(P.max_pool(x, **TILES)),
    ],
)
def test_images_among_others(cntk, fn):
    """What CNTK's convolution and pooling give stays with the channels first in elementwise operations, also beside other shapes."""
    with np.errstate(all="ignore"), context.use(REFERENCE):
        right = fn(IMAGES)
    np.testing.assert_allclose(compiled(cntk, fn, IMAGES), right, rtol=1e-5, atol=1e-5)


@needs_cntk
def test_a_batch_of_one_image(cntk):
    fn = lambda x: P.max_pool(P.add(P.max_pool(x, **TILES), np.ones((1, 1, 1, 2), "float32")), **TILES)  # noqa: E731
    with context.use(REFERENCE):
        right = fn(IMAGES[:1])
    assert np.array_equal(compiled(cntk, fn, IMAGES[:1]), right, equal_nan=True)


MANY = np.random.default_rng(2).normal(size=(8, 16, 16, 4)).astype("float32")  # so many that a program takes them for finite


def _spoilt(value, *places):
    """MANY with that value at these places."""
    x = MANY.copy()
    for place in places:
        x[place] = value
    return x


def _rectified(x):
    return P.where(P.less_equal(x, 0.0), 0.0, x)


@needs_cntk
@pytest.mark.parametrize(
    "fn",
    [
        lambda x: P.max_pool(x, **TILES),
        lambda x: P.max_pool_grad(x, P.max_pool(x, **TILES), P.max_pool(P.multiply(x, x), **TILES), **TILES),
        _rectified,
        lambda x: P.where(P.less_equal(P.reshape(x, shape=(64, 128)), 0.0), 0.0, P.reshape(P.negative(x), shape=(64, 128))),
        lambda x: P.max(P.reshape(x, shape=(8192,)), axes=(0,), keepdims=False),
        lambda x: P.min(x, axes=(1, 2), keepdims=True),
        lambda x: _rectified(P.max_pool(x, window=(1, 1), strides=(1, 1), padding=((1, 0), (0, 0)))),  # windows of padding alone: -inf
    ],
)
def test_what_a_program_took_for_finite_may_be_otherwise(cntk, fn):
    program = cntk.compile(lambda x: [fn(x)], [MANY])
    corner, middle = (0, 0, 0, 0), (3, 7, 8, 2)
    for x in (MANY, -MANY, _spoilt(np.nan, middle), MANY, _spoilt(np.inf, corner), _spoilt(-np.inf, corner, middle), _spoilt(3e38, corner, middle)):
        with np.errstate(all="ignore"), context.use(REFERENCE):
            right = fn(x)
        np.testing.assert_array_equal(program(x)[0], right)
    fresh = cntk.compile(lambda x: [fn(x)], [MANY])
    with np.errstate(all="ignore"), context.use(REFERENCE):
        np.testing.assert_array_equal(fresh(_spoilt(np.nan, corner))[0], fn(_spoilt(np.nan, corner)))


@needs_cntk
def test_transpositions_of_more_axes_than_cntk_takes(cntk):
    x = np.arange(3 * 2**6, dtype="float32").reshape(3, 2, 2, 1, 2, 2, 2, 2)
    for axes in [(0, 2, 1, 3, 4, 7, 6, 5), (7, 0, 6, 1, 5, 3, 2, 4), (1, 2, 3, 4, 5, 6, 7, 0)]:
        assert np.array_equal(compiled(cntk, lambda x: P.transpose(x, axes=axes), x), x.transpose(axes))  # noqa: B023
    images = np.arange(96, dtype="float32").reshape(2, 2, 3, 4, 2)
    with context.use(REFERENCE):
        right = ops.image.extract_patches_3d(images, 2, 1, 1, "same")
    assert np.array_equal(compiled(cntk, lambda x: ops.image.extract_patches_3d(x, 2, 1, 1, "same"), images), right)


# Training


def _models():
    yield "dense", lambda: [layers.Input((6, 6, 2)), layers.Flatten(), layers.Dense(8, "gelu"), layers.Dropout(0.3), layers.Dense(3)]
    yield "images", lambda: [
        layers.Input((6, 6, 2)), layers.Conv2D(4, 3, padding="same", strides=2, use_bias=False), layers.BatchNormalization(), layers.Activation("relu"),
        layers.MaxPooling2D(3, strides=1), layers.Conv2D(4, 1), layers.AveragePooling2D(1), layers.GlobalAveragePooling2D(), layers.Dense(3),
    ]  # fmt: skip
    yield "pictures", lambda: [
        layers.Input((6, 6, 2)), layers.Conv2D(4, 3, padding="same", activation="relu"), layers.MaxPooling2D(), layers.Conv2D(4, 2, activation="relu"),
        layers.MaxPooling2D(), layers.Flatten(), layers.Dense(3),
    ]  # fmt: skip
    yield "sequences", lambda: [layers.Input((6, 6, 2)), layers.Reshape((6, 12)), layers.LSTM(5), layers.Dense(3)]


def _attention():
    tokens = layers.Input((6,), dtype="int32")
    x = layers.Embedding(10, 8)(tokens)
    x = layers.LayerNormalization()(layers.Add()([x, layers.MultiHeadAttention(2, 4)(x, x)]))
    return cornu.Model(tokens, layers.Dense(3)(layers.Flatten()(x)))


def _losses(name, build, x, y, epochs=2):
    with cornu.engine(name):
        utils.set_random_seed(3)
        model = build()
        model.compile(optimizers.Adam(0.01), cornu.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
        seen = []
        watch = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(logs["loss"]))
        model.fit(x, y, batch_size=8, epochs=epochs, verbose=0, callbacks=[watch])
        return seen, model.evaluate(x, y, verbose=0), model.predict(x, verbose=0)


@needs_cntk
@pytest.mark.parametrize("build", [pytest.param(build, id=name) for name, build in _models()])
def test_training_equals_numpys(build):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 6, 6, 2)).astype("float32"), rng.integers(0, 3, 20)
    found, right = (_losses(name, lambda: cornu.Sequential(build()), x, y) for name in ("cntk", "numpy"))
    for a, b in zip(found, right, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=1e-5)


@needs_cntk
def test_attention_and_embedding_train():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 10, (20, 6)).astype("int32"), rng.integers(0, 3, 20)
    found, right = (_losses(name, _attention, x, y) for name in ("cntk", "numpy"))
    for a, b in zip(found, right, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=1e-5)


@needs_cntk
def test_training_goes_on_in_a_new_worker(cntk):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(16, 4)).astype("float32"), rng.normal(size=(16, 1)).astype("float32")
    model = cornu.Sequential([layers.Input((4,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    first = model.train_on_batch(x, y)
    weights = [w.copy() for w in model.get_weights()]
    os.kill(cntk.worker.process.pid, signal.SIGKILL)
    cntk.worker.process.wait()
    with pytest.warns(UserWarning, match="CNTK worker ended while idle"):
        second = model.train_on_batch(x, y)
    assert np.ravel(second)[0] < np.ravel(first)[0]
    assert all(a.shape == b.shape and not np.array_equal(a, b) for a, b in zip(weights, model.get_weights(), strict=True))


@needs_cntk
def test_moving_a_model_there_and_back():
    with cornu.engine("numpy"):
        model = cornu.Sequential([layers.Input((4,)), layers.Dense(3, "relu"), layers.Dense(1)])
    x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    before = model.predict(x, verbose=0)
    model.to("cntk")
    assert np.allclose(model.predict(x, verbose=0), before, atol=1e-6)
    model.to("numpy")
    assert np.array_equal(model.predict(x, verbose=0), before)


@needs_cntk
def test_eager_ops_are_numpys(cntk):
    assert context.current() is cntk
    assert np.array_equal(ops.add(np.ones(2, "float32"), 1), [2, 2])
    assert [cntk.support(name) for name in ("add", "sort", "svd")] == ["native", "custom", "host"]


@needs_cntk
def test_reductions_over_many_axes_apart(cntk):
    x = np.random.default_rng(0).normal(size=(2, 3, 2, 3, 2, 3, 2)).astype("float32")
    (found,) = cntk.compile(lambda x: [ops.sum(x, axis=(1, 3, 5))], [x])(x)
    np.testing.assert_allclose(found, x.sum((1, 3, 5)), rtol=1e-5)
