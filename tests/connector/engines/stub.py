"""An HTTP server that answers as it is told, for what real engines do not do on demand."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

Answers = Mapping[str, tuple[int, str, bytes]]
"""Path -> status, header lines, body; 404 for any other."""


@asynccontextmanager
async def serving(
    answers: Answers, seen: list[str] | None = None, delay_s: float = 0.0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """Its URL. `seen` gets the head of each request; each answer comes after `delay_s`."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        if seen is not None:
            seen.append(head)
        await asyncio.sleep(delay_s)
        path = head.split(" ")[1].partition("?")[0]
        status, header, body = answers.get(path, (404, "X-Nothing: 1", b"{}"))
        lines = f"HTTP/1.1 {status} X\r\n{header}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(lines.encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
