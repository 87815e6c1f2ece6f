"""One connection to a Redis server, shared by all who ask: commands go out at once, answers come back in their order.

redis-py opens it (address, TLS, user, database) and has no part in what follows: a GET of 6 KB takes 0.07 to 0.09 ms of
CPU through its client and 0.016 here, and a search asks two or three times.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any

import hiredis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import ResponseError

Command = tuple[Any, ...]
"""A command's name and its arguments: bytes, str or numbers."""


class Line(asyncio.Protocol):
    """Answers are bytes, integers, None or lists of these."""

    def __init__(self, connection: AbstractConnection) -> None:
        self._reader = hiredis.Reader()
        self._waiting: deque[tuple[asyncio.Future[list[Any]], int, float]] = deque()  # for how many answers, since when
        self._answers: list[Any] = []  # of the first who waits
        self.open = True
        assert connection._writer is not None
        self._writer = connection._writer  # kept: it closes the socket when it is collected
        connection._reader = connection._writer = None
        self._writer.transport.set_protocol(self)

    @classmethod
    async def connect(cls, connection: AbstractConnection) -> "Line":
        """Raises RedisError, OSError."""
        await connection.connect()  # type: ignore[no-untyped-call]
        return cls(connection)

    def ask(self, commands: Sequence[Command]) -> "asyncio.Future[list[Any]]":
        """The answers, one a command. Fails with ResponseError where the server refused one, ConnectionError."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[Any]] = loop.create_future()
        packed = b"".join([hiredis.pack_command(command) for command in commands])
        self._waiting.append((future, len(commands), loop.time()))
        self._writer.transport.write(packed)
        return future

    def waits_s(self) -> float:
        """How long the first that was asked has been waiting for its answer, also where nobody wants it any more."""
        return asyncio.get_running_loop().time() - self._waiting[0][2] if self._waiting else 0.0

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        while (answer := self._reader.gets()) is not False:
            self._answers.append(answer)
            future, count, _ = self._waiting[0]
            if len(self._answers) < count:
                continue
            self._waiting.popleft()
            answers, self._answers = self._answers, []
            error = next((one for one in answers if isinstance(one, hiredis.HiredisError)), None)
            if future.done():  # who asked has left
                pass
            elif error:
                future.set_exception(ResponseError(str(error)))
            else:
                future.set_result(answers)
            if str(error or "").startswith("READONLY"):  # a replica now: the same address may lead to its successor
                self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        while self._waiting:
            future, *_ = self._waiting.popleft()
            if not future.done():
                future.set_exception(Disconnected("the connection was closed before the answer"))

    def abort(self) -> None:
        """Close at once; who waits gets ConnectionError."""
        if self.open:
            self.open = False
            self._writer.transport.abort()
