"""The suite itself: the references pass it, it has cases for all, and each way to break an engine is found."""

import io

import numpy as np
import pytest
from rich.console import Console

from cornu.contract.conformance import main, overrides, run, suite
from cornu.contract.conformance.case import GENERATORS
from cornu.contract.conformance.compare import difference
from cornu.contract.conformance.expected import Expected
from cornu.contract.conformance.op_cases import OP_CASES
from cornu.contract.conformance.reference import REFERENCE, ReferenceEngine
from cornu.contract.engine import Kernels
from cornu.primitives import TABLE


def failures(outcomes):
    return [f"{o.group} · {o.case}: {o.problem}" for o in outcomes if o.failed]


def test_every_primitive_has_cases():
    assert set(GENERATORS) == set(TABLE)
    for name, generator in GENERATORS.items():
        labels = [case.name for case in generator(name)]
        assert len(labels) >= 3, name
        assert len(set(labels)) == len(labels), name


@pytest.mark.parametrize("name", sorted({record.family for record in TABLE.values()} | {"kernels", "services"}))
def test_the_references_pass(name):
    """The table judged by SciPy and NumPy, its rules by its references, its gradients by finite differences."""
    outcomes = run(REFERENCE, lambda family, group: family == name)
    assert outcomes and not failures(outcomes)


def broken(**changes):
    """The reference engine with something changed."""

    class Broken(ReferenceEngine):
        kernels = Kernels()

    Broken.kernels.update(REFERENCE.kernels)
    for name, kernel in changes.items():
        Broken.kernels[name.rstrip("_")] = kernel
    return Broken


def found(engine, *groups):
    return failures(run(engine(), lambda family, group: group in groups))


def test_a_wrong_value_is_found():
    bad = broken(tanh=lambda x: np.tanh(x) * (1 + 1e-5))
    assert any("float32 edges" in f and "which the table's reference gives" in f for f in found(bad, "tanh"))


def test_a_wrong_edge_value_is_found():
    bad = broken(maximum=lambda x1, x2: np.fmax(x1, x2))
    assert all("edges: got" in f for f in found(bad, "maximum")) and len(found(bad, "maximum")) == 4


def test_a_wrong_sign_of_zero_is_found():
    bad = broken(negative=lambda x: np.subtract(x.dtype.type(0), x))
    assert any("float32 edges: got 0.0 instead of -0.0" in f for f in found(bad, "negative"))


def test_a_wrong_dtype_is_found():
    bad = broken(sum=lambda x, *, axes, keepdims=False: np.sum(x, axis=axes, keepdims=keepdims))
    assert any("sum · bool (2, 3): results int64[2] where the rules give int32[2]" in f for f in found(bad, "sum"))


def test_a_wrong_shape_is_found():
    bad = broken(max=lambda x, *, axes, keepdims=False: np.max(x, axis=axes))
    assert all("keepdims True" in f for f in found(bad, "max")) and found(bad, "max")


def test_an_unstable_sort_is_found():
    bad = broken(argsort=lambda x, *, axis: np.flip(np.argsort(np.flip(x, axis), axis=axis, kind="stable"), axis).astype("int32"))
    assert any("ties" in f for f in found(bad, "argsort"))


def test_a_result_that_is_no_tensor_is_found():
    bad = broken(sum=lambda x, *, axes, keepdims=False: 1.5)
    assert any("the results are no tensors: ['float']" in f for f in found(bad, "sum"))


def test_a_wrong_gradient_is_found():
    class Bad(broken()):
        def value_and_grad(self, fn, tensors):
            loss, auxiliary, gradients = super().value_and_grad(fn, tensors)
            return loss, auxiliary, [g * 1.001 for g in gradients]

    assert any("gradient: gradient 0: got" in f and "by finite differences" in f for f in found(Bad, "exp"))
    assert any("by the table" in f for f in found(Bad, "maximum"))


def test_a_wrong_compiled_run_is_found():
    class Bad(broken()):
        def replay(self, graph):
            program = super().replay(graph)
            return lambda *args: [x + x.dtype.type(1) for x in program(*args)]

    assert any("compiled: got" in f and "which it gives eagerly" in f for f in found(Bad, "exp"))


class Joint(broken()):
    """Each call is a compilation, it says; compilations are counted."""

    compiles_calls = True
    compilations = 0

    def compile(self, fn, args):
        Joint.compilations += 1
        return super().compile(fn, args)


def test_cases_are_computed_together_where_calls_compile():
    Joint.compilations = 0
    outcomes = run(Joint(), lambda family, group: group in ("exp", "eigh"))
    assert not failures(outcomes)
    alone = sum(o.case.endswith("compiled") for o in outcomes)
    assert alone < Joint.compilations <= alone + 4 < len(outcomes) / 4  # values and gradients of two primitives


def test_what_is_wrong_is_found_together(monkeypatch):
    monkeypatch.setitem(Joint.kernels, "tanh", lambda x: np.tanh(x) * (1 + 1e-5))
    monkeypatch.setitem(Joint.kernels, "sum", lambda x, *, axes, keepdims=False: np.sum(x, axis=axes, keepdims=keepdims))
    outcomes = failures(run(Joint(), lambda family, group: group in ("tanh", "sum")))
    assert any("tanh · float32 edges: got" in f for f in outcomes)
    assert any("sum · bool (2, 3): results int64[2] where the rules give int32[2]" in f for f in outcomes)


def test_a_case_that_fails_spares_those_computed_with_it(monkeypatch):
    def tanh(x):
        if x.dtype == "float16":
            raise NotImplementedError("no halves")
        return np.tanh(x)

    monkeypatch.setitem(Joint.kernels, "tanh", tanh)
    assert failures(run(Joint(), lambda family, group: group == "tanh")) == [
        "tanh · float16 edges: NotImplementedError: no halves"
    ]


def test_processes_share_the_groups(monkeypatch):
    chosen = [("elementwise", "tanh"), ("reduction", "argmax")]
    monkeypatch.setattr(suite, "groups", lambda engine: chosen)
    monkeypatch.setattr(suite, "EXPECTED", ())
    outcomes = suite.run_in_processes("numpy", 2)
    assert [(o.group, o.case) for o in outcomes] == [(o.group, o.case) for o in run(suite.registry.get("numpy"), None, [])]
    assert len(outcomes) > 40 and not failures(outcomes)


@pytest.mark.parametrize(
    "kernel, problem",
    [
        (lambda x, *, axis, keepdims=False: x, "missing a required argument: 'axis'|unexpected keyword argument 'axes'"),
        (lambda x, *, axes, keepdims: x, "the default of keepdims is missing instead of False"),
        (lambda x, *, axes, keepdims=True: x, "the default of keepdims is True instead of False"),
        (lambda *, axes, keepdims=False: axes, "too many positional arguments"),
    ],
)
def test_a_wrong_signature_is_found(kernel, problem):
    (failure,) = found(broken(sum=kernel), "kernels")
    assert any(text in failure for text in problem.split("|"))


def test_missing_and_surplus_kernels_are_found():
    bad = broken(nosuch=abs)
    del bad.kernels["exp"]
    assert found(bad, "kernels") == [
        "kernels · exp: there is no kernel, and no reason in `unsupported`",
        "kernels · nosuch: there is no such primitive",
    ]


def test_what_is_declared_unsupported_is_no_failure():
    bad = broken()
    del bad.kernels["exp"]
    bad.unsupported = {"exp": "it can't"}
    outcomes = run(bad(), lambda family, group: group in ("exp", "kernels"))
    assert not failures(outcomes)
    assert [o.case for o in outcomes if o.group == "exp"] == ["unsupported"]


SERVICE_FAULTS = {
    "storage owns its values": {"create_storage": lambda self, array, trainable: array},
    "snapshots stay": {"assign": lambda self, storage, tensor: np.copyto(storage, tensor) or storage},
    "assigned values are read": {"assign": lambda self, storage, tensor: storage},
    "arrays go in and out float64": {"to_numpy": lambda self, x: np.asarray(x).astype("complex64")},
    "asarray default dtypes": {"asarray": lambda self, x, dtype=None: np.asarray(x, dtype)},
    "is tensor knows its own": {"is_tensor": lambda self, x: True},
    "the machine": {"devices": lambda self: []},
}


@pytest.mark.parametrize("service", SERVICE_FAULTS)
def test_a_wrong_service_is_found(service):
    bad = type("Bad", (broken(),), SERVICE_FAULTS[service])
    assert any(f.startswith(f"services · {service}:") for f in found(bad, "services"))


def test_gradients_of_aliases_are_found():
    class Bad(broken()):
        def value_and_grad(self, fn, tensors):
            loss, auxiliary, gradients = super().value_and_grad(fn, tensors)
            return loss, auxiliary, [g for g in gradients if g.any()]

    assert any("gradients of a function" in f for f in found(Bad, "services"))


BAD_TANH = broken(tanh=lambda x: x)


def test_an_expected_failure_is_no_failure():
    entry = Expected("reference", "tanh", "*", "no tanh here")
    outcomes = run(BAD_TANH(), lambda family, group: group == "tanh", [entry])
    assert all(o.expected is entry for o in outcomes)
    passing = [o for o in outcomes if o.problem is None]
    assert failures(outcomes) == failures(passing)


def test_an_expected_failure_that_passes_is_a_failure():
    entry = Expected("reference", "exp", "float32 edges", "it was wrong once")
    (failure,) = failures(run(REFERENCE, lambda family, group: group == "exp", [entry]))
    assert failure.startswith("exp · float32 edges")


def test_an_expected_failure_that_covers_nothing_is_a_failure(monkeypatch):
    monkeypatch.setattr(suite, "groups", lambda engine: [])
    entry = Expected("reference", "nosuch", "*", "gone")
    assert failures(run(REFERENCE, None, [entry])) == ["nosuch · *: None"]
    assert not run(REFERENCE, None, [Expected("another", "nosuch", "*", "gone")])


def test_the_report():
    outcomes = run(BAD_TANH(), lambda family, group: group in ("tanh", "exp"), [])
    text = io.StringIO()
    suite.report(Console(file=text, width=160), REFERENCE, outcomes, 1.0)
    lines = text.getvalue().splitlines()
    assert any(line.startswith("FAILED reference: tanh · float32 edges: got 1.0 instead of 0.76") for line in lines)
    row = next(line.split() for line in lines if "elementwise" in line)
    passed, failed = (sum(o.failed is value for o in outcomes) for value in (False, True))
    assert [int(cell) for cell in row if cell.isdigit()] == [len(outcomes), passed, 0, failed]


def test_exit_status(monkeypatch, capsys):
    monkeypatch.setattr(suite.registry, "get", lambda name: {"good": REFERENCE, "bad": BAD_TANH()}[name])
    monkeypatch.setattr(suite, "groups", lambda engine: [("elementwise", "tanh")])
    assert main(["good"]) == 0
    assert main(["bad"]) == 1
    assert main(["good", "bad"]) == 1
    assert "FAILED" in capsys.readouterr().out


def test_an_unknown_engine():
    assert main(["nosuch"]) == 2


@pytest.mark.parametrize(
    "got, expected, problem",
    [
        ([1.0, 2.0], [1.0, 2.0], None),
        ([np.nan, np.inf, -np.inf], [np.nan, np.inf, -np.inf], None),
        ([1.0 + 1e-6], [1.0], None),
        ([1e-40], [0.0], None),
        ([1.0 + 1e-4], [1.0], "instead of 1.0"),
        ([np.nan], [1.0], "got nan instead of 1.0"),
        ([1.0], [np.nan], "got 1.0 instead of nan"),
        ([np.inf], [-np.inf], "got inf instead of -inf"),
        ([3e38], [np.inf], "instead of inf"),
        ([1.0, 5.0], [1.0, 2.0], r"got 5.0 instead of 2.0 at [1] (1 of 2 elements differ)"),
        ([1.0], 1.0, "shape (1,) instead of ()"),
    ],
)
def test_differences(got, expected, problem):
    said = difference(np.array(got, "float32"), np.array(expected), ulps=16)
    assert (said is None) if problem is None else problem in said


def test_differences_of_complex_numbers():
    x = np.array([1 + 1j, np.nan + 0j], "complex64")
    assert difference(x, x, ulps=1) is None
    assert difference(x, x.conj(), ulps=1) is not None


def test_differences_of_integers_are_exact():
    assert difference(np.array([2**53 + 1]), np.array([2**53]), ulps=1e9) is not None


def test_the_cases_of_ops_are_right(monkeypatch):
    """Each op as its own override: what fails then is a case, not an engine."""
    ops = overrides.ops_of()
    assert set(OP_CASES) <= set(ops)
    own = {name: ops[name].body for name in OP_CASES}
    monkeypatch.setattr(ReferenceEngine.kernels, "overrides", own)
    engine = ReferenceEngine()
    outcomes = run(engine, lambda family, group: family == "overrides")
    assert len(outcomes) > 150 and not failures(outcomes)


@pytest.mark.parametrize(
    "override, problem",
    [
        (lambda x, axis=-1: x, "instead of"),
        (lambda x, axis=-1: np.zeros(1), "where the body gives"),
        (lambda x, axis=0: x, "its signature is (x, axis=0) instead of (x, axis=-1)"),
    ],
)
def test_a_wrong_override_is_found(monkeypatch, override, problem):
    monkeypatch.setattr(ReferenceEngine.kernels, "overrides", {"softmax": override})
    outcomes = run(ReferenceEngine(), lambda family, group: family == "overrides" or group == "kernels")
    assert any(problem in failure for failure in failures(outcomes))


def test_an_override_without_cases_is_found(monkeypatch):
    monkeypatch.setattr(ReferenceEngine.kernels, "overrides", {"ravel": lambda x: x, "nosuch": lambda x: x})
    outcomes = run(ReferenceEngine(), lambda family, group: family == "overrides" or group == "kernels")
    assert failures(outcomes) == [
        "kernels · override nosuch: there is no such op",
        "override ravel · cases: the suite has no cases for the op ravel",
        "override nosuch · cases: the suite has no cases for the op nosuch",
    ]
