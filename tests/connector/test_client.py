"""What the clients send and what they make of every kind of answer; the proxy itself is met in tests/e2e."""

from typing import Any

import httpx
import orjson
import pytest

from connector import AsyncClient, Client
from connector.client import Busy, Hit, NotAllowed, NotFound, Reranking, SearchError, SearchResult
from connector.errors import EngineTimeout, EngineUnreachable

ANSWER = {
    "total": 123,
    "took_ms": 18.2,
    "hits": [
        {"id": "7", "index": "products-000001", "score": 1.93, "source": {"name": "Jacket"}, "engine_rank": 7},
        {"id": "v", "index": "products-000001", "score": 0.4, "source": None, "engine_rank": None},
    ],
    "rerank": {"state": "applied", "scored": 100, "cached": 3, "window": 100, "ms": 14.0, "model": "products-en"},
}
RESULT = SearchResult(
    123,
    18.2,
    (
        Hit("7", "products-000001", 1.93, {"name": "Jacket"}, 7),
        Hit("v", "products-000001", 0.4, None, None),
    ),
    Reranking("applied", None, 100, 3, 100, 14.0, "products-en"),
)


def answering(status: int, content: Any, seen: list[httpx.Request] | None = None) -> httpx.MockTransport:
    def answer(request: httpx.Request) -> httpx.Response:
        if seen is not None:
            seen.append(request)
        return httpx.Response(status, content=content if isinstance(content, bytes) else orjson.dumps(content))

    return httpx.MockTransport(answer)


def failing(error: type[httpx.HTTPError]) -> httpx.MockTransport:
    def answer(request: httpx.Request) -> httpx.Response:
        raise error("as the test wants")

    return httpx.MockTransport(answer)


def test_a_search_and_its_answer() -> None:
    seen: list[httpx.Request] = []
    with Client("http://proxy:9280", transport=answering(200, ANSWER, seen)) as client:
        assert client.search("products", "rain jacket") == RESULT
    (request,) = seen
    assert (request.method, request.url.path) == ("POST", "/_secondpass/search")
    assert orjson.loads(request.content) == {
        "index": "products",
        "query": "rain jacket",
        "size": 10,
        "from": 0,
        "details": False,
    }
    assert "secondpass" not in request.headers
    assert "authorization" not in request.headers


async def test_every_option_and_the_async_twin() -> None:
    seen: list[httpx.Request] = []
    options: dict[str, Any] = {
        "from_": 20,
        "filter": [{"term": {"brand": "Acme"}}],
        "policy": "shop",
        "details": True,
        "budget_ms": 200,
        "window": 50,
    }
    auth = ("us:er", "pässword")
    with Client("http://proxy", auth=auth, transport=answering(200, ANSWER, seen)) as client:
        client.search("products", "雨衣", 5, **options)
    async with AsyncClient("http://proxy", auth=auth, transport=answering(200, ANSWER, seen)) as twin:
        assert await twin.search("products", "雨衣", 5, **options) == RESULT
    one, other = seen
    assert one.content == other.content
    assert one.headers == other.headers
    assert one.headers["secondpass"] == "budget=200, window=50"
    assert one.headers["authorization"] == "Basic dXM6ZXI6cMOkc3N3b3Jk"
    sent = orjson.loads(one.content)
    assert sent["from"] == 20
    assert sent["filter"] == [{"term": {"brand": "Acme"}}]
    assert (sent["policy"], sent["details"], sent["size"], sent["query"]) == ("shop", True, 5, "雨衣")


def test_other_credentials_and_no_reranking() -> None:
    seen: list[httpx.Request] = []
    with Client("http://proxy", auth="ApiKey abc", transport=answering(200, ANSWER, seen)) as client:
        client.search("products", "x", rerank=False)
    assert seen[0].headers["authorization"] == "ApiKey abc"
    assert seen[0].headers["secondpass"] == "off"


def test_a_list_that_was_not_reranked_says_why() -> None:
    said = {"state": "partial", "reason": "timeout", "scored": 32, "knn": "late", "pages": "unstable", "later": "?"}
    hits = [{**ANSWER["hits"][0], "details": {"logit": 2.5}}]  # type: ignore[index]
    with Client("http://proxy", transport=answering(200, {**ANSWER, "hits": hits, "rerank": said})) as client:
        found = client.search("products", "x")
    assert found.rerank == Reranking("partial", "timeout", 32, knn="late", pages_stable=False)
    assert found.hits[0].details == {"logit": 2.5}


@pytest.mark.parametrize(
    ("status", "kind"), [(400, SearchError), (401, NotAllowed), (403, NotAllowed), (404, NotFound), (429, Busy)]
)
async def test_the_engines_reason_is_what_is_raised(status: int, kind: type[SearchError]) -> None:
    cause = {"type": "some_exception", "reason": "the reason"}
    transport = answering(status, {"error": {"root_cause": [cause], **cause}, "status": status})
    with Client("http://proxy", transport=transport) as client, pytest.raises(kind, match="the reason") as found:
        client.search("products", "x")
    assert type(found.value) is kind
    assert (found.value.http_status, found.value.type) == (status, "some_exception")
    async with AsyncClient("http://proxy", transport=transport) as twin:
        with pytest.raises(kind, match="the reason"):
            await twin.search("products", "x")


@pytest.mark.parametrize("content", [b"<html>401</html>", b"[]", b"\xff", {"error": "text only"}])
def test_an_answer_of_somebody_elses_is_an_error_too(content: Any) -> None:
    for status in (200, 401, 502):
        with (
            Client("http://proxy", transport=answering(status, content)) as client,
            pytest.raises(SearchError) as found,
        ):
            client.search("products", "x")
        assert found.value.http_status == status


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [(httpx.ReadTimeout, EngineTimeout, "timeout_s"), (httpx.ConnectError, EngineUnreachable, "cannot be reached")],
)
async def test_no_answer(error: type[httpx.HTTPError], kind: type[Exception], words: str) -> None:
    with (
        Client("http://user:secret@proxy", transport=failing(error)) as client,
        pytest.raises(kind, match=words) as found,
    ):
        client.search("products", "x")
    assert "secret" not in str(found.value)
    async with AsyncClient("http://proxy", transport=failing(error)) as twin:
        with pytest.raises(kind, match=words):
            await twin.search("products", "x")
