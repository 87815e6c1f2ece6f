"""Several nodes: which is taken, when a request is repeated on another, and what clients are told of them."""

import asyncio

import pytest

from connector.proxy import health
from connector.proxy.health import check, watch
from connector.proxy.known import KnownEngine
from connector.proxy.node import Node
from connector.proxy.sniffing import asks_for_nodes, with_address
from connector.proxy.upstream import Upstream
from connector.settings import parse
from connector.types import Call
from tests.connector.proxy.scripted import Peer, answering, between, listening, proxying

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
GET = b"GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
POST = GET.replace(b"GET", b"POST")


async def hang_up(peer: Peer) -> None:
    await peer.head()
    peer.reset()


async def say_nothing(peer: Peer) -> None:
    await asyncio.sleep(30)


async def test_a_safe_request_that_a_node_cuts_off_is_repeated_on_another_and_that_node_rests():
    async with listening(hang_up) as (bad, first), listening(answering(OK)) as (_, second):
        async with proxying(first, second) as proxy:
            for _ in range(4):
                async with proxy.client() as client:
                    assert (await client.ask(GET)).startswith(b"HTTP/1.1 200 ")
        assert bad.connections == 1
        async with proxying(first, second) as proxy:
            said = []
            for _ in range(2):
                async with proxy.client() as client:
                    said.append((await client.ask(POST)).split()[1])
        assert sorted(said) == [b"200", b"502"]  # a write is never sent twice


async def test_a_search_that_a_node_cuts_off_is_repeated_on_another():
    async with listening(hang_up) as (bad, first), listening(answering(OK)) as (_, second):
        upstream = Upstream([first, second])
        call = Call("POST", b"/a/_search", [(b"Content-Type", b"application/json")], b"{}")
        for _ in range(2):
            assert (await upstream.fetch(call, 5)).body == b"{}"
        assert bad.connections == 1
        upstream.close()


@pytest.mark.parametrize(
    ("script", "fit"),
    [
        (answering(OK), True),
        (answering(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"), True),
        (answering(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"), False),
        (answering(b"garbage\r\n\r\n"), False),
        (hang_up, False),
        (say_nothing, False),
    ],
)
async def test_a_node_is_fit_where_it_answers(script, fit: bool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(health, "ANSWER_S", 0.5)
    async with listening(script) as (_, url):
        node = Node(url, None)
        await check(node)
        assert (node.resting_until == 0.0) is fit
        node.close()


async def test_a_frozen_node_is_passed_over(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(health, "ANSWER_S", 0.2)
    async with (
        listening(say_nothing) as (_, first),
        listening(answering(OK)) as (_, second),
        proxying(first, second, timeout_s=3) as proxy,
    ):
        watching = asyncio.create_task(watch(proxy.upstream.nodes))
        await asyncio.sleep(1)
        for _ in range(4):
            async with proxy.client() as client:
                assert (await client.ask(GET)).startswith(b"HTTP/1.1 200 ")
        watching.cancel()


NODES = (
    b'{"_nodes":{"total":1},"nodes" : {"a":{"name":"n","transport":{"publish_address":"10.0.0.1:9300"},\n'
    b'"http":{"bound_address":["10.0.0.1:9200"],"publish_address" : "a.b/10.0.0.1:9200","max":1.0}},"b":{}}}'
)


@pytest.mark.parametrize(
    ("method", "target", "asked"),
    [
        ("GET", b"/_nodes/http", True),
        ("GET", b"/_nodes/_all/http?pretty", True),
        ("GET", b"/_nodes?filter_path=nodes.*.http.publish_address", True),
        ("POST", b"/_nodes/reload_secure_settings", False),
        ("GET", b"/_nodesy", False),
        ("GET", b"/a/_search?q=/_nodes/http", False),
    ],
)
def test_who_asks_for_nodes(method: str, target: bytes, asked: bool):
    assert asks_for_nodes(method, target) is asked


def test_only_the_address_is_another():
    assert with_address(NODES, "me:9280") == NODES.replace(b"a.b/10.0.0.1:9200", b"me:9280")
    for other in (b"---\nnodes: {}\n", b'{"error": "x"}', b'{"nodes":{"a":{"http":{"current_open":1}}}}', b""):
        assert with_address(other, "me:9280") == other


@pytest.mark.parametrize("advertise", ["", "me:9280"])
async def test_sniffing_clients_are_told_our_address_where_it_is_set(advertise: str):
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nX-A: 1\r\n\r\n%b" % (len(NODES), NODES)
    told = NODES.replace(b"a.b/10.0.0.1:9200", advertise.encode()) if advertise else NODES
    async with between(answering(answer), advertise=advertise) as (_, proxy), proxy.client() as client:
        asked = b"GET /_nodes/_all/http HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        assert await client.ask(asked) == (
            b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nX-A: 1\r\nConnection: close\r\n\r\n%b" % (len(told), told)
        )


async def test_a_connection_that_may_lead_elsewhere_now_is_not_used_again():
    async with between(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) as (engine, proxy):
        for method in (b"GET", b"GET", b"CONNECT", b"GET"):
            async with proxy.client() as client:
                await client.send(method + b" other:80 HTTP/1.1\r\nHost: other:80\r\n\r\n")
                assert (await client.head()).startswith(b"HTTP/1.1 200 ")
        assert engine.connections == 2


async def test_many_probes_at_once_are_one_question():
    heads: list[bytes] = []
    version = b'{"nodes": {"a": {"version": "3.6.0"}}}'
    said = b"HTTP/1.1 200 OK\r\nX-OpenSearch-Version: OpenSearch/3.6.0 (opensearch)\r\nContent-Length: %d\r\n\r\n%b"
    async with listening(answering(said % (len(version), version), heads)) as (_, url):
        engine = KnownEngine(parse({"engine": {"url": [url]}}).engine)
        found = await asyncio.gather(*(engine.find() for _ in range(20)), engine.find())
        assert {one and one.version for one in found} == {"3.6.0"}
        assert len(heads) == 1
