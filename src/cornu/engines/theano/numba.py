"""How Numba compiles programs: our Ops, and a cache that keeps whole programs on disk."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4
from weakref import WeakValueDictionary

import numpy as np
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.linker import NumbaLinker
from pytensor.scalar.basic import Composite
from pytensor.tensor.elemwise import Elemwise

from cornu.engines.theano.own_ops import COMPILED, Hosted, Modular, Product, Transposed, View


@functools.cache
def teach_numba() -> None:
    """How Numba's code calls an Op of ours. PyTensor's own way would keep the whole program out of the cache."""
    from pytensor.link.numba.dispatch.basic import (
        direct_cast,
        numba_njit,
        register_funcify_and_cache_key,
        register_funcify_default_op_cache_key,
    )

    from cornu.engines.theano import emitted

    @register_funcify_and_cache_key(Modular)
    def compute(op: Modular, node: Apply, **_: Any) -> tuple[Any, str]:
        dtype, function = np.dtype(node.outputs[0].dtype), getattr(np, op.nfunc_spec[0])

        @numba_njit
        def modular(x: Any, y: Any) -> Any:
            return direct_cast(function(x, y), dtype)

        return modular, f"cornu {op.name} {dtype}"

    @register_funcify_and_cache_key(View)
    def see(op: View, node: Apply, **_: Any) -> tuple[Any, str]:
        return emitted.view(op.shape, op.dtype), f"cornu view {op.shape} {op.dtype}"

    @register_funcify_default_op_cache_key(Transposed)
    def transpose(op: Transposed, node: Apply, **_: Any) -> Any:
        axes = op.axes

        @numba_njit
        def transposed(x: Any) -> Any:
            return np.ascontiguousarray(x.transpose(axes))

        @numba_njit
        def matrix_transposed(x: Any) -> Any:
            return x.T

        return matrix_transposed if axes == (1, 0) else transposed

    @register_funcify_and_cache_key(Product)
    def multiply(op: Product, node: Apply, **_: Any) -> tuple[Any, str]:
        (rows, inner), (_, columns) = [x.type.shape for x in node.inputs]
        return emitted.product(rows, inner, columns), f"cornu product {rows} {inner} {columns}"

    @register_funcify_and_cache_key(Hosted)
    def call(op: Hosted, node: Apply, **_: Any) -> tuple[Any, str | None]:
        COMPILED[op.number] = op
        return emitted.host_call(op.number, list(map(emitted.kind_of, node.outputs))), f"cornu hosted {op.number}" if op.lasting else None


MADE: WeakValueDictionary[Any, Any] = WeakValueDictionary()  # key and types -> Numba's function, for all programs


@functools.cache
def _ways() -> str:
    """A key of the code that writes programs: one of an older Cornu's on disk is not taken for the new one."""
    return hashlib.sha256(b"".join([(Path(__file__).parent / name).read_bytes() for name in ("emitted.py", "numba.py")])).hexdigest()


class _Description:
    """What a graph does, as a key: its nodes' functions and where their operands come from."""

    def __init__(self, inputs: Sequence[Any], order: Sequence[Apply]) -> None:
        self.places = {v: str(i) for i, v in enumerate([*inputs, *[v for node in order for v in node.outputs]])}
        self.keys: list[Any] = []

    def _place(self, v: Any) -> str:
        from pytensor.link.numba.dispatch.basic import cache_key_for_constant

        return self.places[v] if v in self.places else cache_key_for_constant(v.data)

    def add(self, node: Apply, key: str | None) -> None:
        self.keys.append(key and (key, [self._place(v) for v in node.inputs]))

    def key(self, *outputs: Any) -> str | None:
        """None if that of a node is: then a program can't be kept on disk."""
        told = repr((_ways(), self.keys, [self._place(v) for v in outputs]))
        return None if None in self.keys else hashlib.sha256(told.encode()).hexdigest()


def _convert(op: Op, node: Apply, **kwargs: Any) -> tuple[Any, str | None]:
    """The function that Numba's code calls for a node, and its key; each is compiled once for all programs."""
    from pytensor.link.numba.dispatch.basic import numba_funcify_and_cache_key

    if isinstance(op, Elemwise) and not any(None in v.type.shape for v in (*node.inputs, *node.outputs)):
        return _elementwise(op, node, **kwargs)
    function, key = numba_funcify_and_cache_key(op, node=node, **kwargs)
    if key is None or isinstance(op, (View, Product, Hosted)):
        return function, key
    kinds = [(getattr(v.type, "dtype", v.type), getattr(v.type, "ndim", 0)) for v in (*node.inputs, *node.outputs)]
    return MADE.setdefault((key, *kinds), function), key


def _elementwise(op: Elemwise, node: Apply, **kwargs: Any) -> tuple[Any, str | None]:
    from cornu.engines.theano import emitted

    if isinstance(op.scalar_op, Composite):
        graph = op.scalar_op.fgraph
        inputs, order, outputs = graph.inputs, graph.toposort(), graph.outputs
    else:
        one = op.make_scalar_node(*node.inputs)
        inputs, order, outputs = one.inputs, [one], one.outputs
    description, functions = _Description(inputs, order), []
    for step in order:
        function, key = _convert(step.op, step, **kwargs)
        functions.append(function)
        description.add(step, key)
    dtypes = [v.type.dtype for v in (*node.inputs, *node.outputs)]
    repeated = [v.type.broadcastable for v in (*node.inputs, *node.outputs)]
    key = description.key(*outputs)
    name = "cornu_" + hashlib.sha256(repr((key or uuid4(), dtypes, repeated, op.inplace_pattern)).encode()).hexdigest()
    return emitted.elementwise(name, node, (inputs, order, outputs), functions), key and f"{name} {node.outputs[0].type.shape}"


class OneStageLinker(NumbaLinker):
    """PyTensor's, without the functions around each program and each Op that are there for the cache: Numba would compile all twice.

    A program is kept on disk as a whole, under a key like PyTensor's.
    """

    def fgraph_convert(self, fgraph: Any, **kwargs: Any) -> Any:
        from pytensor.link.numba.cache import CACHED_SRC_FUNCTIONS
        from pytensor.link.numba.dispatch.basic import numba_njit, numba_typify
        from pytensor.link.utils import fgraph_to_python

        description = _Description(fgraph.inputs, fgraph.toposort())

        def convert(op: Op, *_: Any, node: Apply, **kwargs: Any) -> Any:
            function, key = _convert(op, node, **kwargs)
            description.add(node, key)
            return function

        source = fgraph_to_python(
            fgraph, convert, type_conversion_fn=numba_typify, fgraph_name="numba_funcified_fgraph", **kwargs
        )
        key = description.key(*fgraph.outputs)
        if key is None:
            return numba_njit(source), None
        source.__code__ = source.__code__.replace(co_filename="<string>")  # else it would have another name in every process
        CACHED_SRC_FUNCTIONS[source] = key
        return numba_njit(source), key

    def jit_compile(self, fn_and_cache: Any) -> Any:
        from pytensor.link.numba.dispatch.basic import numba_njit

        function, key = fn_and_cache
        return numba_njit(function.py_func, final_function=True, no_cfunc_wrapper=True, cache=key is not None)
