"""Any target, any end-to-end fields, any body, however it is framed and cut: the engine gets it, and the client its
answer, byte for byte."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.proxy.wire import Chunks, chunk, write_head
from tests.connector.proxy.scripted import Client, Peer, between
from tests.connector.proxy.test_wire import FIELDS, TARGET, TOKEN

BODY = st.binary(max_size=2000) | st.integers(1, 600_000).map(lambda size: b"\x00\r\n\xff" * (size // 4))
CUTS = st.lists(st.integers(1, 300_000), max_size=4)


def framed(fields: list[tuple[bytes, bytes]], body: bytes, cuts: list[int], chunked: bool) -> tuple[list, bytes]:
    """Fields and bytes of a message whose body is chunked at `cuts`, or counted."""
    if not chunked:
        return [*fields, (b"Content-Length", b"%d" % len(body))], body
    pieces = []
    for cut in cuts:
        pieces, body = [*pieces, body[:cut]], body[cut:]
    return [*fields, (b"Transfer-Encoding", b"chunked")], b"".join(
        chunk(piece) for piece in (*pieces, body) if piece
    ) + b"0\r\n\r\n"


async def read(source: Peer | Client) -> tuple[bytes, list[tuple[bytes, bytes]], bytes]:
    """Start line, fields without framing, and body of one message."""
    start, *lines = (await source.reader.readuntil(b"\r\n\r\n"))[:-4].split(b"\r\n")
    fields = [(name, value[1:]) for name, _, value in (line.partition(b":") for line in lines)]
    framing = {name.lower(): value for name, value in fields}
    rest = [field for field in fields if field[0].lower() not in (b"content-length", b"transfer-encoding")]
    if b"content-length" in framing:
        return start, rest, await source.reader.readexactly(int(framing[b"content-length"]))
    chunks, body, after = Chunks(), b"", None
    while after is None:
        piece, after = chunks.feed(await source.reader.read(65536))
        body += piece
    return start, rest, body


@given(
    method=TOKEN.filter(lambda method: method not in (b"HEAD",)),
    target=TARGET,
    asked=st.tuples(FIELDS, BODY, CUTS, st.booleans()),
    answered=st.tuples(FIELDS, BODY, CUTS, st.booleans()),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
async def test_both_ways(method: bytes, target: bytes, asked: tuple, answered: tuple):
    got = []

    async def script(peer: Peer) -> None:
        for _ in range(2):
            got.append(await read(peer))
            fields, body = framed(*answered)
            await peer.send(write_head(b"HTTP/1.1 200 Fine by me", fields) + body)

    async with between(script) as (engine, proxy), proxy.client() as client:
        host = [(b"Host", b"a"), *(field for field in asked[0] if field[0].lower() not in (b"host", b"secondpass"))]
        fields, body = framed(host, *asked[1:])
        for _ in range(2):
            await client.send(write_head(b"%b %b HTTP/1.1" % (method, target), fields) + body)
            assert await read(client) == (b"HTTP/1.1 200 Fine by me", answered[0], answered[1])
        assert got == [(b"%b %b HTTP/1.1" % (method, target), host, asked[1])] * 2
        assert engine.connections == 1
