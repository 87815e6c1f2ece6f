"""The project's own worker behind each broker: many callers, none of whom waits for anything but his turn."""

import asyncio
from collections.abc import Iterator

import pytest

from connector.settings import Settings
from connector.types import State
from tests.connector.stage import make_settings, opened, real_worker

TEXTS = [f"a rain jacket, no{number}x" if number % 2 else "belt" for number in range(100)]


@pytest.fixture(params=["broker_url", "redis_url", "rabbitmq_url"])
def settings(request: pytest.FixtureRequest, valkey_url: str) -> Iterator[Settings]:
    broker = request.getfixturevalue(request.param)
    with real_worker(broker, valkey_url):
        yield make_settings(broker, valkey_url, "stub")


async def test_many_callers_and_no_stall(settings: Settings) -> None:
    """Celery over AMQP used to sleep up to 10 s on an acknowledgement (workers/prompt.py)."""
    async with opened(settings, "score") as services:

        async def call(caller: int) -> None:
            for number in range(20):
                query = f"rain jacket {services.dispatcher.process} {caller} {number}"
                scores = await services.rerank.rerank(query, TEXTS, settings.policy[0], settings.model[0], budget_s=20)
                assert scores.state is State.APPLIED
                assert len(set(scores.logits)) == 2
                assert scores.ms < 5000

        await asyncio.gather(*(call(caller) for caller in range(32)))
