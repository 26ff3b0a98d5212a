"""The TensorFlow engine: eager calls are TensorFlow's, compiled functions `tf.function`s, storage is `tf.Variable`.

The kernels stand in a file for each family of primitives: `elementwise`, `structure`, `contraction`, `control`;
native forms of derived ops in `overrides`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cornu import context
from cornu.contract.engine import Engine, default_dtype
from cornu.contract.state import Cell, StateScope
from cornu.engines.tensorflow import contraction, control, overrides, structure  # noqa: F401 (they fill the table)
from cornu.engines.tensorflow.elementwise import cast
from cornu.engines.tensorflow.library import conj, kernels, scalar, tf
from cornu.primitives import Primitive
from cornu.primitives import dtypes as dt

# Where TensorFlow computes only in some dtypes, kernels run in a wider one; integers wrap around when they come back.
_HALF = {"float16": "float32", "bfloat16": "float32"}
_WHOLE = {name: "float64" for name in ("bool", *dt.INTS, *dt.UINTS)}
_SMALL = {**dict.fromkeys(("bool", "int8", "int16", "uint8", "uint16"), "int32"), "uint32": "int64", "uint64": "int64"}
# On the CPU its products of bfloat16 take up to four times as long as those of float32, and an infinity makes other elements NaN.
_PRODUCTS = _SMALL if tf.config.list_physical_devices("GPU") else {**_SMALL, **_HALF}
_WIDER: dict[str, dict[str, str]] = {"matmul": _PRODUCTS, "erfinv": _HALF, "floor_divide": _HALF, "mod": _HALF}
for _names, _wider in (
    ("conv conv_grad_input conv_grad_kernel max_pool max_pool_grad sum_pool sum_pool_grad", {**_HALF, **_WHOLE}),
    ("add subtract multiply maximum minimum max min cumsum cumprod argmax argmin sort argsort searchsorted", {"bool": "int32"}),
    ("less less_equal greater greater_equal bitwise_and bitwise_or bitwise_xor", {"bool": "uint8"}),
    ("cholesky triangular_solve solve qr svd eigh slogdet lu", _HALF),
):
    for _name in _names.split():
        _WIDER[_name] = _wider


class TensorFlowEngine(Engine):
    """TensorFlow: compiled functions are `tf.function`s, gradients those of `tf.GradientTape`."""

    name = "tensorflow"
    library = "tensorflow"
    kernels = kernels

    def is_tensor(self, x: Any) -> bool:
        return isinstance(x, (tf.Tensor, tf.Variable))

    def asarray(self, x: Any, dtype: str | None = None) -> Any:
        if isinstance(x, (tf.Tensor, tf.Variable)):
            return cast(x, dtype=dtype) if dtype is not None and x.dtype != dtype else tf.convert_to_tensor(x)
        return tf.constant(np.asarray(x).astype(dt.numpy_dtype(dtype or default_dtype(x)), copy=False))

    def to_numpy(self, x: Any) -> np.ndarray:
        return np.asarray(x.numpy())

    def dtype_of(self, x: Any) -> str:
        return x.dtype.name

    def scalar(self, value: Any, dtype: str) -> Any:
        return scalar(value, dtype)

    def kernel_for(self, primitive: Primitive, dtypes: Sequence[str]) -> Callable[..., Any]:
        plain, wider = self.kernel(primitive), _WIDER.get(primitive.name, {})
        if not any(name in wider for name in dtypes):
            return plain
        targets = [wider.get(name, name) for name in dtypes]

        def kernel(*operands: Any, **params: Any) -> Any:
            results = plain(*[tf.cast(x, target) for x, target in zip(operands, targets, strict=True)], **params)
            wanted = primitive.result_dtypes(dtypes, {**primitive.params, **params})
            if isinstance(results, list):
                return [tf.cast(y, name) for y, name in zip(results, wanted, strict=True)]
            return tf.cast(results, wanted[0])

        return kernel

    def create_storage(self, array: np.ndarray, trainable: bool) -> Any:
        with tf.init_scope():
            return tf.Variable(array, trainable=trainable)

    def snapshot(self, storage: Any) -> Any:
        return storage.read_value()

    def assign(self, storage: Any, tensor: Any) -> Any:
        storage.assign(tensor, read_value=False)
        return storage

    def compile(self, fn: Callable[..., list[Any]], args: Sequence[Any]) -> Callable[..., list[Any]]:
        specs = [tf.TensorSpec(np.shape(x), self.describe(x, "compile")) for x in args]

        def program(*args: Any) -> list[Any]:
            with context.use(self), _Direct() as scope:
                results = fn(*args)
            # All is read before the first assignment.
            values = [(cell.storage, tf.convert_to_tensor(scope.values[cell])) for cell in scope.written]
            results = [tf.convert_to_tensor(x) for x in results]
            for storage, value in values:
                storage.assign(value, read_value=False)
            return results

        run = tf.function(program, input_signature=specs, autograph=False).get_concrete_function()
        return lambda *args: run(*[x if isinstance(x, tf.Tensor) else tf.constant(x) for x in args])

    def value_and_grad(
        self, fn: Callable[..., tuple[Any, list[Any]]], tensors: Sequence[Any]
    ) -> tuple[Any, list[Any], list[Any]]:
        tensors = [tf.identity(x) for x in tensors]
        with tf.GradientTape() as tape:
            sources = [x for x in tensors if x.dtype.is_floating or x.dtype.is_complex]
            tape.watch(sources)
            loss, auxiliary = fn(*tensors)
        found = iter(tape.gradient(loss, sources, unconnected_gradients=tf.UnconnectedGradients.ZERO))
        grads = [
            conj(tf.convert_to_tensor(next(found))) if x.dtype.is_floating or x.dtype.is_complex else tf.zeros_like(x)
            for x in tensors
        ]
        return loss, auxiliary, grads

    def devices(self) -> list[str]:
        counts: dict[str, int] = {}
        for device in tf.config.list_physical_devices():
            counts[device.device_type.lower()] = counts.get(device.device_type.lower(), 0) + 1
        return [f"{kind}:{i}" for kind, count in counts.items() for i in range(count)]


class _Direct(StateScope):
    """Cells read as their variables, which are assigned when all is done: native code sees what it expects."""

    def load(self, cell: Cell) -> Any:
        return cell.storage


def _value_of(cell: Cell, dtype: Any = None, name: str | None = None, as_ref: bool = False) -> Any:
    """A variable of ours as an operand of TensorFlow's own functions and operators, differentiable (by `__array__` it would be a constant)."""
    if not isinstance(cell.engine, TensorFlowEngine):
        raise TypeError(f"A variable of the engine {cell.engine.name!r} can't be an operand of TensorFlow's functions.")
    value = tf.convert_to_tensor(cell.value)
    if dtype is not None and value.dtype != dtype:
        # At this error TensorFlow hands an operator over to the variable, which promotes both operands.
        raise TypeError(f"A variable of dtype {value.dtype.name} is no {tf.as_dtype(dtype).name}; cast one of them.")
    return value


tf.register_tensor_conversion_function(Cell, _value_of)
