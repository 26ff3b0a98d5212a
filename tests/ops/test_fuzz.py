"""A few random cases of ops on every engine; `make test` runs ten thousand by `scripts/fuzz.py`."""

from __future__ import annotations

import hypothesis
import pytest

from op_table import FUZZED
from op_table.draw import cases, judge

GROUPS = 8
NAMES = sorted(FUZZED)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("group", range(GROUPS))
def test_random_cases(engine, group):
    @hypothesis.settings(
        max_examples=50, database=None, deadline=None, derandomize=True, suppress_health_check=list(hypothesis.HealthCheck)
    )
    @hypothesis.given(cases(tuple(NAMES[group::GROUPS])))
    def attempt(case):
        assert judge(case)[0] is None

    attempt()
