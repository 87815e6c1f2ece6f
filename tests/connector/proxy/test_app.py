"""Searches under a policy, our own addresses, and everything that makes a search stream through unreranked."""

import asyncio
import gzip
import json
import zlib

import pytest

from connector.errors import BadRequest, BodyTooLarge, EngineTimeout, SecondpassError
from connector.metrics import SEARCHES
from connector.proxy import app as app_module
from connector.proxy import bodies as bodies_module
from connector.proxy.errors import describe, render
from connector.proxy.status import health, readiness
from connector.types import Answer, Call, EngineInfo, Outcome, PassThrough, Reason, Reply, State
from tests.connector.proxy.scripted import APPLIED, Client, Peer, answering, between, search_nothing

ENGINE = b"HTTP/1.1 200 OK\r\nX-Engine: 1\r\nContent-Length: 2\r\n\r\n{}"
BODY = b'{"query": {"match": {"name": "jacket"}}}'


def search(body: bytes = BODY, extra: bytes = b"", target: bytes = b"/shop/_search", method: bytes = b"POST") -> bytes:
    return b"%b %b HTTP/1.1\r\nHost: a\r\n%bConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (
        method,
        target,
        extra,
        len(body),
        body,
    )


def said(answer: bytes) -> bytes | None:
    head = answer.partition(b"\r\n\r\n")[0]
    return next((line[18:].strip() for line in head.split(b"\r\n") if line.startswith(b"Secondpass-Rerank")), None)


class Recorder:
    """A search that remembers its calls and answers, or raises."""

    def __init__(self, error: Exception | None = None) -> None:
        self.calls: list[tuple[Call, tuple[str, ...]]] = []
        self._error = error

    async def __call__(self, call: Call, names: tuple[str, ...]) -> Answer:
        self.calls.append((call, names))
        if self._error:
            raise self._error
        headers = [(b"X-A", b"1"), (b"content-length", b"999"), (b"X-B", b"2")]
        return Answer(Reply(200, b"Fine", headers, b'{"hits":[]}'), APPLIED)


async def ask(client_bytes: bytes, recorder: Recorder, script=None, **options) -> tuple[bytes, list[bytes]]:
    seen: list[bytes] = []
    running = between(script or answering(ENGINE, seen), search=recorder, policies=("shop", "shop2"), **options)
    async with running as (_, proxy), proxy.client() as client:
        return await client.ask(client_bytes), seen


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


async def test_an_answer_too_long_to_hold_streams_through():
    answer, seen = await ask(search(b"", method=b"GET"), Recorder(BodyTooLarge("too long")))
    assert said(answer) == b"skipped;reason=length"
    assert answer.endswith(b"{}")
    assert len(seen) == 1


async def sent(client_bytes: bytes, search, answer: bytes = ENGINE, **options) -> tuple[bytes, bytes]:
    """What the client is answered, and all that the engine is sent."""
    got: list[bytes] = []

    async def script(peer: Peer) -> None:
        head = await peer.head()
        size = int(head.lower().partition(b"content-length: ")[2].split()[0])
        got.append(head + await peer.body(size))
        await peer.send(answer)

    said = await ask(client_bytes, search, script, **options)
    return said[0], b"".join(got)


EXT = b'{"size":1,"ext":{"secondpass":{"window":9}}}'


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


def passing(call: Call | None = None):
    """A search that is the engine's alone, sent as it was read or as `call`."""

    async def pass_through(read: Call, names: tuple[str, ...]) -> PassThrough:
        return PassThrough(call or read, Outcome(State.SKIPPED, Reason.SCROLL))

    return pass_through


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


async def test_where_no_body_is_needed_a_long_one_is_not_held():
    answer, _ = await ask(search(b" " * 70_000, target=b"/_secondpass/health", method=b"GET"), Recorder())
    assert answer.startswith(b"HTTP/1.1 413 ")


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


async def get(client: Client, target: bytes, method: bytes = b"GET") -> tuple[int, bytes, bytes]:
    await client.send(method + b" " + target + b" HTTP/1.1\r\nHost: a\r\n\r\n")
    head = await client.head()
    size = int(head.lower().partition(b"content-length: ")[2].split()[0])
    return int(head.split()[1]), head, await client.exactly(size)


async def test_our_own_addresses():
    async with between(answering(ENGINE)) as (engine, proxy), proxy.client() as client:
        status, head, body = await get(client, b"/_secondpass/health")
        assert (status, json.loads(body)) == (200, {"status": "ok"})
        await get(client, b"/a/_doc/1")
        status, head, body = await get(client, b"/_secondpass/metrics")
        assert status == 200
        assert b"text/plain" in head
        assert b'secondpass_requests_total{kind="engine",status="2xx"}' in body
        status, head, body = await get(client, b"/_secondpass/health", b"POST")
        assert status == 405
        assert b"\r\nAllow: GET\r\n" in head
        assert json.loads(body)["status"] == 405
        status, head, body = await get(client, b"/_secondpass/nothing")
        assert status == 404
        assert json.loads(body)["error"]["type"] == "resource_not_found_exception"
        assert engine.connections == 1


async def test_readiness():
    engine: EngineInfo | None = EngineInfo("opensearch", "3.6.0")
    missing: list[str] = []

    async def find_engine() -> EngineInfo | None:
        return engine

    async def find_missing() -> list[str]:
        return missing

    ready = readiness(find_engine, find_missing)

    async def ask_both() -> list[tuple[int, object]]:
        replies = [
            (await ready(Call("GET", b"/_secondpass/ready" + query, []))).reply for query in (b"", b"?rerank=true")
        ]
        return [(reply.status, json.loads(reply.body)) for reply in replies]

    told = {"ready": True, "engine": {"dialect": "opensearch", "version": "3.6.0"}, "rerank": True, "missing": []}
    assert await ask_both() == [(200, told), (200, told)]
    missing = ["redis"]
    told |= {"rerank": False, "missing": ["redis"]}
    assert await ask_both() == [(200, told), (503, told)]
    engine = None
    told = {"ready": False, "engine": None, "rerank": False, "missing": ["engine", "redis"]}
    assert await ask_both() == [(503, told), (503, told)]


def _all(cls: type[SecondpassError]) -> list[type[SecondpassError]]:
    return [cls, *(sub for child in cls.__subclasses__() for sub in _all(child))]


def test_every_error_has_its_shape():
    for cls in _all(SecondpassError):
        error = cls.__new__(cls)
        Exception.__init__(error, "why")
        status, code, reason = describe(error)
        assert 400 <= status <= 599
        assert code.endswith("_exception")
        assert reason == "why"
        _, phrase, fields, body = render(error, "elasticsearch", [(b"x-opaque-id", b"7")])
        assert phrase
        assert (b"X-Opaque-Id", b"7") in fields
        assert (b"X-Elastic-Product", b"Elasticsearch") in fields
        cause = {"type": code, "reason": "why"}
        assert json.loads(body) == {"error": {"root_cause": [cause], **cause}, "status": status}
    assert "oops" not in describe(ZeroDivisionError("oops"))[2]
