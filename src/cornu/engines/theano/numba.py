"""How Numba compiles programs: our Ops, and a cache that keeps whole programs on disk."""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Sequence
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.linker import NumbaLinker

from cornu.engines.theano.own_ops import COMPILED, Hosted, Modular, Product, Transposed, View, run_hosted


@functools.cache
def teach_numba() -> None:
    """How Numba's code calls an Op of ours. PyTensor's own way would keep the whole program out of the cache."""
    import numba
    from pytensor.link.numba.dispatch.basic import (
        direct_cast,
        get_numba_type,
        numba_njit,
        register_funcify_and_cache_key,
        register_funcify_default_op_cache_key,
    )

    @register_funcify_and_cache_key(Modular)
    def compute(op: Modular, node: Apply, **_: Any) -> tuple[Any, str]:
        dtype, function = np.dtype(node.outputs[0].dtype), getattr(np, op.nfunc_spec[0])

        @numba_njit
        def modular(x: Any, y: Any) -> Any:
            return direct_cast(function(x, y), dtype)

        return modular, f"cornu {op.name} {dtype}"

    @register_funcify_and_cache_key(View)
    def see(op: View, node: Apply, **_: Any) -> tuple[Any, str]:
        return _numba_view(op.shape, numba.from_dtype(np.dtype(op.dtype))), f"cornu view {op.shape} {op.dtype}"

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

    @register_funcify_default_op_cache_key(Product)
    def multiply(op: Product, node: Apply, **_: Any) -> Any:
        @numba_njit
        def product(x: Any, y: Any) -> Any:
            return np.dot(x, y)

        return product

    @functools.cache
    def caller(*kinds: Any) -> Any:
        kind = kinds[0] if len(kinds) == 1 else numba.types.Tuple(kinds)

        @numba_njit
        def hosted(number: Any, *inputs: Any) -> Any:
            with numba.objmode(result=kind):
                result = run_hosted(number, inputs)
            return result

        return hosted

    @register_funcify_and_cache_key(Hosted)
    def call(op: Hosted, node: Apply, **_: Any) -> tuple[Any, str | None]:
        COMPILED[op.number] = op
        kinds = [get_numba_type(x.type, layout="C") for x in node.outputs]
        return caller(*kinds), f"cornu hosted {kinds}" if op.lasting else None


def _numba_view(shape: tuple[int, ...], dtype: Any) -> Any:
    """`View` for Numba, without a function to compile."""
    import numba
    from numba.core import cgutils, types
    from numba.core.imputils import impl_ret_borrowed
    from numba.np.arrayobj import make_array, populate_array

    strides = [math.prod(shape[axis + 1 :]) * np.dtype(str(dtype)).itemsize for axis in range(len(shape))]

    @numba.extending.intrinsic
    def view(typing: Any, x: Any) -> Any:
        in_order = types.Array(x.dtype, x.ndim, "C") if isinstance(x, types.Array) else types.Array(x, 0, "C")

        def write(context: Any, builder: Any, signature: Any, args: Sequence[Any]) -> Any:
            given, kind = args[0], signature.return_type
            if x.layout != "C" if isinstance(x, types.Array) else True:
                make = np.ascontiguousarray if isinstance(x, types.Array) else np.asarray
                given = context.compile_internal(builder, lambda x: make(x), in_order(x), [given])
            source, result = make_array(in_order)(context, builder, given), make_array(kind)(context, builder)
            number = lambda n: context.get_constant(types.intp, n)  # noqa: E731
            populate_array(
                result,
                data=builder.bitcast(source.data, result.data.type),
                shape=cgutils.pack_array(builder, [number(n) for n in shape], ty=number(0).type),
                strides=cgutils.pack_array(builder, [number(n) for n in strides], ty=number(0).type),
                itemsize=source.itemsize,
                meminfo=source.meminfo,
                parent=source.parent,
            )
            return impl_ret_borrowed(context, builder, kind, result._getvalue())

        return types.Array(dtype, len(shape), "C")(x), write

    return view


MADE: WeakValueDictionary[Any, Any] = WeakValueDictionary()  # key and types -> Numba's function, for all programs


class OneStageLinker(NumbaLinker):
    """PyTensor's, without the functions around each program and each Op that are there for the cache: Numba would compile all twice.

    A program is kept on disk as a whole, under a key like PyTensor's.
    """

    def fgraph_convert(self, fgraph: Any, **kwargs: Any) -> Any:
        from pytensor.link.numba.cache import CACHED_SRC_FUNCTIONS
        from pytensor.link.numba.dispatch.basic import (
            cache_key_for_constant,
            numba_funcify_and_cache_key,
            numba_njit,
            numba_typify,
        )
        from pytensor.link.utils import fgraph_to_python

        order = fgraph.toposort()
        places = {v: str(i) for i, v in enumerate([*fgraph.inputs, *[v for node in order for v in node.outputs]])}
        keys: list[Any] = []

        def place(v: Any) -> str:
            return places[v] if v in places else cache_key_for_constant(v.data)

        def convert(op: Op, *args: Any, node: Apply, **kwargs: Any) -> Any:
            function, key = numba_funcify_and_cache_key(op, *args, node=node, **kwargs)
            keys.append(key and (key, [place(v) for v in node.inputs]))
            kinds = [(getattr(v.type, "dtype", v.type), getattr(v.type, "ndim", 0)) for v in (*node.inputs, *node.outputs)]
            return function if key is None else MADE.setdefault((key, *kinds), function)

        source = fgraph_to_python(
            fgraph, convert, type_conversion_fn=numba_typify, fgraph_name="numba_funcified_fgraph", **kwargs
        )
        if None in keys:
            return numba_njit(source), None
        key = hashlib.sha256(repr((keys, [place(v) for v in fgraph.outputs])).encode()).hexdigest()
        source.__code__ = source.__code__.replace(co_filename="<string>")  # else it would have another name in every process
        CACHED_SRC_FUNCTIONS[source] = key
        return numba_njit(source), key

    def jit_compile(self, fn_and_cache: Any) -> Any:
        from pytensor.link.numba.dispatch.basic import numba_njit

        function, key = fn_and_cache
        return numba_njit(function.py_func, final_function=True, no_cfunc_wrapper=True, cache=key is not None)
