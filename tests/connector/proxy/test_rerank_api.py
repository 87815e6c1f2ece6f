"""Where the rerank API listens: its exact paths, POST only; everything else is the engine's."""

import gzip

import httpx
import pytest

from connector.local.processes import free_port
from connector.proxy import bodies
from connector.proxy.bodies import BODY_BYTES
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


@pytest.mark.parametrize(
    ("path", "key"),
    [("/v2/rerank", "message"), ("/rerank", "message"), ("/score", "error"), ("/predict", "error_type")],
)
@pytest.mark.parametrize("own", [True, False])
def test_a_body_that_cannot_be_had_is_refused_in_the_shape_of_its_api(
    opensearch_url: str, path: str, key: str, own: bool
) -> None:
    port = free_port() if own else 0
    with running_proxy(opensearch_url, rerank_api=echo, rerank_port=port) as url:
        where = f"http://127.0.0.1:{port}{path}" if own else url + path
        long = httpx.post(where, content=b" " * (BODY_BYTES + 1))
        torn = httpx.post(where, content=b"{", headers={"Content-Encoding": "gzip"})
    assert (long.status_code, torn.status_code) == (413, 422 if path == "/predict" else 400)
    for found in (long, torn):
        assert "root_cause" not in found.text
        assert key in found.json()


@pytest.mark.parametrize("own", [True, False])
def test_bodies_count_until_their_request_is_over(
    opensearch_url: str, own: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "HELD_BYTES", 10)
    monkeypatch.setattr(bodies, "SHORT_BYTES", 0)
    port = free_port() if own else 0
    with running_proxy(opensearch_url, rerank_api=echo, rerank_port=port) as url:
        where = (f"http://127.0.0.1:{port}" if own else url) + "/v1/rerank"
        assert [httpx.post(where, content=b"xxxxxx").status_code for _ in range(3)] == [200] * 3
        assert httpx.post(where, content=b"x" * 11).status_code == 429
