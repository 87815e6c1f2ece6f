"""The port to Celery's broker: send one task, now. AMQP is in `connector.amqp`.

No acknowledgement of a task is awaited: what was lost is noticed by the deadline of those who wait.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol

from redis.exceptions import ReadOnlyError, RedisError

from connector.errors import RerankError
from connector.message import Message, new_message
from connector.servers import is_redis, open_redis
from connector.types import Reason

SEND_S = 1.0
QUEUE_TTL_S = 120  # a list that no worker empties disappears this long after the last task


class Broker(Protocol):
    async def send(self, task: str, queue: str, payload: Mapping[str, Any], lifetime_s: float) -> int:
        """Put one task into `queue`; the number of bytes sent. After `lifetime_s` the broker need not keep it. Raises
        RerankError where it does not take it within `SEND_S`.
        """
        ...

    async def close(self) -> None: ...


class MemoryBroker:
    """Keeps what is sent, for tests and for looking at it."""

    def __init__(self) -> None:
        self.sent: list[tuple[Message, Mapping[str, Any]]] = []

    async def send(self, task: str, queue: str, payload: Mapping[str, Any], lifetime_s: float) -> int:
        message = new_message(task, queue, payload, lifetime_s)
        self.sent.append((message, payload))
        return len(message.body)

    async def close(self) -> None:
        return


class RedisBroker:
    """A Redis list a queue, as kombu's Redis transport reads it."""

    def __init__(self, url: str) -> None:
        self._client = open_redis(url, SEND_S, 16)

    async def send(self, task: str, queue: str, payload: Mapping[str, Any], lifetime_s: float) -> int:
        envelope = new_message(task, queue, payload, lifetime_s).redis_envelope()
        pipeline = self._client.pipeline(transaction=False)
        pipeline.execute_command("LPUSH", queue, envelope)
        pipeline.execute_command("EXPIRE", queue, QUEUE_TTL_S)
        try:
            async with asyncio.timeout(SEND_S):
                await pipeline.execute()
        except (RedisError, OSError, TimeoutError) as error:
            if isinstance(error, ReadOnlyError):  # a replica now: the same address may lead to its successor
                await self._client.connection_pool.disconnect()
            raise RerankError(Reason.REDIS, f"the broker did not take a task: {error}") from error
        return len(envelope)

    async def close(self) -> None:
        await self._client.aclose()


def open_broker(url: str) -> Broker:
    """The broker of a URL. Raises ConfigError for one that cannot be used."""
    if is_redis(url):
        return RedisBroker(url)
    from connector.amqp import AmqpBroker  # kombu takes 0.1 s to import, and Redis users do not need it

    return AmqpBroker(url)
