"""The engine fails, or the client does: what each side sees."""

import asyncio
import json

import pytest

from tests.connector.proxy.scripted import Peer, answering, between, proxying

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


def error(answer: bytes) -> tuple[int, str]:
    """Status and type of an error in the engine's shape, which is checked."""
    head, _, body = answer.partition(b"\r\n\r\n")
    told = json.loads(body)
    status = int(head.split()[1])
    assert told["status"] == status
    assert told["error"]["root_cause"] == [{key: told["error"][key] for key in ("type", "reason")}]
    assert b"\r\nContent-Type: application/json" in head
    return status, told["error"]["type"]


CLOSE = b"GET /a/_doc/1 HTTP/1.1\r\nHost: a\r\nX-Opaque-Id: me\r\nConnection: close\r\n\r\n"


async def test_no_engine_is_503():
    async with proxying("http://127.0.0.1:1") as proxy, proxy.client() as client:
        answer = await client.ask(CLOSE)
        assert error(answer) == (503, "no_node_available_exception")
        assert b"127.0.0.1" not in answer  # where the nodes are is for the log
        assert b"X-Opaque-Id: me\r\n" in answer
        assert b"Elastic" not in answer


async def test_the_product_header_is_added_for_elasticsearch_only():
    async with proxying("http://127.0.0.1:1", dialect="elasticsearch") as proxy, proxy.client() as client:
        assert b"\r\nX-Elastic-Product: Elasticsearch\r\n" in await client.ask(CLOSE)


async def test_a_silent_engine_is_504():
    async def script(peer: Peer) -> None:
        await asyncio.sleep(5)

    async with between(script, timeout_s=0.1) as (_, proxy), proxy.client() as client:
        assert error(await client.ask(CLOSE)) == (504, "timeout_exception")


async def test_long_operations_are_not_cut_off():
    async def script(peer: Peer) -> None:
        while True:
            await peer.head()
            await asyncio.sleep(0.3)
            await peer.send(OK)

    async with between(script, timeout_s=0.1) as (_, proxy), proxy.client() as client:
        for target in (b"/a/_forcemerge", b"/_reindex?x", b"/_cluster/health?wait_for_status=green"):
            await client.send(b"POST %b HTTP/1.1\r\nHost: a\r\n\r\n" % target)
            assert (await client.head()).startswith(b"HTTP/1.1 200 ")
            await client.exactly(2)


@pytest.mark.parametrize(
    "start", [b"", b"HTTP/1.1 200 OK\r\nContent-Le", b"garbage\r\n\r\n", b"HTTP/1.1 101 Up\r\n\r\n"]
)
async def test_an_answer_that_is_none_is_502(start: bytes):
    async def script(peer: Peer) -> None:
        await peer.head()
        await peer.send(start)
        peer.writer.close()

    async with between(script) as (_, proxy), proxy.client() as client:
        assert error(await client.ask(CLOSE)) == (502, "bad_gateway_exception")


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 4\r\nTransfer-Encoding: chunked",
        b"Content-Length: 4\r\nContent-Length: 5",
        b"Transfer-Encoding: gzip",
        b"A B: 1",
    ],
)
async def test_an_answer_of_unclear_length_is_502(head: bytes):
    async with between(answering(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n")) as (_, proxy), proxy.client() as client:
        assert error(await client.ask(CLOSE))[0] == 502


@pytest.mark.parametrize(
    "start",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalfXX",
    ],
)
async def test_half_an_answer_ends_with_a_broken_connection(start: bytes):
    async def script(peer: Peer) -> None:
        await peer.head()
        await peer.send(start)
        await asyncio.sleep(0.02)
        peer.reset()

    async with between(script) as (_, proxy), proxy.client() as client:
        await client.send(CLOSE)
        try:
            answer = await client.rest()
        except ConnectionError:
            answer = b""
        assert not answer.endswith(b"0\r\n\r\n")
        assert len(answer.partition(b"\r\n\r\n")[2]) < 9 or b"chunked" in answer


async def test_a_safe_request_is_repeated_once_on_a_stale_connection_others_are_not():
    async def script(peer: Peer) -> None:
        await peer.head()
        await peer.send(OK)
        await peer.head()
        peer.reset()

    for method, want in ((b"GET", b"200"), (b"POST", b"502")):
        async with between(script) as (engine, proxy), proxy.client() as client:
            for expected in (b"200", want):
                await client.send(method + b" / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx")
                head = await client.head()
                assert head.split()[1] == expected
                await client.exactly(int(head.lower().partition(b"content-length: ")[2].split()[0]))
            assert engine.connections == (2 if method == b"GET" else 1)


async def test_one_callers_refused_request_does_not_poison_anothers_connection():
    """OpenSearch 3.6.0 falls silent after some of its 400s, on a connection that it leaves open."""

    async def script(peer: Peer) -> None:
        await peer.head()
        await peer.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\n{}")
        await asyncio.sleep(9)

    async with between(script, timeout_s=1) as (engine, proxy), proxy.client() as client:
        for number in (1, 2):
            await client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert (await client.head()).startswith(b"HTTP/1.1 400 ")
            await client.exactly(2)
            assert engine.connections == number


async def test_a_client_that_leaves_cancels_its_request():
    began, ended = asyncio.Event(), asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.head()
        began.set()
        await peer.reader.read()
        ended.set()

    async with between(script) as (_, proxy):
        async with proxy.client() as client:
            await client.send(b"GET /a/_search HTTP/1.1\r\nHost: a\r\n\r\n")
            await asyncio.wait_for(began.wait(), 5)
        await asyncio.wait_for(ended.wait(), 5)


async def test_a_client_that_leaves_within_its_body_ends_the_engines_request():
    got = asyncio.get_running_loop().create_future()

    async def script(peer: Peer) -> None:
        await peer.head()
        got.set_result(await peer.reader.read())

    async with between(script) as (_, proxy):
        async with proxy.client() as client:
            await client.send(b"POST /_bulk HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
            await asyncio.sleep(0.05)
        assert await asyncio.wait_for(got, 5) == b"3\r\nabc\r\n"  # and not the last chunk


@pytest.mark.parametrize(
    "request_",
    [
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4, 4\r\n\r\nabcd",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +4\r\n\r\nabcd",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -4\r\n\r\nabcd",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\nabcd",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n folded: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\nX: 1\r\n\r\n",
        b"GET / HTTP/1.1\nHost: a\r\nX: 1\n\nGET /2 HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET  / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/2.0\r\n\r\n",
        b"GET /\x01 HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 1001 + b"\r\n",
        b"GET / HTTP/1.1\r\nA: " + b"x" * 140_000 + b"\r\n\r\n",
        b"GET /" + b"x" * 140_000,
    ],
)
async def test_what_is_not_clearly_one_request_is_400_and_never_reaches_the_engine_whole(request_: bytes):
    async def script(peer: Peer) -> None:
        await peer.head()
        await peer.reader.readuntil(b"0\r\n\r\n")
        raise AssertionError("a whole request arrived")

    async with between(script) as (_, proxy), proxy.client() as client:
        answer = await client.ask(request_)
        assert error(answer) == (400, "illegal_argument_exception")
        assert b"\r\nConnection: close\r\n" in answer


async def test_stopping_lets_requests_end():
    async def script(peer: Peer) -> None:
        await peer.head()
        await asyncio.sleep(0.2)
        await peer.send(OK)

    async with between(script) as (_, proxy), proxy.client() as client, proxy.client() as idle:
        await client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        await asyncio.sleep(0.05)
        await proxy.server.stop(5)
        assert (await client.rest()).endswith(b"{}")
        assert await idle.rest() == b""
        with pytest.raises(ConnectionError):
            async with proxy.client():
                pass
