"""The table: what it holds of each primitive, and its page in the docs."""

import pickle
from pathlib import Path

import pytest

from cornu.primitives import TABLE, lookup
from cornu.primitives.document import page

DOCS = Path(__file__).parents[2] / "docs" / "primitives.md"


def test_size():
    assert 60 <= len(TABLE) <= 115


@pytest.mark.parametrize("name", TABLE)
def test_each_primitive_is_documented(name):
    record = TABLE[name]
    assert record.name == name and lookup(name) is record
    assert record.doc.endswith((".", ")", '"')) and len(record.doc) > 3
    assert record.family in ("elementwise", "reduction", "structure", "contraction", "linalg", "control")


def test_names_operands_and_parameters_come_from_the_reference():
    assert lookup("sum").operands == ("x",) and list(lookup("sum").params) == ["axes", "keepdims"]
    assert lookup("sum").params["keepdims"] is False
    assert lookup("concatenate").variadic and not lookup("add").variadic


def test_primitives_are_pickled_by_name():
    assert pickle.loads(pickle.dumps(lookup("exp"))) is lookup("exp")


def test_the_page_is_up_to_date():
    assert DOCS.read_text() == page(), "run `python -m cornu.primitives.document`"
