"""Our own addresses, readiness, and the shape of every error."""

import json

from connector.errors import SecondpassError
from connector.proxy.errors import describe, render
from connector.proxy.status import readiness
from connector.types import Call, EngineInfo
from tests.connector.proxy.scripted import Client, answering, between
from tests.connector.proxy.searching import ENGINE


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
