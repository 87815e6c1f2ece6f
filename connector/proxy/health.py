"""Which nodes are fit: each is asked every few seconds, so that a dead or frozen one is passed over before a caller
finds out. A node alone is not asked: there would be no other choice."""

import asyncio
from collections.abc import Sequence

from connector.errors import EngineError
from connector.proxy.connection import Lost
from connector.proxy.node import Node

CHECK_S = 5.0
ANSWER_S = 2.0  # a node that does not say anything for so long is passed over until it does


async def watch(nodes: Sequence[Node], every_s: float = CHECK_S) -> None:
    """Check all nodes for ever."""
    while len(nodes) > 1:
        await asyncio.gather(*(check(node, every_s) for node in nodes))
        await asyncio.sleep(every_s)


async def check(node: Node, every_s: float = CHECK_S) -> None:
    """Ask a node for its root. Any answer shows that it serves, also 401 and 405; but 503 has no cluster."""
    try:
        async with asyncio.timeout(ANSWER_S):
            connection = await node.connect()
            try:
                connection.send("HEAD", b"/", [(b"Host", node.netloc)], None, b"")
                status = (await connection.head(None)).status
            finally:
                connection.release()
    except (OSError, Lost, EngineError):  # TimeoutError is an OSError
        status = 503
    if status == 503:
        node.rest(every_s + ANSWER_S)
    else:
        node.wake()
