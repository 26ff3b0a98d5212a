import pytest

from cornu import context
from cornu.contract.conformance.reference import REFERENCE


@pytest.fixture(autouse=True)
def reference():
    """The table's references compute: what is tested here depends on no engine."""
    with context.use(REFERENCE) as engine:
        yield engine
