"""The cache server as its users see it: one round trip an ask, at most `WAIT_S`, and none at all while it is down."""

import asyncio
import logging
import math
from typing import Any

from redis.exceptions import RedisError

from connector.background import end
from connector.breaker import Breaker
from connector.errors import RerankError
from connector.line import Command, Line
from connector.servers import open_redis
from connector.types import Reason

log = logging.getLogger(__name__)

WAIT_S = 0.25  # a round trip takes 0.2 ms, 100 on a machine in distress; this is for a server that hangs
CLIENT_S = 5.0  # how long a connection may take that nobody waits for any more


class Store:
    """One connection behind a breaker. Used by the score cache, the query vectors and the page orders."""

    def __init__(self, url: str, wait_s: float = WAIT_S) -> None:
        self.wait_s = wait_s
        self.breaker = Breaker("cache", self._ping)
        self._server = open_redis(url, CLIENT_S)
        self._line: Line | None = None
        self._opening: asyncio.Task[Line] | None = None
        self._opening_at = 0.0  # loop time

    async def ask(self, *commands: Command, wait_s: float = math.inf) -> list[Any]:
        """The answers of one command or several, one each. Raises RerankError (REDIS, BREAKER) within `wait_s` and our
        own.
        """
        if self.breaker.open:
            raise RerankError(Reason.BREAKER, "the cache server is down")
        try:
            answers = await self._ask(commands, min(wait_s, self.wait_s))
        except (RedisError, OSError, TimeoutError) as error:
            log.info("cache server failed", extra={"error": str(error)})
            self.breaker.failed()
            raise RerankError(Reason.REDIS, str(error)) from error
        self.breaker.succeeded()
        return answers

    async def close(self) -> None:
        await self.breaker.close()
        await end(self._opening)
        if self._line:
            self._line.abort()
        await self._server.aclose()

    async def _ask(self, commands: tuple[Command, ...], wait_s: float) -> list[Any]:
        """Raises RedisError, OSError, TimeoutError; RerankError where a caller had less time than it may take, which
        says nothing about the server: it is no reason to ask it no more.
        """
        loop, line = asyncio.get_running_loop(), self._line
        end_at = loop.time() + wait_s
        if line is None or not line.open:
            try:
                async with asyncio.timeout_at(end_at):
                    line = await self._connected()
            except TimeoutError as error:
                raise self._too_late(wait_s, loop.time() - self._opening_at) from error
        asked = line.ask(commands)
        timer = loop.call_at(end_at, _give_up, asked)  # a third of what asyncio.timeout costs
        try:
            return await asked
        except TimeoutError as error:
            late = self._too_late(wait_s, line.waits_s())
            if isinstance(late, TimeoutError):
                line.abort()
            raise late from error
        finally:
            timer.cancel()

    def _too_late(self, wait_s: float, silent_s: float) -> TimeoutError | RerankError:
        """What an ask of `wait_s` ends with while the server has been silent for `silent_s`."""
        if max(wait_s, silent_s) >= self.wait_s:
            return TimeoutError(f"no answer in {self.wait_s} s")
        return RerankError(Reason.REDIS, "no answer in the time that its caller has")

    async def _connected(self) -> Line:
        """A new connection, made once for all who wait for it; it goes on where they do not."""
        if self._opening is None:
            self._opening_at = asyncio.get_running_loop().time()
            connection = self._server.connection_pool.make_connection()  # type: ignore[no-untyped-call]
            self._opening = asyncio.create_task(Line.connect(connection))
            self._opening.add_done_callback(self._opened)
        return await asyncio.shield(self._opening)

    def _opened(self, opening: "asyncio.Task[Line]") -> None:
        self._opening = None
        if not opening.cancelled() and opening.exception() is None:
            self._line = opening.result()

    async def _ping(self) -> bool:
        return bool(await self._ask((("PING",),), self.wait_s))


def _give_up(asked: "asyncio.Future[list[Any]]") -> None:
    if not asked.done():
        asked.set_exception(TimeoutError("no answer in time"))
