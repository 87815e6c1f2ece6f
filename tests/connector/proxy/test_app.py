"""Searches under a policy, and everything that makes a search stream through unreranked."""

import asyncio
import gzip

import pytest

from connector.errors import BadRequest, BodyTooLarge, EngineTimeout, SecondpassError
from connector.metrics import SEARCHES
from connector.types import Call
from tests.connector.proxy.scripted import Peer, answering, between, search_nothing
from tests.connector.proxy.searching import BODY, ENGINE, Recorder, ask, passing, said, search, sent

EXT = b'{"size":1,"ext":{"secondpass":{"window":9}}}'


async def test_a_search_under_a_policy_is_read_and_answered():
    recorder = Recorder()
    fields = b"Secondpass: on\r\nAccept-Encoding: br, gzip;q=1\r\nX: 1\r\n"
    answer, seen = await ask(search(extra=fields, target=b"/shop,shop2/_search?a"), recorder)
    ((call, names),) = recorder.calls
    assert names == ("shop", "shop2")
    assert call == Call(
        "POST",
        b"/shop,shop2/_search?a",
        [
            (b"Host", b"a"),
            (b"Secondpass", b"on"),
            (b"Accept-Encoding", b"gzip;q=1"),  # and nothing that we could not read
            (b"X", b"1"),
            (b"Content-Length", b"%d" % len(BODY)),
        ],
        BODY,
    )
    assert answer == (
        b"HTTP/1.1 200 Fine\r\nX-A: 1\r\ncontent-length: 11\r\nX-B: 2\r\nSecondpass-Rerank: applied\r\n"
        b'Connection: close\r\n\r\n{"hits":[]}'
    )
    assert seen == []


@pytest.mark.parametrize("target", [b"/other/_search", b"/shop,other/_search", b"/_search", b"/shop/_count"])
async def test_outside_policies_nothing_is_read_and_nothing_is_said(target: bytes):
    recorder = Recorder()
    answer, seen = await ask(search(body=b"", target=target), recorder)
    assert answer.startswith(ENGINE[:-6])
    assert said(answer) is None
    assert len(seen) == 1
    assert recorder.calls == []


@pytest.mark.parametrize(
    ("extra", "target"),
    [
        (b"Content-Type: application/cbor\r\n", b"/shop/_search"),
        (b"Accept: application/yaml\r\n", b"/shop/_search"),
        (b"", b"/shop/_search?format=smile"),
        (b"Content-Encoding: br\r\n", b"/shop/_search"),
        (b"Content-Encoding: gzip\r\n", b"/shop/_search"),  # but it is not
    ],
)
async def test_what_cannot_be_read_streams_through(extra: bytes, target: bytes):
    got = []

    async def script(peer: Peer) -> None:
        head = await peer.head()
        got.append((head, await peer.body(4)))
        await peer.send(ENGINE)

    recorder = Recorder()
    answer, _ = await ask(search(b"\xbf\x61\x71\xff", extra, target), recorder, script)
    assert said(answer) == b"skipped;reason=no_text"
    assert recorder.calls == []
    assert got[0][1] == b"\xbf\x61\x71\xff"
    assert extra in got[0][0]


async def test_gzip_bodies_are_read():
    recorder = Recorder()
    await ask(search(gzip.compress(BODY[:9]) + gzip.compress(BODY[9:]), b"Content-Encoding: GZIP\r\n"), recorder)
    call = recorder.calls[0][0]
    assert call.body == BODY
    assert b"Content-Encoding" not in dict(call.headers)


async def test_an_answer_too_long_to_hold_streams_through():
    answer, seen = await ask(search(b"", method=b"GET"), Recorder(BodyTooLarge("too long")))
    assert said(answer) == b"skipped;reason=length"
    assert answer.endswith(b"{}")
    assert len(seen) == 1


@pytest.mark.parametrize("error", [BodyTooLarge("too long"), ZeroDivisionError("oops")])
async def test_what_is_relayed_after_all_holds_nothing_that_was_meant_for_us(error: Exception):
    answer, engine = await sent(search(EXT, b"Secondpass: on\r\nX-A: 1\r\n"), Recorder(error))
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert engine == b'POST /shop/_search HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nContent-Length: 10\r\n\r\n{"size":1}'
    packed = gzip.compress(EXT)
    _, engine = await sent(search(packed, b"Content-Encoding: gzip\r\n"), Recorder(error))
    assert engine == b'POST /shop/_search HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n{"size":1}'
    packed = gzip.compress(BODY)  # nothing in it is ours: it goes on as it came
    _, engine = await sent(search(packed, b"Content-Encoding: gzip\r\nAccept-Encoding: br\r\n"), Recorder(error))
    assert b"Content-Encoding: gzip\r\nAccept-Encoding: br\r\n" in engine
    assert engine.endswith(packed)


@pytest.mark.parametrize(
    ("extra", "target"),
    [
        (b"Accept: application/yaml\r\n", b"/shop/_search"),
        (b"Accept: text/plain\r\n", b"/shop/_search"),
        (b"Content-Type: application/x-ndjson\r\n", b"/shop/_search"),
        (b"", b"/shop/_search?format=cbor"),
        (b"Accept: application/yaml\r\n", b"/shop/_msearch"),
    ],
)
async def test_where_the_answer_is_no_json_the_request_still_holds_nothing_that_was_meant_for_us(
    extra: bytes, target: bytes
):
    body = b"{}\n%b\n" % EXT if b"msearch" in target else EXT
    recorder, options = Recorder(), {"others": {"msearch": search_nothing}}
    answer, engine = await sent(search(body, extra, target), recorder, **options)
    assert (said(answer), recorder.calls) == (b"skipped;reason=no_text", [])
    assert engine.partition(b"\r\n\r\n")[2] == body.replace(EXT, b'{"size":1}')
    assert extra in engine
    for came in (body.replace(b"secondpass", b"another"), gzip.compress(BODY)):
        coding = b"Content-Encoding: gzip\r\n" if came[:1] == b"\x1f" else b""
        _, engine = await sent(search(came, extra + coding, target), recorder, **options)
        assert engine.partition(b"\r\n\r\n")[2] == came  # nothing in it is ours
        assert coding in engine


async def nothing_of_ours(call: Call, names: tuple[str, ...]) -> None:
    return None


async def test_an_msearch_with_nothing_under_a_policy_is_the_engines():
    lines = b'{"index": "other"}\n%b\n' % EXT
    answer, engine = await sent(search(lines, target=b"/shop/_msearch"), None, others={"msearch": nothing_of_ours})
    assert said(answer) is None
    assert engine.endswith(b"\r\n\r\n" + lines)


def counted() -> float:
    return SEARCHES.labels("skipped", "scroll")._value.get()


async def test_a_skipped_search_streams_through_and_says_so():
    before, gate, answered = counted(), asyncio.Event(), b"x" * 500_000

    async def script(peer: Peer) -> None:
        await peer.head()
        await peer.body(len(BODY))
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 500003\r\n\r\n" + answered)
        await gate.wait()
        await peer.send(b"end")

    async with between(script, search=passing(), policies=("shop",)) as (_, proxy), proxy.client() as client:
        await client.send(search())
        head = await client.head()
        assert said(head + b"\r\n\r\n") == b"skipped;reason=scroll"
        assert b"\r\nContent-Encoding: br\r\n" in head
        assert await client.exactly(500_000) == answered  # before the engine has ended its answer
        gate.set()
        assert await client.exactly(3) == b"end"
    assert counted() == before + 1


async def test_a_skipped_search_goes_out_as_it_came_or_as_it_is_edited():
    came = search(BODY, b"X-A: 1\r\nAccept-Encoding: br\r\nSecondpass: off\r\n")
    answer, engine = await sent(came, passing())
    assert said(answer) == b"skipped;reason=scroll"
    assert engine == came.replace(b"Secondpass: off\r\n", b"").replace(b"Connection: close\r\n", b"")
    edited = Call("POST", b"/shop/_search?a", [(b"Host", b"a"), (b"X-B", b"2")], b'{"size":1}')
    _, engine = await sent(came, passing(edited))
    assert engine == b'POST /shop/_search?a HTTP/1.1\r\nHost: a\r\nX-B: 2\r\nContent-Length: 10\r\n\r\n{"size":1}'


@pytest.mark.parametrize(("target", "times"), [(b"/shop/_search", 2), (b"/shop/_search?scroll=5m", 1)])
async def test_a_search_cut_off_is_sent_once_more_but_never_one_that_opens_a_scroll(target: bytes, times: int):
    seen: list[bytes] = []

    async def script(peer: Peer) -> None:
        while True:
            seen.append(await peer.head())
            await peer.body(len(BODY))
            if len(seen) == 2:
                peer.reset()
            await peer.send(ENGINE)

    async with between(script, search=passing(), policies=("shop",)) as (_, proxy):
        for _ in range(2):
            async with proxy.client() as client:
                answer = await client.ask(search(target=target))
        assert int(answer.split()[1]) == (200 if times == 2 else 502)
        assert said(answer) == b"skipped;reason=scroll"
    assert len(seen) == 1 + times


async def test_a_fault_of_ours_costs_nothing_but_the_order():
    answer, seen = await ask(search(b"", method=b"GET"), Recorder(ZeroDivisionError("oops")))
    assert said(answer) == b"failed;reason=error"
    assert answer.startswith(b"HTTP/1.1 200 OK\r\nX-Engine: 1\r\n")
    assert len(seen) == 1


@pytest.mark.parametrize("error", [EngineTimeout("late"), BadRequest("no such policy")])
async def test_what_the_caller_must_know_is_an_error_and_says_its_state(error: SecondpassError):
    answer, seen = await ask(search(), Recorder(error))
    assert int(answer.split()[1]) == error.status
    assert said(answer) == b"failed;reason=error"
    assert seen == []


async def test_the_engines_absence_under_a_policy_says_its_state():
    async def script(peer: Peer) -> None:
        await peer.head()

    answer, _ = await ask(search(extra=b"Accept: application/yaml\r\n"), Recorder(), script)
    assert answer.startswith(b"HTTP/1.1 502 ")
    assert said(answer) == b"skipped;reason=no_text"


async def test_expect_continue_of_a_search_that_we_read_is_ours():
    recorder = Recorder()
    async with between(answering(ENGINE), search=recorder, policies=("shop",)) as (_, proxy), proxy.client() as client:
        await client.send(
            b"POST /shop/_search HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
        )
        assert await client.head() == b"HTTP/1.1 100 Continue\r\n\r\n"
        await client.send(b"{}")
        assert (await client.head()).startswith(b"HTTP/1.1 200 Fine\r\n")
    assert recorder.calls[0][0].body == b"{}"
