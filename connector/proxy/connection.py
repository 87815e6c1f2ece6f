"""One TCP connection of either side: what is read waits in a bounded body, what is written waits for its reader."""

import asyncio
from abc import ABC, abstractmethod
from typing import cast

from connector.proxy.wire import HEAD_BYTES, Framing, Malformed, UntilClose

HELD_BYTES = 256 * 1024  # of one body held here before its sender is made to wait; one read of uvloop's brings as much


class Lost(ConnectionError):
    """Raised to whoever reads or writes a connection that is gone."""


class Body:
    """The bytes of one message on their way from a connection to one reader."""

    __slots__ = ("_connection", "_ended", "_error", "_paused", "_pieces", "_size", "_waiter")

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection
        self._pieces: list[bytes] = []
        self._size = 0
        self._ended = False
        self._paused = False
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None

    @property
    def complete(self) -> bool:
        """All of it has arrived; `take` gives it without waiting."""
        return self._ended

    @property
    def begun(self) -> bool:
        return self._ended or bool(self._pieces)

    def feed(self, data: bytes) -> None:
        self._pieces.append(data)
        self._size += len(data)
        if self._size > HELD_BYTES and not self._paused:
            self._paused = True
            self._connection.pause_reading()
        self._wake()

    def end(self) -> None:
        self._ended = True
        self._wake()

    def fail(self, error: Exception) -> None:
        if not self._ended and self._error is None:
            self._error = error
            self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def take(self) -> bytes:
        """What has arrived and was not taken."""
        pieces = self._pieces
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._pieces, self._size = [], 0
        if self._paused:
            self._paused = False
            self._connection.resume_reading()
        return data

    async def next(self) -> bytes:
        """The next bytes, as many as there are; b"" at the end. Raises Lost, Malformed."""
        while not self._pieces:
            if self._ended:
                return b""
            if self._error is not None:
                raise self._error
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self.take()

    def give_back(self, pieces: list[bytes]) -> None:
        """What was taken and is to be read again."""
        self._pieces[:0] = pieces
        self._size += sum(map(len, pieces))


class Connection(asyncio.Protocol, ABC):
    """Cuts what arrives into heads and bodies. The sides decide what a head means."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport = cast(asyncio.Transport, None)
        self.open = False
        self._buffer = b""  # what came before its message's turn, or the beginning of a head
        self._body: Body | None = None
        self._framing: Framing | None = None  # of the body that is arriving
        self._full: asyncio.Future[None] | None = None  # done when the reader of what we write has caught up

    # what a side defines

    @abstractmethod
    def buffered(self) -> None:
        """Bytes that belong to no body have arrived in `_buffer`."""

    @abstractmethod
    def refused(self, error: Malformed) -> None:
        """The body under way cannot be read on."""

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.open = True

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        if self._body is not None:
            if exc is None and isinstance(self._framing, UntilClose):
                self._body.end()
            self._body.fail(Lost("the connection was closed within a message"))
        if self._full is not None and not self._full.done():
            self._full.set_result(None)

    def data_received(self, data: bytes) -> None:
        if self._framing is not None:
            assert self._body is not None
            try:
                piece, rest = self._framing.feed(data)
            except Malformed as exc:
                self._body.fail(exc)
                self.refused(exc)
                return
            if piece:
                self._body.feed(piece)
            if rest is None:
                return
            self._framing = None
            self._body.end()
            if not rest:
                return
            data = rest
        self._buffer = self._buffer + data if self._buffer else data
        self.buffered()

    def take_head(self) -> bytes | None:
        """The next head with its empty line, once it is there whole. Raises Malformed where it is too long."""
        end = self._buffer.find(b"\r\n\r\n", 0, HEAD_BYTES)
        if end < 0:
            if len(self._buffer) >= HEAD_BYTES:
                raise Malformed(f"the head is longer than {HEAD_BYTES} bytes")
            return None
        head, self._buffer = self._buffer[: end + 4], self._buffer[end + 4 :]
        return head

    def receive(self, framing: Framing | None) -> Body:
        """The body of the head just taken; None: there is none."""
        body = self._body = Body(self)
        if framing is None:
            body.end()
            return body
        self._framing = framing
        data, self._buffer = self._buffer, b""
        if data:
            self.data_received(data)
        return body

    def pause_reading(self) -> None:
        if self.open and not self.transport.is_closing():
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        if self.open and not self.transport.is_closing():
            self.transport.resume_reading()

    def pause_writing(self) -> None:
        self._full = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        if self._full is not None and not self._full.done():
            self._full.set_result(None)
        self._full = None

    @property
    def full(self) -> bool:
        """Whether a writer should wait (`drain`) before it writes more."""
        return self._full is not None

    async def drain(self) -> None:
        """Wait until what was written is mostly gone. Raises Lost."""
        if self._full is not None:
            await asyncio.shield(self._full)
        if not self.open:
            raise Lost("the connection was closed by its reader")

    def abort(self) -> None:
        if self.open:
            self.open = False
            self.transport.abort()
