"""Writing ONNX: nodes, constants, subgraphs. What the primitives become stands beside, by family."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper

from cornu.graph.graph import Graph, Node, Value
from cornu.graph.onnx.dims import Dim
from cornu.primitives import dtypes as dt

OPSET = 21  # the first with all dtypes for pads and tests of NaN; a node that needs a later one raises it
IR_VERSION = 10
# ONNX Runtime's Where takes 5 ns per element, several times as long as arithmetic on bits; but that is more nodes.
SELECTED_BY_BITS = 2048
BATCH = "batch"  # what models call the dimension that only the running model knows
SINCE = {"BitCast": 26, "CumProd": 26}

# The dtypes in which ONNX Runtime has kernels, where those are not all; others are cast to and fro (CARRIERS). Most take float16,
# too, but by casts of ONNX Runtime's own, which leave out roundings to it.
_FLOAT = "float32 float64"
_WIDE = f"int32 int64 {_FLOAT}"
_NUMBERS = f"int8 int16 int32 int64 uint8 uint16 uint32 uint64 {_FLOAT}"
KERNELS: dict[str, set[str]] = {
    name: set(dtypes.split())
    for names, dtypes in {
        "Exp Log Sqrt Sin Cos Tan Asin Acos Atan Sinh Cosh Tanh Asinh Acosh Atanh Erf Reciprocal Floor Ceil Round Relu": _FLOAT,
        "Conv ConvTranspose": "float32",
        "Add Sub Mul Div Mod Abs Sign Less LessOrEqual Greater GreaterOrEqual": _NUMBERS,
        "Neg": f"int8 int16 int32 int64 {_FLOAT}",
        "Equal": f"{_NUMBERS} bool",
        "Max Min": f"int8 int32 int64 uint8 uint32 uint64 {_FLOAT}",
        "ReduceSum ReduceProd CumSum": _WIDE,
        "CumProd": f"uint32 uint64 {_WIDE}",
        "ReduceMax ReduceMin ArgMax ArgMin": f"int8 uint8 {_WIDE}",
        "MatMul": _WIDE,  # unsigned sums over nothing end with an error
        "Where": f"int8 uint8 uint32 {_WIDE}",
        "Pad": f"bool int8 uint8 uint32 uint64 {_WIDE} bfloat16",
        "Expand": f"{_NUMBERS} bool float16",
        "TopK": "int8 int16 uint8 int32 int64 float32 float64",
        "Range": "int16 int32 int64 float32 float64",
    }.items()
    for name in names.split()
}
CARRIERS = {
    "bool": "uint8", "uint8": "int32", "int8": "int32", "int16": "int32", "uint16": "int32", "uint32": "int64", "uint64": "int64",
    "float16": "float32", "bfloat16": "float32",
}  # fmt: skip
_BOOLEAN = {"Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal", "IsNaN", "IsInf"}


def carrier(op: str, dtype: str) -> str:
    """The dtype in which the ONNX operator is computed for operands of `dtype`."""
    while dtype not in KERNELS.get(op, dt.DTYPES):
        dtype = CARRIERS[dtype]
    return dtype


class Ref:
    """A tensor in the ONNX graph.

    shape: known for values of the program, not for what stands between them. array: of a constant. source: the primitive that
    gave a value of the program, and its operands.
    """

    __slots__ = ("array", "dtype", "name", "shape", "source")

    def __init__(
        self,
        name: str,
        dtype: str,
        shape: Any = None,
        array: np.ndarray | None = None,
        source: tuple[str, Sequence[Ref]] = ("", ()),
    ) -> None:
        self.name, self.dtype, self.shape, self.array, self.source = name, dtype, shape, array, source

    @property
    def is_zero(self) -> bool:
        """Whether it is a constant of zeros (positive ones)."""
        return self.array is not None and not self.array.tobytes().strip(b"\0")


class Writer:
    """Nodes of one graph; `inner()` gives a writer of a subgraph, which shares names and constants.

    `writer.Add(x, 1)` writes a node and gives its result. Numbers and arrays among the operands become constants in the dtype of
    the first `Ref`; operands in dtypes without a kernel are cast, and the result back.
    """

    def __init__(self, lowering: dict[str, Callable[..., Any]], outer: Writer | None = None, newest: int = OPSET) -> None:
        self.lowering, self.newest = lowering, newest
        self.nodes: list[onnx.NodeProto] = []
        self.root: Writer = outer.root if outer else self
        if outer is None:
            self.constants: dict[Any, Ref] = {}
            self.initializers: list[onnx.TensorProto] = []
            self.count = 0
            self.opset = OPSET
            self.batch: Ref | None = None  # the size of the batch, where that is known only when the model runs

    def inner(self) -> Writer:
        """A writer of a subgraph, which sees all that is here."""
        return Writer(self.lowering, self, self.newest)

    # Nodes

    def __getattr__(self, op: str) -> Callable[..., Any]:
        if not op[0].isupper():
            raise AttributeError(op)
        return functools.partial(self.node, op)

    def node(self, op: str, *operands: Any, dtype: str | None = None, results: int = 1, **attributes: Any) -> Any:
        """Write a node. dtype: of the (first) result, by default that of the first operand. None as an operand: left out."""
        first = next((x for x in operands if isinstance(x, Ref)), None)
        assert first is not None, op
        own = first.dtype
        target = carrier(op, own)
        if op == "Where":
            own = operands[1].dtype if isinstance(operands[1], Ref) else operands[2].dtype
            target = carrier(op, own)
        inputs = []
        for i, x in enumerate(operands):
            if not isinstance(x, Ref):
                inputs.append("" if x is None else self.constant(x, target).name)
            elif x.dtype == own != target and (i or op != "Where"):
                inputs.append(self.cast(x, target).name)
            else:
                inputs.append(x.name)
        result = Ref(self.fresh(), "bool" if op in _BOOLEAN else dtype or target)
        others = [self.fresh() for _ in range(results - 1)]
        self.nodes.append(helper.make_node(op, inputs, [result.name, *others], **attributes))
        self.root.opset = max(self.root.opset, SINCE.get(op, 0))
        if dtype is None and op not in _BOOLEAN and own != target:
            result = self.cast(result, own)
        return result if results == 1 else [result, *[Ref(name, "int64") for name in others]]

    def cast(self, x: Ref, dtype: str) -> Ref:
        """x in another dtype."""
        if x.dtype == dtype:
            return x
        if x.array is not None and x.array.size <= 1:
            return self.constant(x.array.astype(dt.numpy_dtype(dtype)))
        return Ref(self.node("Cast", x, dtype=dtype, to=onnx_dtype(dtype)).name, dtype, x.shape)

    def fresh(self) -> str:
        """A new name."""
        self.root.count += 1
        return f"v{self.root.count}"

    def constant(self, value: Any, dtype: str | None = None, name: str = "") -> Ref:
        """A constant of the model; equal ones are written once."""
        array = np.asarray(value, None if dtype is None else dt.numpy_dtype(dtype))
        key = (array.dtype, array.shape, array.tobytes())
        if key not in self.root.constants:
            own = dt.name_of(array.dtype)
            self.root.constants[key] = ref = Ref(name or f"c{len(self.root.constants)}", own, array.shape, array)
            self.root.initializers.append(helper.make_tensor(ref.name, onnx_dtype(own), array.shape, key[2], raw=True))
        return self.root.constants[key]

    def select(self, condition: Ref, x1: Ref, x2: Ref, size: Any) -> Ref:
        """x1 where the condition holds, else x2; `size` elements."""
        if isinstance(size, Dim) or size < SELECTED_BY_BITS or self.newest < SINCE["BitCast"]:
            return self.Where(condition, x1, x2)
        dtype = x1.dtype
        if dtype == "bool":
            return self.Or(self.And(condition, x1), self.And(self.Not(condition), x2))
        bits = f"int{8 * dt.itemsize(dtype)}" if dt.is_float(dtype) else dtype
        if x1.is_zero:
            condition, x1, x2 = self.Not(condition), x2, x1
        a, b, chosen = self.bits(x1, bits), self.bits(x2, bits), self.cast(condition, bits)
        picked = self.Mul(a, chosen) if x2.is_zero else self.Add(self.Mul(self.Sub(a, b), chosen), b)
        return self.bits(picked, dtype)

    def bits(self, x: Ref, dtype: str) -> Ref:
        """The bits of x read as another dtype of the same width."""
        if x.dtype == dtype:
            return x
        if x.array is not None:
            return self.constant(x.array.view(dt.numpy_dtype(dtype)))
        return self.BitCast(x, dtype=dtype, to=onnx_dtype(dtype))

    # Shapes

    def ints(self, values: Sequence[Any]) -> Ref:
        """A vector of int64 from ints and dimensions that only the running model knows."""
        if not any(isinstance(n, Dim) for n in values):
            return self.constant(np.array(values, "int64"))
        return self.Concat(*[self.size(n) for n in values], axis=0)

    def size(self, n: Any) -> Ref:
        """A dimension as an int64 vector of one element."""
        if not isinstance(n, Dim):
            return self.constant(np.array([n], "int64"))
        assert self.root.batch is not None
        scaled = self.root.batch if n.factor == 1 else self.Mul(self.root.batch, np.array([n.factor]))
        return scaled if n.offset == 0 else self.Add(scaled, np.array([n.offset]))

    def reshape(self, x: Ref, shape: Sequence[Any]) -> Ref:
        """x under another shape."""
        unknown = [n for n in shape if isinstance(n, Dim)]
        if len(unknown) == 1 and 0 not in shape:
            return self.Reshape(x, self.ints([-1 if isinstance(n, Dim) else n for n in shape]))
        return self.Reshape(x, self.ints(shape), allowzero=1)

    def expand(self, x: Ref, shape: Sequence[Any]) -> Ref:
        """x repeated to a shape."""
        if x.shape is not None and tuple(x.shape) == tuple(shape):
            return x
        if 0 in shape and not any(isinstance(n, Dim) for n in shape):  # Expand would leave a 1 as it is
            return self.constant(np.empty(tuple(shape), dt.numpy_dtype(x.dtype)))
        have = [1] * (len(shape) - len(x.shape)) + list(x.shape) if x.shape is not None else [None] * len(shape)
        return self.Expand(
            x, self.ints([1 if isinstance(n, Dim) and n == own else n for n, own in zip(shape, have, strict=True)])
        )

    def filled(self, shape: Sequence[Any], value: Any, dtype: str) -> Ref:
        """A tensor full of a number."""
        if not any(isinstance(n, Dim) for n in shape) and math.prod(shape) <= 64:
            return self.constant(np.full(tuple(shape), value, dt.numpy_dtype(dtype)))
        return self.expand(self.constant(np.full((), value, dt.numpy_dtype(dtype))), shape)

    def slice(self, x: Ref, axis: int, start: int, limit: int, step: int = 1) -> Ref:
        """A slice along one axis."""
        return self.Slice(x, *[self.constant(np.array([n], "int64")) for n in (start, limit, axis, step)])

    # Programs

    def program(self, graph: Graph, operands: Sequence[Ref]) -> list[Ref]:
        """Write the nodes of a recorded program; returns its outputs."""
        return graph.evaluate(operands, self.apply, self.constant)

    def apply(self, node: Node, *operands: Ref) -> Any:
        """Write what a primitive becomes."""
        results = self.lowering[node.primitive.name](self, *operands, **node.params)
        row = results if isinstance(results, list) else [results]
        return [self._result(ref, value, node.primitive.name, operands) for ref, value in zip(row, node.results, strict=True)]

    def _result(self, ref: Ref, value: Value, primitive: str, operands: Sequence[Ref]) -> Ref:
        assert ref.dtype == value.dtype, f"{primitive} gives {ref.dtype} instead of {value.dtype}"
        return Ref(ref.name, ref.dtype, value.shape, ref.array, (primitive, operands))

    def outputs(self, refs: Sequence[Ref]) -> list[str]:
        """Names for the outputs of a graph: each the result of a node of its own."""
        return [self.node("Identity", ref).name for ref in refs]


def onnx_dtype(name: str) -> int:
    """ONNX's number of a dtype."""
    if name == "bfloat16":
        return onnx.TensorProto.BFLOAT16
    return helper.np_dtype_to_tensor_dtype(np.dtype(name))


def value_info(name: str, dtype: str, shape: Sequence[Any]) -> onnx.ValueInfoProto:
    """Name, dtype and shape of an input or output."""
    sizes = [n if not isinstance(n, Dim) else BATCH if n == Dim(1) else None for n in shape]
    return helper.make_tensor_value_info(name, onnx_dtype(dtype), sizes)
