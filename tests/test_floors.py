"""The floors of the house: imports run one way, without circles, and no file above the engines names one."""

from __future__ import annotations

import ast
import graphlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import cornu
from cornu.contract import registry

PACKAGE = Path(cornu.__file__).parent
MODULES = {
    ".".join(("cornu", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
}
ARCHITECTURE = PACKAGE.parents[1] / "docs" / "architecture.md"

# Importer, imported, and why that is right although it runs upwards.
UPWARDS = {
    ("cornu.contract.conformance.overrides", "cornu.ops"): "the suite checks the derived ops, which stand above the contract",
    ("cornu.contract.conformance.overrides", "cornu.ops.op"): "the same",
    ("cornu.ops.image.warping", "cornu.random"): "elastic_transform is the one op that draws",
}
# Files that may say the names of engines, and why.
NAMING = {
    "cornu.contract.registry": "which engine is the best when nobody chose",
    "cornu.contract.conformance.expected": "the list of expected failures, by engine",
    "cornu.contract.conformance.reference": "the table's references are NumPy's",
    "cornu.demo.digits": "the embedded engine is the one that the others are compared with",
}


def rooms() -> dict[str, int]:
    """Room of the house -> its floor, from the table in docs/architecture.md: names in the first column, from the ground up."""
    rows = re.findall(r"^\| ((?:`[\w/.]+`(?:, )?)+) \|", ARCHITECTURE.read_text(encoding="utf-8"), re.MULTILINE)
    return {name.strip("/").removesuffix(".py"): floor for floor, row in enumerate(rows) for name in re.findall(r"`(.+?)`", row)}


def room(module: str) -> str:
    return (module.split(".") + ["__init__"])[1]


def only_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def running(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes of a file, without those under `if TYPE_CHECKING`."""
    for child in ast.iter_child_nodes(node):
        if not only_for_types(child):
            yield child
            yield from running(child)


def imports(path: Path) -> Iterator[str]:
    """Full names of what a file imports, wherever in it, `importlib.import_module("...")` too."""
    for node in running(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in MODULES else str(node.module)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            yield from (arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str))


def own_imports(module: str) -> set[str]:
    return {name for name in imports(MODULES[module]) if name in MODULES}


def test_every_room_has_its_floor():
    assert {room(module) for module in MODULES} == set(rooms())


@pytest.mark.parametrize("module", MODULES)
def test_nothing_imports_upwards(module):
    floor = rooms()
    wrong = {name for name in own_imports(module) if floor[room(name)] > floor[room(module)]} - {
        imported for importer, imported in UPWARDS if importer == module
    }
    assert not wrong, f"{module} imports from a higher floor: {', '.join(sorted(wrong))}"


def test_no_file_imports_an_engine():
    wrong = [
        (module, name) for module in MODULES for name in own_imports(module) if room(name) == "engines" != room(module)
    ]
    assert not wrong


def test_no_circles():
    needs = {module: own_imports(module) - {up for importer, up in UPWARDS if importer == module} for module in MODULES}
    for module, names in needs.items():
        names.discard(module)
    graphlib.TopologicalSorter(needs).prepare()  # raises CycleError


def test_exceptions_are_still_needed():
    assert all(imported in own_imports(importer) for importer, imported in UPWARDS)
    assert all(engine_names(module) for module in NAMING)


def engine_names(module: str) -> set[str]:
    """Names of engines that stand in a file as strings or imports."""
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    names = set(registry.names())
    strings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    libraries = {name.partition(".")[0] for name in imports(MODULES[module])} - {"numpy"}
    return (strings | libraries) & names


@pytest.mark.parametrize("module", [m for m in MODULES if room(m) != "engines" and m not in NAMING])
def test_nothing_above_the_engines_names_one(module):
    assert not engine_names(module)
