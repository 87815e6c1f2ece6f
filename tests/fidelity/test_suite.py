"""The public REST tests, whole: 1,335 an engine, each straight and, where it passes, through the proxy."""

import pytest

from tests.connector.proxy.running import running_proxy
from tests.fidelity.suite.engine import ENGINES, own_engine
from tests.fidelity.suite.run import compare
from tests.fidelity.suite.spec import load

LEAST = {"opensearch": 900, "elasticsearch": 500}
"""Tests that pass straight at the least, or the suite was not really played: 960 did on OpenSearch."""


@pytest.mark.slow  # 10 minutes an engine on a calm machine
@pytest.mark.timeout(4 * 3600)
@pytest.mark.parametrize("engine", ENGINES)
def test_what_passes_straight_passes_through_the_proxy(engine: str):
    with own_engine(engine) as straight, running_proxy(straight) as proxy:
        result = compare(load(), straight, proxy)
    assert result.worse == {}
    assert result.passed >= LEAST[engine]
