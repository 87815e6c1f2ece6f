"""Kill -9 and freeze of worker, cache server and broker under eight callers: each gets an answer in time, and it says
what is true; once an outage is known it costs nothing; all comes back by itself.
"""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, field

import pytest

from connector.services import Services
from connector.settings import Settings
from connector.types import Reason, Scores, State
from tests.connector.stage import Child, Server, make_settings, opened, own_server, stub_worker, until

BUDGET_S = 0.5
SLACK_S = 0.5  # for a machine that runs much else
CALLERS = 8
TEXTS = [f"text {number}" for number in range(20)]
OUTAGES = {Reason.TIMEOUT, Reason.REDIS, Reason.BREAKER, Reason.NO_WORKER}


@dataclass
class Stage:
    """The parts that break, and what the callers were told."""

    cache: Server
    broker: Server
    settings: Settings
    worker: Child
    stack: ExitStack
    told: list[tuple[float, float, Scores]] = field(default_factory=list)  # began, seconds, answer

    def new_worker(self) -> None:
        self.worker = self.stack.enter_context(stub_worker(self.broker.url, self.broker.url, "model"))

    def since(self, moment: float) -> list[tuple[float, Scores]]:
        return [(took, scores) for began, took, scores in self.told if began >= moment]


@pytest.fixture
def stage() -> Iterator[Stage]:
    with ExitStack() as stack:
        cache, broker = stack.enter_context(own_server()), stack.enter_context(own_server())
        settings = make_settings(broker.url, cache.url, "model", budget_ms=int(1000 * BUDGET_S))
        worker = stack.enter_context(stub_worker(broker.url, broker.url, "model"))
        yield Stage(cache, broker, settings, worker, stack)


@asynccontextmanager
async def under_load(stage: Stage) -> AsyncIterator[Services]:
    """Eight callers that never pause for long; in the end none hangs."""

    async def call(services: Services, caller: int) -> None:
        number = 0
        while True:
            number += 1
            began = time.monotonic()
            scores = await services.rerank.rerank(
                f"{caller} asks {number}", TEXTS, stage.settings.policy[0], stage.settings.model[0], budget_s=BUDGET_S
            )
            stage.told.append((began, time.monotonic() - began, scores))
            await asyncio.sleep(0.02)

    async with AsyncExitStack() as stack:
        services = await stack.enter_async_context(opened(stage.settings, "score", patience_s=0.1))
        await until_applied(stage, services)
        callers = [asyncio.create_task(call(services, caller)) for caller in range(CALLERS)]
        try:
            await asyncio.sleep(0.5)
            yield services
        finally:
            for task in callers:
                task.cancel()
            await asyncio.gather(*callers, return_exceptions=True)
    assert all(took < BUDGET_S + SLACK_S for _, took, _ in stage.told)
    for _, _, scores in stage.told:
        assert (scores.reason is None) == (scores.state is State.APPLIED)
        assert scores.reason in OUTAGES | {None}


async def until_applied(stage: Stage, services: Services) -> None:
    limit = time.monotonic() + 60
    while True:
        scores = await services.rerank.rerank(
            f"{time.time()}", TEXTS, stage.settings.policy[0], stage.settings.model[0], budget_s=BUDGET_S
        )
        if scores.state is State.APPLIED:
            return
        assert time.monotonic() < limit, scores
        await asyncio.sleep(0.05)


async def outage(stage: Stage, hurt: Callable[[], None], mend: Callable[[], None], lasts_s: float) -> None:
    """Under load: break, wait, mend. Asserts what every outage of the queue's side has to show."""
    async with under_load(stage) as services:
        hurt()
        hurt_at = time.monotonic()
        await asyncio.sleep(lasts_s)
        late = stage.since(hurt_at + BUDGET_S + 1)
        await asyncio.to_thread(mend)
        await until_applied(stage, services)
        await asyncio.sleep(0.3)
        mended_at = time.monotonic()
        await asyncio.sleep(0.7)
        assert {scores.state for _, scores in late} == {State.FAILED}
        assert statistics.median(took for took, _ in late) < 0.02
        assert {scores.state for _, scores in stage.since(mended_at)} == {State.APPLIED}


async def test_a_killed_worker(stage: Stage) -> None:
    await outage(stage, stage.worker.kill, stage.new_worker, 5)
    assert Reason.NO_WORKER in {scores.reason for _, _, scores in stage.told}


async def test_a_frozen_worker(stage: Stage) -> None:
    await outage(stage, stage.worker.freeze, stage.worker.thaw, 5)
    assert Reason.NO_WORKER in {scores.reason for _, _, scores in stage.told}


async def test_a_killed_broker(stage: Stage) -> None:
    await outage(stage, stage.broker.child.kill, stage.broker.start, 3)
    assert Reason.BREAKER in {scores.reason for _, _, scores in stage.told}


async def test_a_frozen_broker(stage: Stage) -> None:
    await outage(stage, stage.broker.child.freeze, stage.broker.child.thaw, 3)
    assert Reason.BREAKER in {scores.reason for _, _, scores in stage.told}


@pytest.mark.parametrize("way", ["kill", "freeze"])
async def test_the_cache_server_may_go_and_every_search_is_still_reranked(stage: Stage, way: str) -> None:
    async with under_load(stage) as services:
        getattr(stage.cache.child, way)()
        hurt_at = time.monotonic()
        await until(lambda: services.store.breaker.open, 10)
        known_at = time.monotonic() + 0.2
        await asyncio.sleep(2)
        await asyncio.to_thread(stage.cache.start if way == "kill" else stage.cache.child.thaw)
        await until(lambda: not services.store.breaker.open, 10)
    before = statistics.median(took for began, took, _ in stage.told if began < hurt_at)
    after = statistics.median(took for took, _ in stage.since(known_at))
    assert after < before + 0.02
    assert {scores.state for _, _, scores in stage.told} == {State.APPLIED}
