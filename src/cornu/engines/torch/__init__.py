"""The PyTorch engine.

Eager calls and gradients are PyTorch's. A compiled function is run once while a recorder notes every call that reaches PyTorch's own
functions (`recorder.py`); from then on a generated straight-line Python function repeats these calls alone. So neither Cornu's
Python nor the kernels (`kernels.py`) cost anything per step, and the backward pass is one call into PyTorch's C++ engine.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import ml_dtypes
import numpy as np
import torch
from torch import Tensor

from cornu import context
from cornu.contract.engine import Engine, default_dtype
from cornu.contract.state import Cell, StateScope
from cornu.engines.torch import overrides, recorder
from cornu.engines.torch.kernels import DEVICE, NAMES, NATIVE, WIDER
from cornu.primitives import dtypes as dt
from cornu.primitives.primitive import Primitive


class TorchEngine(Engine):
    """PyTorch. Variables are Parameters (those that are not trainable: tensors), changed in place."""

    name = "torch"
    library = "torch"
    kernels = overrides.kernels

    def is_tensor(self, x: Any) -> bool:
        return isinstance(x, Tensor)

    def asarray(self, x: Any, dtype: str | None = None) -> Any:
        if isinstance(x, Tensor):
            return x if dtype is None else x.to(NATIVE[dtype])
        array = np.asarray(x, dt.numpy_dtype(dtype or default_dtype(x)))
        now = recorder.current()
        return _from_numpy(array) if now is None else now.constant(lambda: _from_numpy(array))

    def to_numpy(self, x: Any) -> np.ndarray:
        x = x.detach().cpu().resolve_conj().resolve_neg()
        return x.contiguous().view(torch.int16).numpy().view(ml_dtypes.bfloat16) if x.dtype == torch.bfloat16 else x.numpy()

    def dtype_of(self, x: Any) -> str:
        return NAMES[x.dtype]

    def scalar(self, value: Any, dtype: str) -> Any:
        sign = math.copysign(1, value) if type(value) is float else 1
        now = recorder.current()
        if now is None:
            return _scalar(value, dtype, sign)
        with now.paused():
            return now.adopt(_scalar(value, dtype, sign))

    def kernel_for(self, primitive: Primitive, dtypes: Sequence[str]) -> Callable[..., Any]:
        plain, wider = self.kernel(primitive), WIDER[primitive.name]
        if primitive.family == "control" or not any(name in wider for name in dtypes):
            return plain
        widths = [NATIVE[wider.get(name, name)] for name in dtypes]

        def kernel(*operands: Any, **params: Any) -> Any:
            results = plain(*[x.to(width) for x, width in zip(operands, widths, strict=True)], **params)
            names = primitive.result_dtypes(dtypes, {**primitive.params, **params})
            if isinstance(results, (list, tuple)):
                return [y.to(NATIVE[name]) for y, name in zip(results, names, strict=True)]
            return results.to(NATIVE[names[0]])

        return kernel

    def create_storage(self, array: np.ndarray, trainable: bool) -> Any:
        tensor = _from_numpy(np.array(array))
        return torch.nn.Parameter(tensor) if trainable else tensor

    def snapshot(self, storage: Any) -> Any:
        return storage.detach()

    def assign(self, storage: Any, tensor: Any) -> Any:
        storage.data = tensor.detach().clone()
        return storage

    def compile(self, fn: Callable[..., list[Any]], args: Sequence[Any]) -> Callable[..., list[Any]]:
        program: recorder.Program | None = None
        settled, tries = False, 0

        def run(*args: Any) -> list[Any]:
            nonlocal program, settled, tries
            if recorder.current() is not None:
                return fn(*map(self.asarray, args))  # a part of the program that is being recorded
            if not settled:
                found, results = self._record(fn, args, program is not None)
                # Native optimizers and the like keep Python state, and begin in another way than they go on.
                settled = not found.native or (program is not None and found.same_as(program))
                program, tries = found, tries + 1
                if tries == 5 and not settled:
                    raise NotImplementedError(
                        "A function with a native backward pass does something else at each call (it keeps computed tensors, or counts "
                        "in Python), so it can't be compiled. Keep state in variables, or compile the model with `run_eagerly=True`."
                    )
                return results
            assert program is not None
            tensors = [torch.from_numpy(x) if type(x) is np.ndarray else x for x in args]
            with torch.set_grad_enabled(program.native):
                return program.call(*[cell.storage for cell in program.cells], *tensors)

        return run

    def _record(self, fn: Callable[..., list[Any]], args: Sequence[Any], native: bool) -> tuple[recorder.Program, list[Any]]:
        """Run `fn` for the first time, and write the program for the other times."""
        inputs = [self.asarray(x).detach() for x in args]
        recording = recorder.Recorder(inputs, native)
        try:
            with torch.set_grad_enabled(native), context.use(self):
                with recording, _Storages(recording) as scope:
                    results = list(fn(*inputs))
                program = recording.finish({cell: scope.values[cell] for cell in scope.written}, results)
                copies = {cell: scope.values[cell].detach().clone() for cell in scope.written}
                results = [x.detach().clone() for x in results]
                for cell, value in copies.items():
                    cell.storage.data = value
        except recorder.NeedsGraph:
            return self._record(fn, args, native=True)
        return program, results

    def value_and_grad(self, fn: Callable[..., tuple[Any, list[Any]]], tensors: Sequence[Any]) -> tuple[Any, list[Any], list[Any]]:
        now = recorder.current()
        # In a compiled function nothing else uses the Parameters, so they are the leaves themselves.
        direct = now is not None and not now.native and len(set(map(id, tensors))) == len(tensors)
        with torch.enable_grad(), recorder.deeper() as outer:  # an inner gradient stays part of the outer one's graph
            leaves = [x if direct and isinstance(x, torch.nn.Parameter) else _leaf(x, outer > 0) for x in tensors]
            loss, auxiliary = fn(*leaves)
            grads = recorder.call(_gradients, loss, leaves, outer > 0)
        return (loss, auxiliary, grads) if outer else (loss.detach(), [x.detach() for x in auxiliary], grads)

    def synchronize(self, tensors: Sequence[Any] = ()) -> None:
        if DEVICE.type == "cuda":
            torch.cuda.synchronize()

    def devices(self) -> list[str]:
        return ["cpu", *[f"cuda:{i}" for i in range(torch.cuda.device_count())]]


class _Storages(StateScope):
    """Cells read as their storage, so that native code finds the Parameters; the recorder is told."""

    def __init__(self, recording: recorder.Recorder) -> None:
        super().__init__()
        self.recording = recording

    def load(self, cell: Cell) -> Any:
        return self.recording.cell(cell)


def _from_numpy(array: np.ndarray) -> Tensor:
    if array.dtype == ml_dtypes.bfloat16:
        return torch.from_numpy(np.array(array).view("int16")).view(torch.bfloat16).to(DEVICE)
    if not array.flags.writeable or any(step < 0 for step in array.strides):
        array = np.array(array)
    return torch.from_numpy(array).to(DEVICE)


@functools.lru_cache(1024, typed=True)
def _scalar(value: Any, dtype: str, sign: float) -> Tensor:
    return torch.tensor(value, dtype=NATIVE[dtype], device=DEVICE)


def _leaf(x: Any, inner: bool) -> Any:
    """The tensor as one that nobody else uses; the beginning of a graph, unless it is a part of an outer one."""
    return x.view_as(x) if inner and x.requires_grad else x.detach().requires_grad_(x.is_floating_point() or x.is_complex())


_run_backward = torch.autograd.Variable._execution_engine.run_backward  # what `torch.autograd.grad` calls, after many checks


def _gradients(loss: Tensor, leaves: list[Tensor], create_graph: bool) -> list[Tensor]:
    """Derivatives of a scalar, zeros where it does not depend on a leaf."""
    wanted = tuple([x for x in leaves if x.requires_grad])
    found: Any = ()
    if wanted and loss.requires_grad:
        found = _run_backward((loss,), (torch.ones_like(loss),), create_graph, create_graph, wanted, True, False)
    each = iter(found)
    grads = [next(each, None) if x.requires_grad else None for x in leaves]
    # Ours by complex tensors are the conjugates of PyTorch's.
    return [torch.zeros_like(x) if g is None else torch.conj_physical(g) if g.is_complex() else g for x, g in zip(leaves, grads, strict=True)]
