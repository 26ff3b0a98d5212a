"""What PyTensor has no operator for (convolution above all), or a slow one: Ops of ours inside the same graph."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.graph.basic import Apply, Constant
from pytensor.graph.op import Op
from pytensor.scalar.basic import BinaryScalarOp, upcast_out
from pytensor.tensor.elemwise import Elemwise

from cornu.engines.numpy import NumpyEngine
from cornu.graph.graph import Graph
from cornu.primitives.primitive import Primitive, lookup


class Hosted(Op):
    """A primitive as an Op: PyTensor schedules it, NumPy's kernel computes it."""

    def __init__(self, primitive: Primitive, params: dict[str, Any], types: Sequence[Any]) -> None:
        graphs = {name: value for name, value in params.items() if isinstance(value, Graph)}
        plain = sorted((name, value) for name, value in params.items() if name not in graphs)
        self.key = (primitive.name, repr(plain), *graphs.values(), *types)
        self.number = int.from_bytes(hashlib.sha256(repr(self.key).encode()).digest()[:7])
        self.lasting = not graphs  # whether another process gives it the same number
        self.types, self.params = types, {**params, **{name: HOST.replay(graph) for name, graph in graphs.items()}}
        self.kernel = HOST.kernel(primitive)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.key == other.key  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash((type(self), self.key))

    def make_node(self, *inputs: Any) -> Apply:
        return Apply(self, list(inputs), [kind() for kind in self.types])

    def perform(self, node: Apply, inputs: Sequence[Any], output_storage: Sequence[list[Any]]) -> None:
        for cell, result in zip(output_storage, self.compute(inputs)):
            cell[0] = result

    def compute(self, inputs: Sequence[Any]) -> list[np.ndarray]:
        """The results as arrays of their own."""
        with np.errstate(all="ignore"):
            results = self.kernel(*[np.asarray(x) for x in inputs], **self.params)
        results = results if isinstance(results, (list, tuple)) else [results]
        # Copies: a result may be a view of an operand.
        return [np.array(result, kind.dtype, order="C").reshape(kind.shape) for kind, result in zip(self.types, results)]


HOST = NumpyEngine()
COMPILED: dict[int, Hosted] = {}


def run_hosted(number: int, *inputs: np.ndarray) -> Any:
    """What compiled code calls. It knows the Op by its number alone: so it can come from the cache on disk."""
    results = COMPILED[number].compute(inputs)
    return results[0] if len(results) == 1 else tuple(results)


class View(Op):
    """The operand's elements in their order as another shape, or their bytes as another dtype of the same size.

    PyTensor's own forms take Numba ten times as long, and forget that the elements lie in order.
    """

    __props__ = ("shape", "dtype")
    view_map = {0: [0]}

    def __init__(self, shape: tuple[int, ...], dtype: str) -> None:
        self.shape, self.dtype = shape, dtype

    def make_node(self, x: Any) -> Apply:
        return Apply(self, [x], [pt.TensorType(self.dtype, shape=self.shape)()])

    def perform(self, node: Apply, inputs: Sequence[Any], output_storage: Sequence[list[Any]]) -> None:
        output_storage[0][0] = np.asarray(inputs[0], order="C").view(self.dtype).reshape(self.shape)

    def do_constant_folding(self, fgraph: Any, node: Apply) -> bool:
        return False  # Numba would compile products for arrays that must not be written into, too


def view(x: Any, shape: tuple[int, ...]) -> Any:
    """The tensor's elements in their order as another shape."""
    if x.owner and isinstance(x.owner.op, View) and x.owner.inputs[0].dtype == x.dtype:
        x = x.owner.inputs[0]
    if x.type.shape == shape:
        return x
    return pt.constant(x.data.reshape(shape)) if isinstance(x, Constant) else View(shape, x.dtype)(x)


class Transposed(Op):
    """The operand's axes in another order. Of matrices no element is moved: products take them so."""

    __props__ = ("axes",)
    view_map = {0: [0]}

    def __init__(self, axes: tuple[int, ...]) -> None:
        self.axes = axes

    def make_node(self, x: Any) -> Apply:
        return Apply(self, [x], [pt.TensorType(x.dtype, shape=[x.type.shape[axis] for axis in self.axes])()])

    def perform(self, node: Apply, inputs: Sequence[Any], output_storage: Sequence[list[Any]]) -> None:
        output_storage[0][0] = inputs[0].transpose(self.axes)


class Product(Op):
    """Of two matrices of floats or complex numbers."""

    __props__ = ()

    def make_node(self, x: Any, y: Any) -> Apply:
        return Apply(self, [x, y], [pt.TensorType(x.dtype, shape=(x.type.shape[0], y.type.shape[1]))()])

    def perform(self, node: Apply, inputs: Sequence[Any], output_storage: Sequence[list[Any]]) -> None:
        output_storage[0][0] = np.dot(*inputs)


def hosted(name: str, *operands: Any, **params: Any) -> Any:
    """The primitive applied by an Op of ours."""
    primitive = lookup(name)
    params = {**primitive.params, **params}
    shapes = primitive.result_shapes([x.type.shape for x in operands], params)
    dtypes = primitive.result_dtypes([x.dtype for x in operands], params)
    types = [pt.TensorType(dtype, shape=shape) for shape, dtype in zip(shapes, dtypes)]
    results = Hosted(primitive, params, types)(*operands, return_list=True)
    return results if primitive.family == "control" or len(types) > 1 else results[0]


class Modular(BinaryScalarOp):
    """Arithmetic of integers, each result in its dtype: in fused loops Numba would go on with 64 bits of PyTensor's own."""

    symbol: str

    def __reduce__(self) -> Any:
        return _modular, (self.name,)  # to keys of the C mode's cache

    def impl(self, x: Any, y: Any) -> Any:
        return getattr(np, self.nfunc_spec[0])(x, y)

    def c_code(self, node: Any, name: Any, inputs: Any, outputs: Any, sub: Any) -> str:
        return f"{outputs[0]} = {inputs[0]} {self.symbol} {inputs[1]};"


SYMBOLS = {"add": "+", "subtract": "-", "multiply": "*", "left_shift": "<<", "right_shift": ">>"}


@functools.cache
def _modular(name: str) -> Modular:
    """Each is a class of its own: PyTensor tells scalar functions apart by their classes."""
    return type(name, (Modular,), {"nfunc_spec": (name, 2, 1), "symbol": SYMBOLS[name]})(upcast_out, name=name)


MODULAR = {name: Elemwise(_modular(name)) for name in SYMBOLS}
