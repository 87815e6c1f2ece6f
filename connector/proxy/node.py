"""One engine node: its connections, each one request and one answer at a time, and the idle ones kept for the next."""

import asyncio
import contextlib
import os
import socket
import ssl
import time
from urllib.parse import urlsplit

from connector.errors import ConfigError, EngineError, EngineTimeout
from connector.proxy.connection import Connection, Lost
from connector.proxy.wire import (
    CHUNKED,
    HEAD_BYTES,
    Fields,
    Malformed,
    ResponseHead,
    chunk,
    framing,
    has_body,
    read_response,
    write_head,
)

CONNECT_S = 3.0  # a node that has not accepted by then is passed over
REST_S = (1.0, 30.0)  # how long a node is passed over after its first failure, and at most
IDLE = 256  # connections kept open
KEEP_ALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}
"""Seconds, seconds, times: a node that vanished is noticed in a minute where no time-out bounds a long operation."""
POISONED = frozenset({400, 408, 413, 414, 417, 431})
"""Answers after which a connection is not used again: OpenSearch 3.6.0 refuses a too long head with 400, leaves the
connection open, and never answers on it again; after 417 it reads the refused body as the next request. That must not
become another caller's problem."""


class EngineConnection(Connection):
    """One connection to a node: one request, one answer, again."""

    def __init__(self, node: "Node") -> None:
        super().__init__()
        self.node = node
        self.used = False  # it has carried an exchange before
        self.answered = False  # bytes of the present answer have come
        self._method = ""
        self._chunked = False
        self._waiter: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        self._keep_alive = False
        self.sent = False  # the request has gone out whole
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._touched = 0.0  # loop time of the last byte sent

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        connected = transport.get_extra_info("socket")
        for option, value in KEEP_ALIVE.items():
            if hasattr(socket, option):  # not every system has all
                connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None and self._method and not self.sent and self.node.tls is None:
            self._hear_out()
        super().connection_lost(exc)
        self.node.forget(self)
        self.fail(Lost("the engine closed the connection before its answer"))

    def _hear_out(self) -> None:
        """An engine that refuses a body early (413, 429) answers and resets. Our failed write then hides an answer that
        has arrived, so it is read here, while the socket is still open."""
        with contextlib.suppress(OSError):
            number = self.transport.get_extra_info("socket").fileno()
            while data := os.read(number, HEAD_BYTES):
                self.data_received(data)

    def buffered(self) -> None:
        if not self._method:
            self.abort()  # an answer to nothing
        else:
            self.answered = True
            self._wake()

    def refused(self, error: Malformed) -> None:
        self.abort()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def send(self, method: str, target: bytes, fields: Fields, length: int | None, body: bytes | None) -> None:
        """Begin a request. `body` None: it follows by `write` and `finish`."""
        self._method, self.answered, self.sent = method, False, body is not None
        self._chunked = length == CHUNKED
        self._error = None
        if self._chunked:
            fields = [*fields, (b"Transfer-Encoding", b"chunked")]
        data = write_head(b"%b %b HTTP/1.1" % (method.encode("ascii"), self.node.prefix + target), fields)
        if body is not None:
            data += (chunk(body) if body else b"") + b"0\r\n\r\n" if self._chunked else body
        self.transport.write(data)
        self._touched = self._loop.time()

    def write(self, data: bytes) -> None:
        self.transport.write(chunk(data) if self._chunked else data)
        self._touched = self._loop.time()

    def finish(self) -> None:
        if self._chunked:
            self.transport.write(b"0\r\n\r\n")
        self.sent = True
        self._touched = self._loop.time()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._touched = self._loop.time()

    def fail(self, error: Exception) -> None:
        """End the exchange with `error` where its answer is awaited."""
        if self._error is None:
            self._error = error
        self._wake()

    def _overdue(self, timeout_s: float) -> None:
        """Silence counts from the last byte that we sent; not while we ourselves wait for the client's bytes."""
        ours = not self.sent and not self.full
        left = timeout_s if ours else self._touched + timeout_s - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._overdue, timeout_s)
        else:
            self.fail(EngineTimeout(f"the engine did not answer within {timeout_s * 1000:.0f} ms"))

    async def head(self, timeout_s: float | None) -> ResponseHead:
        """The next head of the answer, interim ones too. Raises Lost, EngineTimeout, EngineError."""
        try:
            while True:
                try:
                    raw = self.take_head() if self._buffer else None
                except Malformed as exc:
                    raise EngineError(str(exc)) from exc
                if raw is not None:
                    break
                if self._error is not None:
                    raise self._error
                if self._timer is None and timeout_s is not None:
                    self._timer = self._loop.call_later(timeout_s, self._overdue, timeout_s)
                self._waiter = self._loop.create_future()
                await self._waiter
        finally:
            self._waiter = None
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        head = read_response(raw)
        if head.status >= 200:
            self._keep_alive = head.keep_alive and head.status not in POISONED
            body = head.length and has_body(self._method, head.status)
            self.receive(framing(head.length) if body else None)
        elif head.status == 101:
            raise EngineError("the engine changed protocols without being asked")
        return head

    async def read(self, timeout_s: float | None) -> bytes:
        """The next bytes of the answer's body; b"" at the end. Raises Lost, also after `timeout_s` of silence."""
        body = self._body
        assert body is not None
        if timeout_s is None or body.begun:
            return await body.next()
        timer = self._loop.call_later(timeout_s, body.fail, Lost("the engine fell silent within its answer"))
        try:
            return await body.next()
        finally:
            timer.cancel()

    def take(self) -> bytes:
        """What of the body is already here."""
        assert self._body is not None
        return self._body.take()

    @property
    def complete(self) -> bool:
        return self._body is not None and self._body.complete

    def release(self) -> None:
        """Back to the pool, or closed where the exchange did not end cleanly."""
        whole = self.open and self.sent and self.complete and not self._buffer
        if whole and self._keep_alive and self._method != "CONNECT":  # that connection may lead elsewhere now
            self.used, self._method, self._body = True, "", None
            self.node.keep(self)
        else:
            self.abort()


class Node:
    """One engine address and its idle connections."""

    def __init__(self, url: str, context: ssl.SSLContext | None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or not url.isascii():
            raise ConfigError(
                'engine.url is no address like "https://engine:9200"'
            )  # not shown: it may hold a password
        if parts.username is not None:
            raise ConfigError("engine.url must hold no user: callers' own credentials are forwarded")
        self.host, self.port = parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
        self.prefix = parts.path.rstrip("/").encode("ascii")
        self.tls = context if parts.scheme == "https" else None
        self.netloc = parts.netloc.encode("ascii")
        self.resting_until = 0.0
        self._failures = 0
        self._idle: list[EngineConnection] = []

    def idle(self) -> EngineConnection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.open and not connection.transport.is_closing():
                return connection
        return None

    async def connect(self) -> EngineConnection:
        """A new connection. Raises OSError, TimeoutError."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_S):
                _, connection = await loop.create_connection(
                    lambda: EngineConnection(self), self.host, self.port, ssl=self.tls
                )
        except OSError:  # TimeoutError and ssl.SSLError are OSErrors
            self.rest()
            raise
        return connection

    def rest(self, least_s: float = 0.0) -> None:
        """Let others be tried first for a while, longer with every failure."""
        self.resting_until = time.monotonic() + max(least_s, min(REST_S[0] * 2**self._failures, REST_S[1]))
        self._failures = min(self._failures + 1, 10)

    def wake(self) -> None:
        self.resting_until, self._failures = 0.0, 0

    def keep(self, connection: EngineConnection) -> None:
        """Take back a connection whose exchange ended well."""
        self.wake()
        if len(self._idle) < IDLE:
            self._idle.append(connection)
        else:
            connection.abort()

    def forget(self, connection: EngineConnection) -> None:
        if connection in self._idle:
            self._idle.remove(connection)

    def close(self) -> None:
        while self._idle:
            self._idle.pop().abort()
