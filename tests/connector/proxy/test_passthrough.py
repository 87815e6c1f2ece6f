"""What goes in comes out: exact bytes against a scripted upstream."""

import asyncio

import pytest

from connector.proxy.connection import HELD_BYTES
from tests.connector.proxy.scripted import Peer, answering, between, listening, proxying

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


async def test_target_headers_and_answer_are_unchanged():
    seen: list[bytes] = []
    line = b"PURGE /a%2Cb,c/../%5Fx//?q=1+1&pretty&&pretty&x=%zz#f HTTP/1.1\r\n"
    answer = (
        b'HTTP/1.1 418 I\'m a te\xe4pot\r\nX-B: 2\r\nx-a: 1\r\nX-B: 3\r\nWarning: 299 x "deprecated"\r\n'
        b"Empty:\r\ncontent-LENGTH: 5\r\n\r\n\x00\xff{]\n"
    )
    async with between(answering(answer, seen), policies=("shop",)) as (_, proxy), proxy.client() as client:
        await client.send(
            line
            + b"hOst: me:9280\r\nX-Z: 1\r\nX-A:   2  \r\nX-Z: 3\r\nAccept-Encoding: gzip\r\nX-Latin: caf\xe9\r\n\r\n"
        )
        assert await client.head() + await client.exactly(5) == answer.replace(b"Empty:\r\n", b"Empty: \r\n")
    assert seen == [
        line + b"hOst: me:9280\r\nX-Z: 1\r\nX-A: 2\r\nX-Z: 3\r\nAccept-Encoding: gzip\r\nX-Latin: caf\xe9\r\n\r\n"
    ]


async def test_hop_by_hop_fields_and_our_own_stay_here():
    seen: list[bytes] = []
    answer = (
        b"HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5\r\nConnection: X-Drop\r\nX-Drop: 1\r\nX-Keep: 1\r\n"
        b"Content-Length: 0\r\n\r\n"
    )
    async with between(answering(answer, seen)) as (_, proxy), proxy.client() as client:
        await client.send(
            b"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, X-Mine, Upgrade, Content-Length\r\nX-Mine: 1\r\n"
            b"TE: trailers\r\nUpgrade: h2c\r\nProxy-Authorization: x\r\nSecondpass: off\r\nX-Kept: 1\r\n"
            b"Authorization: Basic eA==\r\n\r\n"
        )
        assert await client.head() == b"HTTP/1.1 200 OK\r\nX-Keep: 1\r\nContent-Length: 0\r\n\r\n"
    assert seen == [b"GET / HTTP/1.1\r\nHost: a\r\nX-Kept: 1\r\nAuthorization: Basic eA==\r\n\r\n"]


async def test_chunked_both_ways_and_keep_alive_both_sides():
    bodies = []

    async def script(peer: Peer) -> None:
        for _ in range(3):
            head = await peer.head()
            assert b"Transfer-Encoding: chunked" in head
            body = await peer.reader.readuntil(b"0\r\n\r\n")
            bodies.append(body)
            await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for byte in b'3;x="y"\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\nX-Trailer: 1\r\n\r\n':
                await peer.send(bytes([byte]))

    async with between(script) as (engine, proxy), proxy.client() as client:
        for _ in range(3):
            await client.send(b"POST /_bulk HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n4\r\nab")
            await asyncio.sleep(0.01)
            await client.send(b"cd\r\n0\r\nT: 1\r\n\r\n")
            assert await client.head() == b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            answer = await asyncio.wait_for(client.reader.readuntil(b"0\r\n\r\n"), 5)
            assert b"".join(_chunks(answer)) == b"abc0123456789abcdef"
        assert engine.connections == 1
    assert [b"".join(_chunks(body)) for body in bodies] == [b"abcd"] * 3


def _chunks(data: bytes) -> list[bytes]:
    pieces = []
    while not data.startswith(b"0\r\n"):
        size, _, data = data.partition(b"\r\n")
        pieces.append(data[: int(size, 16)])
        data = data[int(size, 16) + 2 :]
    return pieces


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        (b"HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n"),
        (b"GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
        (b"GET", b"HTTP/1.1 304 Not Modified\r\nETag: 1\r\nContent-Length: 7\r\n\r\n"),
        (b"GET", b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n"),
    ],
)
async def test_answers_without_a_body(method: bytes, answer: bytes):
    async with between(answering(answer)) as (engine, proxy), proxy.client() as client:
        for _ in range(2):
            await client.send(method + b" / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert await client.head() == answer
        assert engine.connections == 1


async def test_an_answer_that_ends_with_the_connection():
    async def script(peer: Peer) -> None:
        await peer.head()
        await peer.send(b"HTTP/1.0 200 OK\r\nA: b\r\n\r\nall of")
        await asyncio.sleep(0.02)
        await peer.send(b" it")

    async with between(script) as (_, proxy), proxy.client() as client:
        answer = await client.ask(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert answer == b"HTTP/1.1 200 OK\r\nA: b\r\nConnection: close\r\n\r\nall of it"


async def test_interim_answers_are_relayed():
    async def script(peer: Peer) -> None:
        await peer.head()
        await peer.send(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async with between(script) as (_, proxy), proxy.client() as client:
        await client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert await client.head() == b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        assert await client.head() == b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"


async def test_expect_continue_is_the_engines_to_answer():
    async def script(peer: Peer) -> None:
        head = await peer.head()
        assert b"Expect: 100-continue\r\n" in head
        await asyncio.sleep(0.05)
        await peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert await peer.body(4) == b"abcd"
        await peer.send(OK)

    async with between(script) as (_, proxy), proxy.client() as client:
        await client.send(b"PUT /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        assert await client.head() == b"HTTP/1.1 100 Continue\r\n\r\n"
        await client.send(b"abcd")
        assert await client.head() == b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"


async def test_a_final_answer_instead_of_continue_arrives():
    async def script(peer: Peer) -> None:
        await peer.head()
        await peer.send(b"HTTP/1.1 413 Request Entity Too Large\r\ncontent-length: 0\r\n\r\n")
        await peer.reader.read()

    async with between(script) as (_, proxy), proxy.client() as client:
        answer = await client.ask(
            b"PUT /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 400000000\r\n\r\n"
        )
        assert answer == b"HTTP/1.1 413 Request Entity Too Large\r\ncontent-length: 0\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize("attempt", range(5))
async def test_an_early_answer_reaches_a_client_that_is_still_sending(attempt: int):
    async def script(peer: Peer) -> None:
        await peer.head()
        await peer.send(b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 4\r\n\r\nbusy")

    async with between(script) as (_, proxy), proxy.client() as client:
        await client.send(b"POST /_bulk HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n")
        sending = asyncio.create_task(_send_much(client, 3_000_000))
        assert (await client.head()).startswith(b"HTTP/1.1 429 ")
        assert await client.exactly(4) == b"busy"
        await sending


async def _send_much(client, size: int) -> None:
    try:
        for _ in range(size // 100_000):
            await client.send(b"x" * 100_000)
            await asyncio.sleep(0)
    except ConnectionError:
        pass


async def test_pipelined_requests_are_answered_in_order_one_at_a_time():
    at_once = 0

    async def script(peer: Peer) -> None:
        nonlocal at_once
        while True:
            head = await peer.head()
            at_once += 1
            assert at_once == 1
            await asyncio.sleep(0.01)
            at_once -= 1
            path = head.split()[1]
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(path), path))

    async with between(script) as (_, proxy), proxy.client() as client:
        await client.send(b"".join(b"\r\nGET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % number for number in range(1, 6)))
        for number in range(1, 6):
            await client.head()
            assert await client.exactly(2) == b"/%d" % number


async def test_many_small_chunks_at_once_do_not_stop_the_flow():
    """More raw bytes than are held, but less content: the body must go on arriving."""
    raw = b"1\r\nx\r\n" * 60_000

    async def script(peer: Peer) -> None:
        await peer.head()
        data = b""
        while not data.endswith(b"0\r\n\r\n"):
            data += await peer.reader.read(65536)
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (5, b"%05d" % data.count(b"x")))

    async with between(script) as (_, proxy), proxy.client() as client:
        head = b"POST /_bulk HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        await client.send(head + raw + b"0\r\n\r\n")
        await client.head()
        assert await client.exactly(5) == b"60000"


async def test_old_clients():
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    async with between(answering(chunked)) as (_, proxy), proxy.client() as client:
        assert await client.ask(b"GET / HTTP/1.0\r\n\r\n") == b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok"
    async with between(answering(OK)) as (_, proxy), proxy.client() as client:
        await client.send(b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")
        assert await client.head() == b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\n"
        await client.exactly(2)
        assert (await client.ask(b"GET / HTTP/1.0\r\n\r\n")).endswith(b"Connection: close\r\n\r\n{}")


async def test_large_bodies_pass_in_constant_memory_whoever_is_slow():
    """Neither side's slowness makes us hold more than a few reads: 64 MB each way, read late."""
    import tracemalloc

    size = 64_000_000
    piece = b"x" * 1_000_000

    async def script(peer: Peer) -> None:
        await peer.head()
        await asyncio.sleep(0.2)
        left = size
        while left:
            left -= len(await peer.reader.read(200_000))
        peer.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        for _ in range(size // len(piece)):
            await peer.send(piece)

    async with between(script, timeout_s=30) as (_, proxy), proxy.client() as client:
        tracemalloc.start()
        try:
            await client.send(b"POST /_bulk HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size)
            for _ in range(size // len(piece)):
                await client.send(piece)
            await client.head()
            await asyncio.sleep(0.2)
            left = size
            while left:
                left -= len(await asyncio.wait_for(client.reader.read(200_000), 10))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 12 * HELD_BYTES + 3 * len(piece)  # the test's own pieces included


async def test_a_node_that_refuses_is_passed_over():
    seen: list[bytes] = []
    refused = "http://127.0.0.1:1"
    async with listening(answering(OK, seen)) as (_, url), proxying(refused, url) as proxy, proxy.client() as client:
        for _ in range(4):
            await client.send(b"POST /a/_doc HTTP/1.1\r\nHost: a\r\n\r\n")
            assert (await client.head()).startswith(b"HTTP/1.1 200 ")
            await client.exactly(2)
    assert len(seen) == 4
