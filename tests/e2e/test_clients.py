"""The official clients, pointed at the proxy instead of the engine: same calls, same answers, complete exports.

`handed_on` puts every index under a policy whose search changes nothing, so that each `_search` is read and answered
by us: whoever wants to see a reranking policy here adds it to WAYS.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import elasticsearch
import elasticsearch.helpers
import opensearchpy
import opensearchpy.helpers
import pytest

from tests.connector.proxy.running import running_proxy
from tests.e2e.clients import MATCH, ONE_SHARD, PROPERTIES, comparable, document

WAYS: dict[str, Callable[[str], AbstractContextManager[str]]] = {
    "passed_through": running_proxy,
    "handed_on": lambda url: running_proxy(url, matches=lambda names: bool(names)),
}
DOCUMENTS = 250


@pytest.fixture(scope="module", params=WAYS)
def on_opensearch(request: pytest.FixtureRequest, opensearch_url: str) -> Iterator[tuple[str, str]]:
    with WAYS[request.param](opensearch_url) as url:
        yield opensearch_url, url


@pytest.fixture(scope="module", params=WAYS)
def on_elasticsearch(request: pytest.FixtureRequest, elasticsearch_url: str) -> Iterator[tuple[str, str]]:
    with WAYS[request.param](elasticsearch_url) as url:
        yield elasticsearch_url, url


def hits(answer: Any) -> list[tuple[str, float | None, Any]]:
    return [(hit["_id"], hit["_score"], hit["_source"]) for hit in answer["hits"]["hits"]]


def walk_opensearch(url: str, index: str) -> dict[str, Any]:
    """Everything a program does with an index, by what it got back."""
    got: dict[str, Any] = {}
    with opensearchpy.OpenSearch(url, timeout=60) as client:
        got["create"] = client.indices.create(index=index, body={"settings": ONE_SHARD, "mappings": PROPERTIES})
        got["index"] = client.index(index=index, id="one", body=document(0), refresh=True)
        lines = ({"_index": index, "_id": str(number), "_source": document(number)} for number in range(DOCUMENTS))
        got["bulk"] = opensearchpy.helpers.bulk(client, lines, chunk_size=100, refresh=True)
        got["search"] = client.search(index=index, body={"query": MATCH, "size": 20})
        got["uri search"] = client.search(index=index, q="name:wool", size=3, _source_includes="price")
        got["count"] = client.count(index=index, body={"query": MATCH})
        got["aggregations"] = client.search(
            index=index,
            body={"size": 0, "aggs": {"k": {"terms": {"field": "kind"}, "aggs": {"p": {"avg": {"field": "price"}}}}}},
        )["aggregations"]
        lines_ = [{"index": index}, {"query": MATCH, "size": 2}, {"index": index + "-none"}, {"query": MATCH}]
        got["msearch"] = client.msearch(body=lines_)["responses"]
        got["mget"] = client.mget(index=index, body={"ids": ["1", "none"]})
        got["scan"] = sorted(
            hit["_id"] for hit in opensearchpy.helpers.scan(client, index=index, query={"query": MATCH}, size=60)
        )
        pages, after = [], None
        pit = client.create_pit(index=index, keep_alive="1m")["pit_id"]
        while True:
            body = {
                "size": 60,
                "query": MATCH,
                "pit": {"id": pit, "keep_alive": "1m"},
                "sort": [{"price": "desc"}, "_doc"],
            }
            page = client.search(body=body | ({"search_after": after} if after else {}))["hits"]["hits"]
            if not page:
                break
            pages.append([hit["_id"] for hit in page])
            after = page[-1]["sort"]
        client.delete_pit(body={"pit_id": [pit]})
        got["pit"] = pages
        got["update"] = client.update(index=index, id="1", body={"doc": {"price": -1}}, refresh=True)
        got["delete"] = client.delete(index=index, id="2", refresh=True)
        got["by query"] = client.delete_by_query(index=index, body={"query": {"term": {"kind": "down"}}}, refresh=True)[
            "deleted"
        ]
        got["exists"] = [client.exists(index=index, id=each) for each in ("1", "2")]
        with pytest.raises(opensearchpy.NotFoundError) as gone:
            client.get(index=index, id="2")
        with pytest.raises(opensearchpy.RequestError) as wrong:
            client.search(index=index, body={"query": {"nonsense": {}}})
        got["errors"] = [(each.value.status_code, each.value.info) for each in (gone, wrong)]
        got["drop"] = client.indices.delete(index=index)
    return got


def walk_elasticsearch(url: str, index: str) -> dict[str, Any]:
    got: dict[str, Any] = {}
    with elasticsearch.Elasticsearch(url, request_timeout=60) as client:
        got["create"] = client.indices.create(index=index, settings=ONE_SHARD, mappings=PROPERTIES).body
        got["index"] = client.index(index=index, id="one", document=document(0), refresh=True).body
        lines = ({"_index": index, "_id": str(number), "_source": document(number)} for number in range(DOCUMENTS))
        got["bulk"] = elasticsearch.helpers.bulk(client, lines, chunk_size=100, refresh=True)
        got["search"] = client.search(index=index, query=MATCH, size=20).body
        got["uri search"] = client.search(index=index, q="name:wool", size=3, source_includes="price").body
        got["count"] = client.count(index=index, query=MATCH).body
        aggs = {"k": {"terms": {"field": "kind"}, "aggs": {"p": {"avg": {"field": "price"}}}}}
        got["aggregations"] = client.search(index=index, size=0, aggs=aggs).body["aggregations"]
        searches = [{"index": index}, {"query": MATCH, "size": 2}, {"index": index + "-none"}, {"query": MATCH}]
        got["msearch"] = client.msearch(searches=searches).body["responses"]
        got["mget"] = client.mget(index=index, ids=["1", "none"]).body
        got["scan"] = sorted(
            hit["_id"] for hit in elasticsearch.helpers.scan(client, index=index, query={"query": MATCH}, size=60)
        )
        pages, after = [], None
        pit = client.open_point_in_time(index=index, keep_alive="1m")["id"]
        sort = [{"price": "desc"}, "_doc"]
        while True:
            page = client.search(
                size=60, query=MATCH, pit={"id": pit, "keep_alive": "1m"}, sort=sort, search_after=after
            )
            if not page["hits"]["hits"]:
                break
            pages.append([hit["_id"] for hit in page["hits"]["hits"]])
            after = page["hits"]["hits"][-1]["sort"]
        client.close_point_in_time(id=pit)
        got["pit"] = pages
        got["update"] = client.update(index=index, id="1", doc={"price": -1}, refresh=True).body
        got["delete"] = client.delete(index=index, id="2", refresh=True).body
        got["exists"] = [client.exists(index=index, id=each).body for each in ("1", "2")]
        with pytest.raises(elasticsearch.NotFoundError) as gone:
            client.get(index=index, id="2")
        with pytest.raises(elasticsearch.BadRequestError) as wrong:
            client.search(index=index, query={"nonsense": {}})
        got["errors"] = [(each.value.status_code, each.value.body) for each in (gone, wrong)]
        got["drop"] = client.indices.delete(index=index).body
    return got


def check(straight: dict[str, Any], through: dict[str, Any]) -> None:
    for call, answer in straight.items():
        assert comparable(through[call]) == comparable(answer), call
    assert len(straight["scan"]) == DOCUMENTS + 1
    assert len({each for page in straight["pit"] for each in page}) == DOCUMENTS + 1
    assert len(hits(straight["search"])) == 20


def test_opensearch_py(on_opensearch: tuple[str, str], unique_index: str):
    straight, through = (
        walk_opensearch(url, unique_index + suffix) for url, suffix in zip(on_opensearch, "sp", strict=True)
    )
    check(straight, through)


def test_elasticsearch_py(on_elasticsearch: tuple[str, str], unique_index: str):
    straight, through = (
        walk_elasticsearch(url, unique_index + suffix) for url, suffix in zip(on_elasticsearch, "sp", strict=True)
    )
    check(straight, through)
