"""The official client before a policy: its searches are reranked, its exports are complete and untouched."""

from collections.abc import Iterator
from typing import Any

import pytest
from opensearchpy import OpenSearch, helpers

from tests.e2e.conftest import Live, ids

WORDS: dict[str, Any] = {"query": {"multi_match": {"query": "waterproof jacket", "fields": ["name", "description"]}}}


@pytest.fixture
def ours(live: Live) -> Iterator[OpenSearch]:
    client = OpenSearch(live.url, timeout=90)
    yield client
    client.close()


@pytest.fixture
def theirs(live: Live) -> Iterator[OpenSearch]:
    client = OpenSearch(live.straight, timeout=90)
    yield client
    client.close()


def test_a_search_is_another_order_of_the_same_hits(ours: OpenSearch, theirs: OpenSearch) -> None:
    body = WORDS | {"size": 50, "_source": False}
    mine, engine = ours.search(index="shop", body=body), theirs.search(index="shop", body=body)
    assert mine["hits"]["total"] == engine["hits"]["total"]
    assert sorted(ids(mine)) == sorted(ids(engine))
    assert ids(mine) != ids(engine)


def test_searches_sent_together_are_reranked_as_alone(ours: OpenSearch) -> None:
    words = WORDS | {"_source": False}
    together = ours.msearch(body=[{"index": "shop"}, words, {"index": "shop"}, words | {"from": 10}])["responses"]
    alone = [ours.search(index="shop", body=body) for body in (words, words | {"from": 10})]
    assert [ids(one) for one in together] == [ids(one) for one in alone]


def test_what_is_no_ranked_page_is_the_engines(ours: OpenSearch, theirs: OpenSearch) -> None:
    cheapest = WORDS | {"sort": ["price", "_doc"]}
    lines = [{"index": "shop"}, cheapest, {"index": "shop"}, {"query": {"match_all": {}}, "sort": ["price", "_doc"]}]
    by_price = {"query": {"match_all": {}}, "sort": ["price", "id"], "size": 20}
    totals = {"size": 0, "aggs": {"brands": {"terms": {"field": "brand.keyword", "size": 50}}}}
    for ask in (
        lambda client: [ids(one) for one in client.msearch(body=lines)["responses"]],
        lambda client: ids(client.search(index="shop", body=by_price)),
        lambda client: client.search(index="shop", body=totals)["aggregations"],
        lambda client: client.count(index="shop", body={"query": WORDS["query"]})["count"],
        lambda client: client.get(index="shop", id="p0001")["_source"]["name"],
    ):
        assert ask(ours) == ask(theirs)


def test_export_walks_are_complete(ours: OpenSearch) -> None:
    count = ours.count(index="shop")["count"]
    scrolled = [hit["_id"] for hit in helpers.scan(ours, index="shop", query={"query": {"match_all": {}}}, size=100)]
    assert len(set(scrolled)) == len(scrolled) == count
    pit = ours.create_pit(index="shop", params={"keep_alive": "1m"})["pit_id"]
    walked: list[str] = []
    body: dict[str, Any] = {"size": 100, "sort": [{"id": "asc"}], "pit": {"id": pit, "keep_alive": "1m"}}
    while hits := ours.search(body=body)["hits"]["hits"]:
        walked += [hit["_id"] for hit in hits]
        body["search_after"] = hits[-1]["sort"]
    ours.delete_pit(body={"pit_id": [pit]})
    assert sorted(walked) == sorted(scrolled)


def test_writes_pass(ours: OpenSearch, theirs: OpenSearch) -> None:
    documents = [
        {"_index": "shop", "_id": f"client{number}", "name": "a thing of the client", "language": "en"}
        for number in range(20)
    ]
    assert helpers.bulk(ours, documents, refresh=True)[0] == 20
    assert theirs.count(index="shop", body={"query": {"match_phrase": {"name": "thing of the client"}}})["count"] == 20
    for document in documents:
        ours.delete(index="shop", id=document["_id"])
    ours.indices.refresh(index="shop")
    assert theirs.count(index="shop", body={"query": {"match_phrase": {"name": "thing of the client"}}})["count"] == 0
