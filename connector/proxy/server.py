"""The listening side. One request of a connection at a time; what is pipelined behind it waits, within a bound."""

import asyncio
import contextlib
import logging
import resource
from collections.abc import Awaitable, Callable

from connector.errors import BadRequest, SecondpassError
from connector.proxy.connection import HELD_BYTES, Body, Connection, Lost
from connector.proxy.errors import render
from connector.proxy.http import Request, Response
from connector.proxy.wire import Malformed, RequestHead, framing, read_request

HEAD_S = 30.0  # from a head's first byte to its last
FILES = 1_000_000  # open at a time, where the system names no limit
LINGER_S = 30.0  # how long a client that is still sending may go on before it must have read an early answer

log = logging.getLogger("secondpass.proxy")

App = Callable[[Request], Awaitable[None]]


class ClientConnection(Connection):
    """One client. Its going away cancels what it asked for."""

    def __init__(self, server: "Server") -> None:
        super().__init__()
        self._server = server
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._busy = False  # a request is under way
        self._lingering = False
        self._held = False  # reading is paused because requests are waiting behind the present one

    @property
    def idle(self) -> bool:
        return not self._busy and not self._buffer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._server.greet(self)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._server.forget(self)
        self._stop_timer()
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        if not self._lingering:
            super().data_received(data)

    def buffered(self) -> None:
        if not self._busy:
            self._next()
        elif len(self._buffer) > HELD_BYTES and not self._held:
            self._held = True
            self.pause_reading()

    def refused(self, error: Malformed) -> None:
        self._lingering = True  # the body's reader answers; nothing that follows can be understood

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _next(self) -> None:
        if self._buffer[:1] in (b"\r", b"\n"):  # an empty line before a request is to be ignored, RFC 9112 2.2
            self._buffer = self._buffer.lstrip(b"\r\n")
        try:
            head = self.take_head()
            if head is None:
                if self._buffer and self._timer is None:
                    loop = asyncio.get_running_loop()
                    self._timer = loop.call_later(
                        HEAD_S, self._refuse, BadRequest("the request's head came too slowly")
                    )
                return
            self._stop_timer()
            read = read_request(head)
        except Malformed as exc:
            self._refuse(BadRequest(str(exc)))
            return
        except BadRequest as exc:
            self._refuse(exc)
            return
        self._busy = True
        body = self.receive(framing(read.length) if read.length else None)
        response = Response(self, read, body, read.keep_alive and not self._server.stopping)
        self._task = asyncio.get_running_loop().create_task(self._answer(Request(read, body, response)))

    def _refuse(self, error: SecondpassError) -> None:
        """Answer what is no request, and close."""
        nothing = Body(self)
        head = RequestHead("GET", b"", [], 0, False, 1, False)
        Response(self, head, nothing, keep_alive=False).send(*render(error, self._server.dialect()))
        self._linger()

    async def _answer(self, request: Request) -> None:
        response = request.response
        try:
            await self._server.app(request)
            if response.keep_alive:  # who asks on and reads nothing waits, with what it asked
                await response.drain()
        except Lost:
            self.abort()
        except Exception as exc:  # the last place that can answer
            if isinstance(exc, Malformed):
                exc = BadRequest(f"the request's body cannot be read: {exc}")
            elif not isinstance(exc, SecondpassError):
                log.exception("request failed", extra={"target": request.target})
            if response.started:
                self.abort()  # within an answer only a broken connection says that it is not whole
            elif self.open:
                response.send(*render(exc, self._server.dialect(), request.fields))
        finally:
            self._task, self._busy = None, False
        if not self.open:
            return
        self._server.greet(self)
        request.body.take()  # one that nobody wanted to the end may have stopped the reading
        if not response.keep_alive:
            self._linger()
            return
        if self._held:
            self._held = False
            self.resume_reading()
        if self._buffer:
            self._next()
        elif self._server.stopping:
            self.transport.close()

    def _linger(self) -> None:
        """Close, but let a client that is still sending read the answer first: closing at once would reset it."""
        self._stop_timer()
        self._lingering = True
        self._buffer = b""
        if not self.transport.is_closing():
            self.transport.write_eof()
            self.resume_reading()
            asyncio.get_running_loop().call_later(LINGER_S, self.transport.close)


def open_files() -> int:
    """How many files and connections this process may have open: as many as it may allow itself."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        allowed = most
    return allowed if allowed != resource.RLIM_INFINITY else FILES


class Server:
    """Listens, and hands each request to `app`, which must end its response or raise."""

    def __init__(self, app: App, dialect: Callable[[], str]) -> None:
        self.app = app
        self.dialect = dialect  # of the engine behind, for the shape of errors
        self.connections: dict[ClientConnection, None] = {}  # the one that asked last stands last
        self.most = open_files() // 2  # connections: a search needs another one to the engine
        self.stopping = False
        self._listener: asyncio.Server | None = None
        self._gone: asyncio.Event | None = None

    def greet(self, connection: ClientConnection) -> None:
        """A connection is new, or has had an answer. Beyond `most`, the one that has been idle for longest goes."""
        self.connections.pop(connection, None)
        self.connections[connection] = None
        if len(self.connections) > self.most and (old := next((one for one in self.connections if one.idle), None)):
            old.transport.close()

    def forget(self, connection: ClientConnection) -> None:
        self.connections.pop(connection, None)
        if self._gone is not None and not self.connections:
            self._gone.set()

    async def start(self, host: str, port: int, *, shared: bool = False) -> int:
        """Listen; `shared` lets other processes listen on the same port. Returns the port (0 asks for any)."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(
            lambda: ClientConnection(self), host, port, reuse_port=shared or None, backlog=1024
        )
        return int(self._listener.sockets[0].getsockname()[1])

    async def stop(self, grace_s: float = 10.0) -> None:
        """Take no new connection, let requests under way end, then cut what is left."""
        self.stopping = True
        if self._listener is not None:
            self._listener.close()
        for connection in [each for each in self.connections if each.idle]:
            connection.transport.close()
        if self.connections:
            self._gone = asyncio.Event()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._gone.wait(), grace_s)
        for connection in list(self.connections):
            connection.abort()
