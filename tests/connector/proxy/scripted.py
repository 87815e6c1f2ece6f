"""A TCP upstream that records exact bytes and answers as told, and a client that sends exact bytes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from connector.proxy.app import App
from connector.proxy.server import Server
from connector.proxy.status import health, metrics
from connector.proxy.upstream import Upstream
from connector.types import Answer, Call, Outcome, Reply, State

Script = Callable[["Peer"], Awaitable[None]]


class Peer:
    """One accepted connection of the upstream."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def head(self) -> bytes:
        return await self.reader.readuntil(b"\r\n\r\n")

    async def body(self, size: int) -> bytes:
        return await self.reader.readexactly(size)

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        self.writer.transport.abort()


class Engine:
    """The upstream: runs `script` for each connection; `heads` are all request heads that `read` saw."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.connections = 0
        self.closed = asyncio.Event()  # a client of ours went away

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await self._script(Peer(reader, writer))
        writer.close()


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def head(self) -> bytes:
        return await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 10)

    async def exactly(self, size: int) -> bytes:
        return await asyncio.wait_for(self.reader.readexactly(size), 10)

    async def rest(self) -> bytes:
        return await asyncio.wait_for(self.reader.read(), 10)

    async def ask(self, data: bytes) -> bytes:
        """Send, and read until the proxy closes: for requests that say `Connection: close`."""
        await self.send(data)
        return await self.rest()


async def search_nothing(call: Call, names: tuple[str, ...]) -> Answer:
    return Answer(Reply(200, b"OK", [(b"X-Search", b",".join(name.encode() for name in names))], call.body), APPLIED)


APPLIED = Outcome(State.APPLIED, scored=1)


def say(outcome: Outcome) -> bytes:
    return outcome.state.value.encode() + (b";reason=" + outcome.reason.value.encode() if outcome.reason else b"")


class Proxy:
    """The proxy under test, before `urls`."""

    def __init__(self, port: int, upstream: Upstream, server: Server) -> None:
        self.port, self.upstream, self.server = port, upstream, server

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield Client(reader, writer)
        finally:
            writer.close()


@contextlib.asynccontextmanager
async def listening(script: Script) -> AsyncIterator[tuple[Engine, str]]:
    engine = Engine(script)
    server = await asyncio.start_server(engine, "127.0.0.1", 0)
    try:
        yield engine, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


@contextlib.asynccontextmanager
async def proxying(
    *urls: str,
    search=search_nothing,
    others=None,
    count=lambda call, names: 1,
    policies: tuple[str, ...] = (),
    endpoints=None,
    dialect: str = "opensearch",
    timeout_s: float = 5.0,
    max_concurrent: int = 8,
    advertise: str = "",
) -> AsyncIterator[Proxy]:
    upstream = Upstream(urls)
    app = App(
        upstream,
        search=search,
        others=others,
        count=count,
        matches=lambda names: bool(names) and set(names) <= set(policies),
        endpoints={"health": health, "metrics": metrics, **(endpoints or {})},
        render_outcomes=lambda outcomes: b", ".join(map(say, outcomes)),
        dialect=lambda: dialect,
        timeout_s=timeout_s,
        max_concurrent=max_concurrent,
        advertise=advertise,
    )
    server = Server(app, lambda: dialect)
    port = await server.start("127.0.0.1", 0)
    try:
        yield Proxy(port, upstream, server)
    finally:
        await server.stop(0.5)
        upstream.close()


@contextlib.asynccontextmanager
async def between(script: Script, **options) -> AsyncIterator[tuple[Engine, Proxy]]:
    async with listening(script) as (engine, url), proxying(url, **options) as proxy:
        yield engine, proxy


def answering(answer: bytes, seen: list[bytes] | None = None) -> Script:
    """A script that answers every request without a body with `answer`, and keeps the requests' heads in `seen`."""

    async def script(peer: Peer) -> None:
        while True:
            head = await peer.head()
            if seen is not None:
                seen.append(head)
            await peer.send(answer)

    return script
