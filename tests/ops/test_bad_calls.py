"""Every op with each of its arguments wrong in turn: refused with the op's name and the call, the same on every engine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cornu
from cornu import ops, tree
from cornu.contract.registry import is_installed
from cornu.ops.common import tensor
from cornu.ops.symbolic import KerasTensor
from op_table import CASES
from op_table.bad import GOOD, BadCall, bad_calls, find

BY_OP: dict[str, list[BadCall]] = {}
for _call in bad_calls():
    BY_OP.setdefault(_call.op, []).append(_call)

REFUSALS = (ValueError, TypeError, IndexError)  # the last by `get_item`, as Python's own indexing
# Taken, though it looks wrong: (op, parameter) -> why.
TAKEN = {
    ("utils.normalize", "x"): "arrays that are not an engine's get at least one dimension, as in Keras",
}
# Not for symbolic tensors.
CONCRETE = {"random.dropout", "random.shuffle", "random.categorical", "associative_scan"}
# Ops whose arguments are functions, or of which all arguments but the tensor are free.
WITHOUT_CASES = set(
    "value_and_grad grad vjp jvp hvp custom_gradient cond while_loop fori_loop scan switch map vectorized_map vectorize "
    "KerasTensor convert_to_numpy shape dtype is_tensor".split()
)


def outcome(call: BadCall, convert: Any) -> Any:
    """The error, or dtypes and shapes of what came out."""
    try:
        results = tree.flatten(call.run(convert))
    except Exception as error:
        return error
    return [(ops.dtype(x), tuple(x.shape)) if hasattr(x, "shape") else x for x in results]


def problem(call: BadCall, found: Any) -> str:
    """What is wrong with the way in which a call was refused, or taken."""
    if not isinstance(found, Exception):
        return "" if call.kind == "rank" or (call.op, call.what.partition("=")[0]) in TAKEN else f"was taken: {found}"
    names = {call.op.rpartition(".")[2], find(call.op).__name__}  # an alias has the name of its op
    if not isinstance(found, REFUSALS):
        return f"{type(found).__name__}: {found}"
    if not any(str(found).startswith(f"{name}: ") and f" Call: {name}(" in str(found) for name in names):
        return f"the message does not tell the op and the call: {found}"
    given = call.what.partition("=")[2]
    return "" if given in str(found).partition(" Call: ")[2] else f"the message does not tell {given}: {found}"


def text(found: Any, engine: str) -> str:
    """An outcome, without the engine's name."""
    if not isinstance(found, Exception):
        return str(found)
    return f"{type(found).__name__}: {found}".replace(f"engine: {engine}.", "")


@pytest.fixture(scope="module")
def expected() -> dict[int, str]:
    """What the NumPy engine says, of each call that it refuses."""
    with cornu.engine("numpy"), np.errstate(all="ignore"):
        found = {id(call): outcome(call, tensor) for calls in BY_OP.values() for call in calls}
    return {key: text(error, "numpy") for key, error in found.items() if isinstance(error, Exception)}


@pytest.mark.parametrize("op", BY_OP)
def test_wrong_arguments_are_refused_alike(engine, expected, op):
    if not engine.eager:
        pytest.skip("eager calls are NumPy's")
    wrong = []
    for call in BY_OP[op]:
        if call.kind != "rank" or id(call) in expected:  # what is taken, other tests look at
            found = outcome(call, tensor)
            said, wanted = problem(call, found), expected.get(id(call))
            if not said and text(found, engine.name) != wanted and (op, call.what.partition("=")[0]) not in TAKEN:
                said = f"{text(found, engine.name)}\n instead of {wanted}"
            wrong += [f"{call.what}: {said}"] if said else []
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("op", [op for op in BY_OP if op not in CONCRETE])
def test_wrong_arguments_with_symbolic_tensors(op):
    wrong = []
    with cornu.engine("numpy"):
        for call in BY_OP[op]:
            eager, found = outcome(call, tensor), outcome(call, lambda x: KerasTensor(x.shape, x.dtype.name))
            same = isinstance(eager, Exception) == isinstance(found, Exception)
            said = problem(call, found)
            if not said and not same and (op, call.what.partition("=")[0]) not in TAKEN and "depends on values" not in str(found):
                said = f"{found!r}\n instead of {eager!r}"
            wrong += [f"{call.what}: {said}"] if said else []
    assert not wrong, "\n".join(wrong)


def test_every_op_has_calls():
    assert {name for name in ops.__all__ if name not in CASES and name not in GOOD} - WITHOUT_CASES == set()


def test_tensors_of_another_engine_are_refused(engine):
    other = "jax" if engine.name != "jax" else "torch"
    if not is_installed(other):
        pytest.skip(f"{other} is not installed")
    with cornu.engine(other):
        foreign = ops.convert_to_tensor(np.ones((2, 3), "float32"))
    calls = [ops.exp, ops.softmax, ops.std, ops.convert_to_tensor, lambda x: ops.add(1.0, x), lambda x: ops.concatenate([x, x])]
    for call in calls:
        with pytest.raises(TypeError, match=f"^[a-z_]+: got a tensor .* of the engine '{other}' .* Call: "):
            call(foreign)


def test_errors_of_users_functions_stay_as_they_are(engine):
    def fails(*args):
        raise ValueError("my own words")

    x = ops.convert_to_tensor(np.ones((2, 3), "float32"))
    for call in (lambda: ops.map(fails, x), lambda: ops.vectorized_map(fails, x), lambda: ops.cond(x[0, 0] > 0, fails, fails)):
        with pytest.raises(ValueError, match=r"^my own words($|\n)"):
            call()
