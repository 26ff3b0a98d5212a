"""Random cases of ops on every engine; `python scripts/fuzz.py` runs more of them."""

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
        max_examples=200, database=None, deadline=None, derandomize=True, suppress_health_check=list(hypothesis.HealthCheck)
    )
    @hypothesis.given(cases(tuple(NAMES[group::GROUPS])))
    def attempt(case):
        assert judge(case)[0] is None

    attempt()
