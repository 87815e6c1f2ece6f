"""The cache server as its users see it: one round trip an ask, at most `WAIT_S`, and none at all while it is down."""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from typing import TypeVar

from redis.asyncio import Redis
from redis.exceptions import RedisError

from connector.breaker import Breaker
from connector.errors import RerankError
from connector.servers import open_redis
from connector.types import Reason

log = logging.getLogger(__name__)

WAIT_S = 0.25  # a round trip takes 0.2 ms, 100 on a machine in distress; this is for a server that hangs
CLIENT_S = 5.0  # the client's own limit; `WAIT_S` ends a wait before it
T = TypeVar("T")


class Store:
    """A Redis client behind a breaker. Used by the score cache, the query vectors and the page orders."""

    def __init__(self, url: str, wait_s: float = WAIT_S) -> None:
        self.wait_s = wait_s
        self.client: Redis = open_redis(url, CLIENT_S)
        self.breaker = Breaker("cache", self._ping)

    async def ask(self, question: Callable[[Redis], Awaitable[T]], wait_s: float = math.inf) -> T:
        """The answer of one command or pipeline. Raises RerankError (REDIS, BREAKER) within `wait_s` and our own."""
        if self.breaker.open:
            raise RerankError(Reason.BREAKER, "the cache server is down")
        asking = asyncio.ensure_future(question(self.client))
        try:
            await asyncio.wait({asking}, timeout=min(wait_s, self.wait_s))
            if not asking.done():  # left behind rather than cancelled and awaited: see connector.background
                raise TimeoutError("no answer in time")
            answer = asking.result()
        except (RedisError, OSError, TimeoutError) as error:
            log.info("cache server failed", extra={"error": str(error)})
            self.breaker.failed()
            raise RerankError(Reason.REDIS, str(error)) from error
        finally:
            if not asking.done():
                asking.add_done_callback(lambda task: task.cancelled() or task.exception())  # nobody else will look
                asking.cancel()
        self.breaker.succeeded()
        return answer

    async def close(self) -> None:
        await self.breaker.close()
        await self.client.aclose()

    async def _ping(self) -> bool:
        async with asyncio.timeout(self.wait_s):
            return bool(await self.client.ping())
