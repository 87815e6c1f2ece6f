"""A point in time names no index, so that its searches are under a policy only where `_all` is listed, with `pit`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from connector.settings import parse
from tests.faithful.compare import items, key, same_but_for_order
from tests.faithful.conftest import MODEL, Pair, ready, serving

WORDS: dict[str, Any] = {"query": {"multi_match": {"query": "rain jacket", "fields": ["name", "text"]}}}
ALL = {
    "name": "all",
    "indices": ["_all"],
    "fields": ["name", "text"],
    "model": MODEL,
    "window": 30,
    "budget_ms": 20_000,
}


@pytest.fixture(scope="module")
def everything(pair: Pair, valkey_url: str, broker_url: str) -> Iterator[httpx.Client]:
    """A proxy whose policy is for searches that name no index, too, and for points in time."""
    servers = {"redis": {"url": valkey_url, "cache_key": "of the tests"}, "broker": {"url": broker_url}}
    engine = {"url": [str(pair.straight.base_url)]}
    model = {"name": MODEL, "source": "stub"}
    policy = {**ALL, "pit": True}
    made = {**servers, "engine": engine, "proxy": {"port": 0}, "model": [model], "policy": [policy]}
    with serving(parse(made)) as url, httpx.Client(base_url=url, timeout=180) as client:
        ready(lambda: client.get("/_secondpass/ready?rerank=true").status_code == 200)
        yield client


@contextmanager
def moment(pair: Pair) -> Iterator[dict[str, str]]:
    """`pit` of a search, straight from the engine."""
    if pair.dialect == "opensearch":
        path, closing, name = "/goods/_search/point_in_time", "/_search/point_in_time", "pit_id"
    else:
        path, closing, name = "/goods/_pit", "/_pit", "id"
    found = pair.straight.post(f"{path}?keep_alive=1m").json()[name]
    yield {"id": found, "keep_alive": "1m"}
    pair.straight.request("DELETE", closing, json={name: found})


def test_pages_of_a_point_in_time_are_reranked_and_join(pair: Pair, everything: httpx.Client) -> None:
    with moment(pair) as pit:
        body = WORDS | {"pit": pit}
        whole = everything.post("/_search", json=body | {"size": 40})
        assert [(item.state, item.window) for item in items(whole)] == [("applied", 30)]
        same_but_for_order(whole.json(), pair.straight.post("/_search", json=body | {"size": 40}).json())
        pages = [everything.post("/_search", json=body | {"from": at, "size": 10}) for at in (0, 10, 20, 30)]
        shown = [key(hit) for page in pages for hit in page.json()["hits"]["hits"]]
        assert shown == [key(hit) for hit in whole.json()["hits"]["hits"]]


def test_an_export_walk_is_the_engines(pair: Pair, everything: httpx.Client) -> None:
    with moment(pair) as pit:
        body = WORDS | {"pit": pit, "sort": ["price", "_doc"], "size": 25}
        after: list[Any] = []
        for _ in range(2):
            asked = body | ({"search_after": after} if after else {})
            ours, theirs = (client.post("/_search", json=asked) for client in (everything, pair.straight))
            assert items(ours)[0].reason == ("search_after" if after else "sort")
            assert ours.json()["hits"] == theirs.json()["hits"]
            after = ours.json()["hits"]["hits"][-1]["sort"]


def test_elsewhere_it_passes_unread(pair: Pair) -> None:
    with moment(pair) as pit:
        ours, theirs = pair.both("POST", "/_search", json=WORDS | {"pit": pit})
        assert "secondpass-rerank" not in ours.headers
        assert ours.json()["hits"] == theirs.json()["hits"]
        named, refused = pair.both("POST", "/goods/_search", json=WORDS | {"pit": pit})
        assert (named.status_code, named.content) == (refused.status_code, refused.content)
        assert items(named)[0].reason == "pit"
