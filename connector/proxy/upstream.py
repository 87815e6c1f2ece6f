"""The engine's side: its nodes in turn. A request is repeated only where that changes nothing."""

import asyncio
import logging
import ssl
import time
from collections.abc import Sequence

from connector import metrics
from connector.errors import BodyTooLarge, ConfigError, EngineError, EngineTimeout, EngineUnreachable
from connector.proxy.compression import unpacked
from connector.proxy.connection import Lost
from connector.proxy.node import EngineConnection, Node
from connector.proxy.wire import Fields, Malformed, with_length
from connector.types import Call, Headers, Reply

REPLY_BYTES = 64 * 1024 * 1024  # longest answer that is held in memory to be reranked
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})  # repeating these changes nothing
SAID_EVERY_S = 1.0  # in an outage each request fails, for the same reason

log = logging.getLogger("secondpass.proxy")


class Upstream:
    """All nodes of the engine, used in turn; one that does not accept connections rests, and another is taken."""

    def __init__(self, urls: Sequence[str], *, ca: str = "", client_cert: str = "", client_key: str = "") -> None:
        context = None
        if any(url.startswith("https:") for url in urls):
            try:
                context = ssl.create_default_context(cafile=ca or None)
                if client_cert:
                    context.load_cert_chain(client_cert, client_key or None)
            except OSError as exc:
                raise ConfigError(f"engine.ca, engine.client_cert, engine.client_key: {exc}") from exc
        self.nodes = [Node(url, context) for url in urls]
        self._turn = 0
        self._said = -SAID_EVERY_S  # when it was logged that no node accepts a connection

    async def connection(self, *, fresh: bool = False, after: Node | None = None) -> EngineConnection:
        """A connection to some node, that of `after` only where no other takes it. `fresh`: none that was used before.

        Raises EngineUnreachable.
        """
        nodes = self.nodes
        if len(nodes) > 1:
            self._turn = (self._turn + 1) % len(nodes)
            now = time.monotonic()
            nodes = nodes[self._turn :] + nodes[: self._turn]
            nodes.sort(key=lambda node: (node is after, max(node.resting_until, now)))
        failures = []
        for node in nodes:
            if not fresh and (connection := node.idle()):
                return connection
            try:
                return await node.connect()
            except OSError as exc:
                failures.append(f"{node.host}:{node.port}: {exc or type(exc).__name__}")
        if (now := time.monotonic()) - self._said >= SAID_EVERY_S:
            self._said = now
            log.warning("no engine node accepts a connection: %s", "; ".join(failures))
        raise EngineUnreachable("no engine node accepts a connection")  # who and where they are is for the log

    def adapt(self, node: Node, fields: Headers) -> Fields:
        """The caller's fields as this node gets them.

        `Host` stays the caller's own over http, as every other field does: engines ignore it. Behind https stand
        cloud endpoints and ingresses that choose by it, so there it is the node's. `Secondpass` is ours alone.
        """
        kept: Fields = []
        host = False
        for name, value in fields:
            lower = name.lower()
            if lower == b"secondpass":
                continue
            if lower == b"host":
                host = True
                if node.tls is not None:
                    value = node.netloc
            kept.append((name, value))
        return kept if host else [(b"Host", node.netloc), *kept]

    async def fetch(self, call: Call, timeout_s: float | None, limit: int = REPLY_BYTES) -> Reply:
        """One whole answer, unpacked; for searches, which change nothing: one that is cut off is repeated once, on
        another node where there is one. `timeout_s` None: whoever waits ends it.

        Raises EngineUnreachable, EngineTimeout, EngineError; BodyTooLarge where the answer exceeds `limit` bytes.
        """
        began = time.perf_counter()
        try:
            async with asyncio.timeout(timeout_s):
                connection = await self.connection()
                try:
                    return await self._exchange(connection, call, limit)
                except Lost:
                    connection = await self.connection(fresh=True, after=connection.node)
                    return await self._exchange(connection, call, limit)
        except TimeoutError as exc:
            raise EngineTimeout(f"the engine did not answer within {(timeout_s or 0) * 1000:.0f} ms") from exc
        except (Lost, Malformed) as exc:
            raise EngineError(str(exc)) from exc
        finally:
            metrics.ENGINE.observe(time.perf_counter() - began)

    async def _exchange(self, connection: EngineConnection, call: Call, limit: int) -> Reply:
        try:
            fields = with_length(call.headers, len(call.body), always=bool(call.body))
            fields = [field for field in self.adapt(connection.node, fields) if field[0].lower() != b"expect"]
            connection.send(call.method, call.target, fields, len(call.body), call.body)
            while (head := await connection.head(None)).status < 200:
                pass
            pieces, size = [], 0
            while piece := await connection.read(None):
                pieces.append(piece)
                size += len(piece)
                if size > limit:
                    raise BodyTooLarge(f"the engine's answer is longer than {limit} bytes")
        finally:
            connection.release()
        return unpacked(Reply(head.status, head.reason, head.fields, b"".join(pieces)), limit)

    def close(self) -> None:
        for node in self.nodes:
            node.close()
