"""The one reader of a proxy process's reply list. A lost connection is made again; what was lost with it stays lost."""

import asyncio
import logging
from collections.abc import Callable

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError

from connector.background import end
from connector.servers import open_redis

log = logging.getLogger(__name__)

BLOCK_S = 1  # the server ends a wait after this, so that silence of 2.5 s means a dead or frozen server
SILENCE_S = 2.5
TAKE = 256  # replies taken along with the first
BACKOFF_S = (0.05, 0.1, 0.2, 0.5, 1.0)


class Replies:
    """Calls `receive` with each reply, in order, on the event loop."""

    def __init__(self, url: str, key: str, receive: Callable[[bytes], None]) -> None:
        self.key = key
        self._receive = receive
        self._client = open_redis(url, SILENCE_S, 1)
        self._reading: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._reading = asyncio.create_task(self._read_on())

    async def close(self) -> None:
        await end(self._reading)
        await self._client.aclose()

    async def _read_on(self) -> None:
        pool = self._client.connection_pool
        tries = 0
        while True:
            connection: AbstractConnection | None = None
            try:
                connection = await pool.get_connection()  # type: ignore[no-untyped-call]
                while True:
                    await self._take(connection)
                    tries = 0
            except (RedisError, OSError, TimeoutError) as error:
                log.info("reply list lost", extra={"error": str(error)})
            finally:
                if connection is not None:
                    await connection.disconnect(nowait=True)
                    await pool.release(connection)
            await asyncio.sleep(BACKOFF_S[min(tries, len(BACKOFF_S) - 1)])
            tries += 1

    async def _take(self, connection: AbstractConnection) -> None:
        """Wait for a reply, and take those behind it in the same round trip."""
        commands = connection.pack_commands([("BLPOP", self.key, BLOCK_S), ("LPOP", self.key, TAKE)])
        await connection.send_packed_command(commands)
        first = await connection.read_response()
        if first:
            self._receive(first[1])
        for reply in await connection.read_response() or ():
            self._receive(reply)
