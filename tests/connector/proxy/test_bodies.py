"""Bodies that are too long, too slow or too many, and the places that searches take."""

import asyncio
import gzip
import zlib

import pytest

from connector.proxy import app as app_module
from connector.proxy import bodies as bodies_module
from connector.proxy.http import Request
from connector.proxy.server import Server
from connector.proxy.status import health
from connector.types import Answer, Call, Reply
from tests.connector.proxy.scripted import APPLIED, Client, Peer, answering, between, search_nothing
from tests.connector.proxy.searching import BODY, ENGINE, Recorder, ask, passing, said, search, sent


@pytest.mark.parametrize("chunked", [False, True])
async def test_too_long_a_body_streams_through(chunked: bool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(app_module, "BODY_BYTES", 1000)
    got = []

    async def script(peer: Peer) -> None:
        head = await peer.head()
        if b"chunked" in head:
            data = b""
            while not data.endswith(b"0\r\n\r\n"):
                data += await peer.reader.read(65536)
            got.append(data.count(b"x"))
        else:
            got.append((await peer.body(600_000)).count(b"x"))
        await peer.send(ENGINE)

    raw = search(b"x" * 600_000)
    if chunked:
        head = raw.partition(b"\r\n\r\n")[0]
        head = head.replace(b"Content-Length: 600000", b"Transfer-Encoding: chunked")
        raw = head + b"\r\n\r\n" + b"".join(b"100\r\n" + b"x" * 256 + b"\r\n" for _ in range(2000)) + b"0\r\n\r\n"
    answer, _ = await ask(raw, Recorder(), script)
    assert said(answer) == b"skipped;reason=length"
    assert answer.endswith(b"{}")
    assert got == [512_000 if chunked else 600_000]


async def test_a_gzip_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(app_module, "BODY_BYTES", 10_000)
    bomb = gzip.compress(b" " * 5_000_000)
    assert len(bomb) < 10_000

    async def script(peer: Peer) -> None:
        await peer.head()
        assert zlib.decompress(await peer.body(len(bomb)), wbits=31) == b" " * 5_000_000
        await peer.send(ENGINE)

    answer, _ = await ask(search(bomb, b"Content-Encoding: gzip\r\n"), Recorder(), script)
    assert said(answer) == b"skipped;reason=length"


async def test_many_empty_gzip_members_are_not_unpacked_one_by_one():
    recorder = Recorder()
    body = gzip.compress(b"", mtime=0) * 100_000

    async def script(peer: Peer) -> None:
        await peer.head()
        await peer.body(len(body))
        await peer.send(ENGINE)

    answer, _ = await ask(search(body, b"Content-Encoding: gzip\r\n"), recorder, script)
    assert said(answer) == b"skipped;reason=no_text"
    assert recorder.calls == []


async def test_a_client_that_sends_or_reads_slowly_holds_no_place():
    gate = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.head()
        await peer.body(len(BODY))
        await peer.send(ENGINE[:-2])
        await gate.wait()
        await peer.send(b"{}")

    one_place = between(script, search=passing(), policies=("shop",), max_concurrent=1)
    async with one_place as (_, proxy), proxy.client() as sender, proxy.client() as reader, proxy.client() as other:
        await sender.send(search()[: -len(BODY)])
        for client in (reader, other):  # one after the other, neither answer has ended
            await client.send(search())
            assert said(await client.head()) == b"skipped;reason=scroll"  # and not for want of a place
        gate.set()
        await sender.send(BODY)
        assert (await sender.rest()).endswith(b"{}")


async def test_a_body_of_ours_that_does_not_come_is_408(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bodies_module, "BODY_S", 0.05)
    answer, seen = await ask(search(target=b"/_secondpass/search")[:-1], Recorder(), endpoints={"search": health})
    assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert b'"type":"timeout_exception"' in answer
    assert seen == []


@pytest.mark.parametrize(
    ("target", "outcome"), [(b"/shop/_search", b"failed;reason=timeout"), (b"/other/_msearch", None)]
)
async def test_a_search_that_comes_slowly_streams_through(
    target: bytes, outcome: bytes | None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(bodies_module, "BODY_S", 0.05)
    seen: list[bytes] = []

    async def script(peer: Peer) -> None:
        await peer.head()
        seen.append(await peer.body(len(BODY)))
        await peer.send(ENGINE)

    others = {"others": {"msearch": search_nothing}, "search": Recorder(), "policies": ("shop",)}
    async with between(script, **others) as (_, proxy), proxy.client() as client:
        whole = search(target=target)
        await client.send(whole[:-5])
        await asyncio.sleep(0.2)
        await client.send(whole[-5:])
        answer = await client.rest()
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert said(answer) == outcome
    assert seen == [BODY]


async def test_all_bodies_together_are_bounded_by_what_has_come(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bodies_module, "HELD_BYTES", 3 * len(BODY))
    monkeypatch.setattr(bodies_module, "SHORT_BYTES", len(BODY))
    long = BODY + b" " * 200
    answer, _ = await ask(search(long), Recorder())
    assert answer.startswith(b"HTTP/1.1 429 ")
    assert said(answer) == b"skipped;reason=overload"
    api, _ = await ask(search(long, target=b"/v1/rerank"), Recorder(), endpoints={"rerank_api": health})
    assert api.startswith(b"HTTP/1.1 429 ")
    asleep = search(long)[: -len(long)]
    running = between(answering(ENGINE, []), search=Recorder(), policies=("shop",))
    async with running as (_, proxy), proxy.client() as one:
        await one.send(asleep)  # announces much, sends nothing
        for _ in range(9):  # and what is over counts no more
            async with proxy.client() as two:
                assert said(await two.ask(search())) == b"applied"


async def test_a_packed_body_counts_as_what_it_becomes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bodies_module, "HELD_BYTES", 50_000)
    monkeypatch.setattr(bodies_module, "SHORT_BYTES", 1_000)
    packed = gzip.compress(BODY + b" " * 100_000)
    assert len(packed) < 1_000
    for target in (b"/shop/_search", b"/_secondpass/search"):
        bomb = search(packed, b"Content-Encoding: gzip\r\n", target)
        answer, seen = await ask(bomb, Recorder(), endpoints={"search": health})
        assert (answer.startswith(b"HTTP/1.1 429 "), seen) == (True, [])


async def test_the_connection_that_has_been_idle_for_longest_makes_room():
    async with between(answering(ENGINE), search=search_nothing) as (_, proxy):
        proxy.server.most = 2
        async with proxy.client() as first, proxy.client() as second:
            for client in (second, first):
                await client.send(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
                await client.head()
                await client.exactly(2)
            async with proxy.client() as third:
                assert await second.rest() == b""
                for client in (first, third):
                    await client.send(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
                    assert (await client.head()).startswith(b"HTTP/1.1 200 ")


async def test_where_no_body_is_needed_a_long_one_is_not_held():
    answer, _ = await ask(search(b" " * 70_000, target=b"/_secondpass/health", method=b"GET"), Recorder())
    assert answer.startswith(b"HTTP/1.1 413 ")


async def test_too_many_searches_at_once_are_429_and_passing_through_is_not():
    gate = asyncio.Event()

    async def slow(call: Call, names: tuple[str, ...]) -> Answer:
        await gate.wait()
        return Answer(Reply(200, b"OK", [], b""), APPLIED)

    async with between(answering(ENGINE), search=slow, policies=("shop",), max_concurrent=2) as (_, proxy):
        async with proxy.client() as one, proxy.client() as two, proxy.client() as three:
            await one.send(search())
            await two.send(search())
            await asyncio.sleep(0.05)
            answer = await three.ask(search())
            assert answer.startswith(b"HTTP/1.1 429 Too Many Requests\r\n")
            assert b'"type":"es_rejected_execution_exception"' in answer
            assert said(answer) == b"skipped;reason=overload"
            async with proxy.client() as four:
                assert (await four.ask(search(b"", target=b"/other/_search"))).startswith(b"HTTP/1.1 200 ")
            gate.set()
            assert (await one.rest()).startswith(b"HTTP/1.1 200 ")
            assert (await two.rest()).startswith(b"HTTP/1.1 200 ")
        async with proxy.client() as five:
            assert (await five.ask(search())).startswith(b"HTTP/1.1 200 ")


async def test_an_msearch_without_a_place_says_so_for_each_search_where_any_is_under_a_policy():
    def count(call: Call, names: tuple[str, ...]) -> int:
        return call.body.count(b"{}\n") if b"shop" in call.body else 0

    lines = b'{"index":"shop"}\n{}\n{}\n'
    full = {"others": {"msearch": search_nothing}, "count": count, "max_concurrent": 0}
    answer, seen = await ask(search(lines, target=b"/_msearch"), Recorder(), **full)
    assert answer.startswith(b"HTTP/1.1 429 ")
    assert said(answer) == b"skipped;reason=overload, skipped;reason=overload"
    assert seen == []
    others = lines.replace(b"shop", b"other")
    answer, engine = await sent(search(others, target=b"/_msearch"), Recorder(), **full)
    assert (said(answer), engine.endswith(others)) == (None, True)


async def test_who_asks_on_and_reads_nothing_waits():
    heads: list[bytes] = []
    large = b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + b"x" * 200_000
    async with between(answering(large, heads)) as (_, proxy), proxy.client() as client:
        await client.send(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n" * 300)
        await asyncio.sleep(0.5)
        assert len(heads) < 150  # what the sockets hold, and no more
        for _ in range(300):
            await client.head()
            await client.exactly(200_000)
        assert len(heads) == 300


async def test_a_body_that_nobody_wanted_makes_its_connection_deaf_to_nothing():
    async def refuse(request: Request) -> None:
        while not request.body.complete:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        request.response.send(503, b"Busy", [], b"")

    server = Server(refuse, lambda: "opensearch")
    port = await server.start("127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    client = Client(reader, writer)
    for _ in range(2):
        await client.send(b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n" + b"x" * 250_000)
        await asyncio.sleep(0.1)
        await client.send(b"x" * 50_000)  # at once beyond what is held, and the end
        assert (await client.head()).startswith(b"HTTP/1.1 503 ")
    writer.close()
    await server.stop(0.5)
