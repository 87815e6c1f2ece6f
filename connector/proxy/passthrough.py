"""Everything that is not ours to read: streamed both ways as it comes, nothing held but what one side is slower."""

import asyncio
from dataclasses import replace

from connector.errors import EngineError
from connector.proxy.connection import Lost
from connector.proxy.http import Request
from connector.proxy.node import EngineConnection, Node
from connector.proxy.routes import opens_scroll
from connector.proxy.upstream import SAFE, Upstream
from connector.proxy.wire import CHUNKED, Fields, Malformed, with_length
from connector.types import Call


async def relay(
    request: Request, upstream: Upstream, timeout_s: float | None, extra: Fields, held: Call | None = None
) -> int:
    """Send the request to the engine and its answer to the client, with `extra` fields; returns the status.

    `held` is a search that has been read already, as it goes out. `timeout_s` bounds the engine's silence, None: the
    client does. Raises EngineUnreachable, EngineTimeout, EngineError while nothing has been answered; then Lost or
    Malformed.
    """
    length, body = request.head.length, request.body.take() if request.body.complete else None
    if held is None:
        call, repeatable = Call(request.method, request.target, request.fields), request.method in SAFE
    else:
        call, body, repeatable = held, held.body, not opens_scroll(held.target)
        if length != CHUNKED:
            length = len(body)
            call = replace(held, headers=with_length(held.headers, length, always=length > 0))
    failed: Node | None = None
    while True:
        connection = await upstream.connection(fresh=failed is not None, after=failed)
        sending = None
        try:
            fields = upstream.adapt(connection.node, call.headers)
            connection.send(call.method, call.target, fields, length, body)
            if body is None:
                sending = asyncio.get_running_loop().create_task(_send(request, connection))
            return await _answer(request, connection, timeout_s, extra)
        except Lost as exc:
            if request.response.started:
                raise
            stale = connection.used or len(upstream.nodes) > 1  # closed as we began, or another node may know better
            if stale and not connection.answered and not failed and body is not None and repeatable:
                failed = connection.node
                if not connection.used:
                    failed.rest()
                continue
            raise EngineError(str(exc)) from exc
        finally:
            if sending is not None:
                sending.cancel()
            connection.release()


async def _send(request: Request, connection: EngineConnection) -> None:
    """Stream the request's body. A failure of either side ends the exchange where the answer is awaited."""
    try:
        while piece := await request.body.next():
            connection.write(piece)
            if connection.full:
                await connection.drain()
        connection.finish()
    except Malformed as exc:
        connection.fail(exc)
    except Lost:
        pass  # whoever left, `_answer` or the client's own end sees it


async def _answer(request: Request, connection: EngineConnection, timeout_s: float | None, extra: Fields) -> int:
    response = request.response
    head = await connection.head(timeout_s)
    while head.status < 200:
        if head.status != 100 or request.expects:
            response.inform(head.status, head.reason, head.fields)
        head = await connection.head(timeout_s)
    response.start(head.status, head.reason, head.fields + extra, head.length, connection.take())
    while not connection.complete:
        if response.full:
            await response.drain()
        response.write(await connection.read(timeout_s))
    response.write(connection.take())
    response.end()
    return head.status
