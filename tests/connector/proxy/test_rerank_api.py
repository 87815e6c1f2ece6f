"""Where the rerank API listens: its exact paths, POST only; everything else is the engine's."""

import gzip

import httpx

from connector.local.processes import free_port
from connector.proxy.status import answer
from connector.types import Answer, Call
from tests.connector.proxy.running import running_proxy


async def echo(call: Call) -> Answer:
    return answer(200, b"OK", call.target + b" " + call.body)


def test_exactly_its_paths_are_ours(opensearch_url: str) -> None:
    with running_proxy(opensearch_url, rerank_api=echo) as url:
        for path in ("/rerank", "/score", "/predict", "/v1/rerank", "/v2/rerank", "/v1/score"):
            assert httpx.post(url + path, content=b"x").text == f"{path} x"
        for method, path in (("GET", "/rerank"), ("POST", "/rerank/"), ("POST", "/v3/rerank"), ("GET", "/info")):
            ours, straight = (httpx.request(method, base + path) for base in (url, opensearch_url))
            assert (ours.status_code, ours.content) == (straight.status_code, straight.content)


def test_switched_off_they_are_the_engine_s(opensearch_url: str) -> None:
    with running_proxy(opensearch_url) as url:
        ours, straight = (httpx.post(base + "/v1/rerank", json={}) for base in (url, opensearch_url))
        assert (ours.status_code, ours.content) == (straight.status_code, straight.content)


def test_a_port_of_its_own_has_what_tei_has(opensearch_url: str) -> None:
    port = free_port()
    with running_proxy(opensearch_url, rerank_api=echo, rerank_port=port) as url:
        own = f"http://127.0.0.1:{port}"
        assert httpx.post(own + "/v1/rerank", content=b"x").text == "/v1/rerank x"
        packed = httpx.post(own + "/v1/rerank", content=gzip.compress(b"x"), headers={"Content-Encoding": "gzip"})
        assert packed.text == "/v1/rerank x"
        assert httpx.get(own + "/health").status_code == 200
        assert "model_id" in httpx.get(own + "/info").json()
        assert "secondpass" in httpx.get(own + "/metrics").text
        assert httpx.get(own + "/_search").status_code == 404
        ours, straight = (httpx.post(base + "/v1/rerank", json={}) for base in (url, opensearch_url))
        assert (ours.status_code, ours.content) == (straight.status_code, straight.content)
