"""Three failures in a row open it, a probe closes it, and callers are never the probe."""

import asyncio

import pytest

from connector import breaker
from connector.breaker import Breaker
from tests.connector.stage import until


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breaker, "PROBE_S", 0.01)


async def test_a_success_between_failures_keeps_it_closed() -> None:
    one = Breaker("x", lambda: asyncio.sleep(0, True))
    for _ in range(5):
        one.failed()
        one.failed()
        one.succeeded()
    assert not one.open


async def test_it_opens_and_closes_by_itself_after_probes_that_fail_or_raise() -> None:
    answers = iter([False, OSError("still down"), True])

    async def probe() -> bool:
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        return answer

    one = Breaker("x", probe)
    for _ in range(4):
        one.failed()
    assert one.open
    await until(lambda: not one.open, 10)
    assert one.failures == 0
    one.failed()
    assert not one.open
    await one.close()
