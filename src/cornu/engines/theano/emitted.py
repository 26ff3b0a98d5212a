"""The Ops that nearly all of a program is made of, written as LLVM's instructions into the program's own function.

For each of them Numba would compile two to four functions, which takes most of a first step. All shapes are known here.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Sequence
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.extending import intrinsic
from numba.core.imputils import impl_ret_borrowed, impl_ret_new_ref
from numba.core.typing import signature as signature_of
from numba.np.arrayobj import array_copy, make_array, populate_array
from numba.np.linalg import call_xxdot, call_xxgemm, call_xxgemv, ensure_blas

from cornu.engines.theano.own_ops import run_hosted


def kind_of(variable: Any) -> Any:
    """Numba's type of a tensor whose elements lie in order."""
    return types.Array(numba.from_dtype(np.dtype(variable.type.dtype)), variable.type.ndim, "C")


def _number(context: Any, n: int) -> Any:
    return context.get_constant(types.intp, n)


def _array(context: Any, builder: Any, kind: Any, shape: Sequence[int], data: Any, meminfo: Any, parent: Any = None) -> Any:
    """Numba's struct of an array in order."""
    itemsize = context.get_abi_sizeof(context.get_data_type(kind.dtype))
    strides = [math.prod(shape[axis + 1 :]) * itemsize for axis in range(len(shape))]
    result = make_array(kind)(context, builder)
    pack = lambda numbers: cgutils.pack_array(builder, [_number(context, n) for n in numbers], cgutils.intp_t)  # noqa: E731
    populate_array(
        result, data=builder.bitcast(data, result.data.type), shape=pack(shape), strides=pack(strides),
        itemsize=_number(context, itemsize), meminfo=meminfo, parent=parent,
    )  # fmt: skip
    return result


def _fresh(context: Any, builder: Any, kind: Any, shape: Sequence[int]) -> Any:
    """The struct of a new array."""
    size = math.prod(shape) * context.get_abi_sizeof(context.get_data_type(kind.dtype))
    meminfo = context.nrt.meminfo_alloc_aligned(builder, _number(context, size), 64)
    return _array(context, builder, kind, shape, context.nrt.meminfo_data(builder, meminfo), meminfo)


def _in_order(context: Any, builder: Any, kind: Any, value: Any) -> tuple[Any, bool]:
    """The struct of an array with these elements in order, and whether it is a copy (which is the caller's to release)."""
    if not isinstance(kind, types.Array):
        result = _fresh(context, builder, types.Array(kind, 0, "C"), ())
        context.pack_value(builder, kind, value, result.data)
        return result, True
    if kind.layout == "C":
        return make_array(kind)(context, builder, value), False
    ordered = kind.copy(layout="C", readonly=False)
    return make_array(ordered)(context, builder, array_copy(context, builder, signature_of(ordered, kind), (value,))), True


def _release(context: Any, builder: Any, array: Any) -> None:
    context.nrt.decref(builder, array._fe_type, array._getvalue())


def view(shape: tuple[int, ...], dtype: str) -> Any:
    """For `View`: the same memory (or a copy's, if the elements don't lie in order)."""

    @intrinsic
    def view(typing: Any, x: Any) -> Any:
        result = types.Array(numba.from_dtype(np.dtype(dtype)), len(shape), "C")

        def write(context: Any, builder: Any, signature: Any, args: Sequence[Any]) -> Any:
            source, copied = _in_order(context, builder, x, args[0])
            seen = _array(context, builder, result, shape, source.data, source.meminfo, source.parent)
            give = impl_ret_new_ref if copied else impl_ret_borrowed
            return give(context, builder, result, seen._getvalue())

        return result(x), write

    return view


def product(rows: int, inner: int, columns: int) -> Any:
    """For `Product`: BLAS's call for matrices of these sizes."""

    @intrinsic
    def product(typing: Any, x: Any, y: Any) -> Any:
        result = types.Array(x.dtype, 2, "C")

        def write(context: Any, builder: Any, signature: Any, args: Sequence[Any]) -> Any:
            ensure_blas()
            operands, copies = [], []
            for kind, value in zip((x, y), args):
                if kind.layout == "F":
                    operands.append((kind, make_array(kind)(context, builder, value)))
                    continue
                array, copied = _in_order(context, builder, kind, value)
                operands.append((kind.copy(layout="C"), array))
                copies += [array] if copied else []
            (kind1, x1), (kind2, x2) = operands
            m, k, n = (_number(context, size) for size in (rows, inner, columns))
            out = _fresh(context, builder, result, (rows, columns))
            if rows == columns == 1:
                call_xxdot(context, builder, False, x.dtype, k, x1.data, x2.data, out.data)
            elif columns == 1:
                call_xxgemv(context, builder, kind1.layout == "C", kind1, (m, k), x1.data, x2.data, out.data)
            elif rows == 1:
                call_xxgemv(context, builder, kind2.layout == "F", kind2, (k, n), x2.data, x1.data, out.data)
            else:
                call_xxgemm(context, builder, kind1, (m, k), x1.data, kind2, (k, n), x2.data, result, (m, n), out.data)
            for array in copies:
                _release(context, builder, array)
            return impl_ret_new_ref(context, builder, result, out._getvalue())

        return result(x, y), write

    return product


def host_call(number: int, kinds: Sequence[Any]) -> Any:
    """For `Hosted`: a call of `run_hosted`. Programs run while they hold Python's lock."""
    result = kinds[0] if len(kinds) == 1 else types.Tuple(kinds)

    @intrinsic
    def hosted(typing: Any, *inputs: Any) -> Any:
        given = types.StarArgTuple.from_types(inputs)

        def write(context: Any, builder: Any, signature: Any, args: Sequence[Any]) -> Any:
            python, known = context.get_python_api(builder), context.get_env_manager(builder)
            function, which = (known.read_const(known.add_const(x)) for x in (run_hosted, number))
            objects = []
            for kind, value in zip(inputs, cgutils.unpack_tuple(builder, args[0])):
                context.nrt.incref(builder, kind, value)  # the object takes it over
                objects.append(python.from_native_value(kind, value, known))
            answer = python.call_function_objargs(function, [which, *objects])
            for x in objects:
                python.decref(x)
            with builder.if_then(cgutils.is_null(builder, answer), likely=False):
                context.call_conv.return_exc(builder)
            native = python.to_native_value(result, answer)
            python.decref(answer)
            with builder.if_then(native.is_error, likely=False):
                context.call_conv.return_exc(builder)
            return native.value

        return result(given), write

    return hosted


def _operands(context: Any, builder: Any, values: Sequence[tuple[Any, Any]], wanted: Sequence[Any]) -> list[Any]:
    """Values, given with their types, as a function of these types takes them: `*args`, as of Python's functions, are one tuple."""
    *first, last = wanted
    if not isinstance(last, (types.StarArgTuple, types.StarArgUniTuple)):
        return [context.cast(builder, x, have, want) for (x, have), want in zip(values, wanted)]
    each = [context.cast(builder, x, have, want) for (x, have), want in zip(values, (*first, *last.types))]
    return [*each[: len(first)], context.make_tuple(builder, last, each[len(first) :])]


def elementwise(
    name: str,
    node: Any,
    inner: tuple[Sequence[Any], Sequence[Any], Sequence[Any]],
    functions: Sequence[Callable[..., Any]],
) -> Any:
    """For `Elemwise`: a loop over the elements.

    Args:
        name: tells which loops are alike but for their lengths: a program has one for all of them.
        node: its shapes are known.
        inner: inputs, nodes in order and outputs of what is done to each element, each node's results in their dtypes.
        functions: of these nodes, such as Numba knows.
    """
    shape, in_place = node.outputs[0].type.shape, dict(node.op.inplace_pattern)
    results = [kind_of(v) for v in node.outputs]
    result = results[0] if len(results) == 1 else types.Tuple(results)
    elements = [kind_of(v).dtype for v in (*node.inputs, *node.outputs)]
    repeated = [[n == 1 for n in v.type.shape] for v in (*node.inputs, *node.outputs)]
    places = [*range(len(node.inputs)), *[in_place.get(i, len(node.inputs) + i) for i in range(len(results))]]

    def body(context: Any, builder: Any, values: Sequence[Any]) -> list[Any]:
        inputs, nodes, outputs = inner
        known = dict(zip(inputs, values))

        def value(v: Any) -> Any:
            return known[v] if v in known else context.get_constant_generic(builder, scalar(v), v.data)

        def scalar(v: Any) -> Any:
            return numba.from_dtype(np.dtype(v.type.dtype))

        for step, function in zip(nodes, functions):
            typing = context.typing_context
            kind = typing.resolve_value_type(function)
            found = typing.resolve_function_type(kind, [scalar(v) for v in step.inputs], {})
            operands = _operands(context, builder, [(value(v), scalar(v)) for v in step.inputs], found.args)
            answer = context.get_function(kind, found)(builder, operands)
            known[step.outputs[0]] = context.cast(builder, answer, found.return_type, scalar(step.outputs[0]))
        return [value(v) for v in outputs]

    def loop(context: Any, module: Any) -> Any:
        if name in module.globals:
            return module.globals[name]
        count = len(set(places))
        kinds = [types.intp] * len(shape) + [types.voidptr] * count
        function = ir.Function(module, context.call_conv.get_function_type(types.none, kinds), name)
        function.linkage = "linkonce_odr"  # so that LLVM does not learn the lengths: it would unroll short rows, not vectorize them
        function.attributes.add("noinline")
        given = context.call_conv.get_arguments(function)
        sizes, memory = given[: len(shape)], dict(zip(sorted(set(places)), given[len(shape) :]))
        for argument in memory.values():
            argument.add_attribute("noalias")  # PyTensor sees to it that what is written into has no other name
        builder = ir.IRBuilder(function.append_basic_block())
        with contextlib.ExitStack() as stack:
            index = [stack.enter_context(cgutils.for_range(builder, n)).index for n in sizes]
            pointers = []
            for place, element, skip in zip(places, elements, repeated):
                offset = ir.Constant(cgutils.intp_t, 0)
                for i, n, skipped in zip(index, sizes, skip):
                    offset = offset if skipped else builder.add(builder.mul(offset, n, flags=["nsw"]), i, flags=["nsw"])
                start = builder.bitcast(memory[place], context.get_data_type(element).as_pointer())
                pointers.append(builder.gep(start, [offset], inbounds=True))
            many = len(node.inputs)
            values = [context.unpack_value(builder, t, p) for t, p in zip(elements[:many], pointers)]
            for t, p, x in zip(elements[many:], pointers[many:], body(context, builder, values)):
                context.pack_value(builder, t, x, p)
        context.call_conv.return_value(builder, context.get_dummy_value())
        return function

    @intrinsic
    def elementwise(typing: Any, *inputs: Any) -> Any:
        given = types.StarArgTuple.from_types(inputs)

        def write(context: Any, builder: Any, signature: Any, args: Sequence[Any]) -> Any:
            arrays = {}
            copies = set()
            for i, (kind, value) in enumerate(zip(inputs, cgutils.unpack_tuple(builder, args[0]))):
                arrays[i], copied = _in_order(context, builder, kind, value)
                copies |= {i} if copied else set()
            for place, kind in zip(places[len(inputs) :], results):
                if place not in arrays:
                    arrays[place] = _fresh(context, builder, kind, shape)
                elif place in copies:
                    copies.remove(place)
                else:
                    context.nrt.incref(builder, kind, arrays[place]._getvalue())
            pointers = [builder.bitcast(arrays[place].data, cgutils.voidptr_t) for place in sorted(arrays)]
            lengths = [_number(context, n) for n in shape]
            kinds = [types.intp] * len(lengths) + [types.voidptr] * len(pointers)
            status, _ = context.call_conv.call_function(
                builder, loop(context, builder.module), types.none, kinds, [*lengths, *pointers]
            )
            with cgutils.if_unlikely(builder, status.is_error):
                context.call_conv.return_status_propagate(builder, status)
            for i in copies:
                _release(context, builder, arrays[i])
            values = [arrays[place]._getvalue() for place in places[len(inputs) :]]
            return values[0] if len(values) == 1 else context.make_tuple(builder, result, values)

        return result(given), write

    return elementwise
