"""The public REST tests: all 1,335 through a proxy that reads nothing, and those of searches through one that reads."""

import pytest

from tests.connector.proxy.running import running_proxy
from tests.fidelity.suite.engine import ENGINES, own_engine, reading_proxy
from tests.fidelity.suite.run import compare
from tests.fidelity.suite.spec import load

LEAST = {"opensearch": 900, "elasticsearch": 850}
"""Tests that pass straight at the least, or the suite was not really played: 960 and 910 did."""


@pytest.mark.slow  # 10 minutes an engine on a calm machine, 45 on a busy one
@pytest.mark.timeout(4 * 3600)
@pytest.mark.parametrize("engine", ENGINES)
def test_what_passes_straight_passes_through_the_proxy(engine: str):
    suite = load()
    with own_engine(engine) as straight:
        with running_proxy(straight) as proxy:
            unread = compare(suite, straight, proxy)
        with reading_proxy(straight) as proxy:
            read = compare(suite, straight, proxy, [test for test in suite.tests if "search" in test.name])
    assert unread.worse == read.worse == {}
    assert unread.passed >= LEAST[engine]
    assert read.passed >= LEAST[engine] / 4
