"""We ask further than the caller's page, and once more for hits that moved: no hit is lost or gained by that."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.faithful.compare import items, key, same_but_for_order
from tests.faithful.conftest import PROPERTIES, Pair, bulk, document

RAIN: dict[str, Any] = {"match": {"name": "rain"}}


@contextmanager
def index(client: httpx.Client, name: str, lines: list[Any], *, shards: int = 3, **settings: Any) -> Iterator[str]:
    """An index of the policy "shop". `_source` in `settings` goes to the mappings."""
    mappings = {"properties": PROPERTIES | settings.pop("properties", {})}
    if "_source" in settings:
        mappings["_source"] = settings.pop("_source")
    made = {"number_of_shards": shards, "number_of_replicas": 0} | settings
    client.delete(f"/{name}")
    client.put(f"/{name}", json={"settings": made, "mappings": mappings}).raise_for_status()
    try:
        bulk(client, name, lines)
        yield name
    finally:
        client.delete(f"/{name}")


def rows(count: int) -> list[Any]:
    return [line for n in range(count) for line in ({"index": {"_id": f"r{n}"}}, document(n) | {"name": f"rain {n}"})]


def test_shards_without_source(pair: Pair) -> None:
    """Each shard that has hits refuses `fields`, the one without any answers: the whole is 200."""
    lines = rows(2)
    with index(pair.straight, "goods-bare", lines, shards=8, _source={"enabled": False}) as name:
        ours, theirs = pair.search({"query": RAIN}, f"/{name}/_search")
        assert theirs.json()["_shards"]["failed"] == 0
        # Elasticsearch 9 gives the hits without their text
        assert items(ours)[0].state == ("applied" if pair.dialect == "opensearch" else "failed")
        same_but_for_order(ours.json(), theirs.json())


def test_an_index_without_source_beside_another(pair: Pair) -> None:
    with index(pair.straight, "goods-bare", rows(6), _source={"enabled": False}) as name:
        ours, theirs = pair.search({"query": RAIN, "size": 20}, f"/goods,{name}/_search")
        assert theirs.json()["_shards"]["failed"] == 0
        if pair.dialect == "opensearch":  # Elasticsearch 9 gives all hits, those of one index without their text
            assert (items(ours)[0].state, items(ours)[0].reason) == ("skipped", "error")
            assert ours.json() | {"took": 0} == theirs.json() | {"took": 0}
        assert {key(hit) for hit in ours.json()["hits"]["hits"]} == {key(hit) for hit in theirs.json()["hits"]["hits"]}


def test_a_short_result_window_beside_another(pair: Pair) -> None:
    with index(pair.straight, "goods-short", rows(30), **{"index.max_result_window": 20}) as name:
        ours, theirs = pair.search({"query": RAIN, "size": 15}, f"/goods,{name}/_search")
        assert theirs.json()["_shards"]["failed"] == 0
        assert (items(ours)[0].state, items(ours)[0].window) == ("applied", 20)
        same_but_for_order(ours.json(), theirs.json())


def test_a_highlight_that_fails_behind_the_page(pair: Pair) -> None:
    long = {"name": "rain " + "snow " * 30, "text": "rain"}
    lines = [*rows(20), {"index": {"_id": "long"}}, long]
    with index(pair.straight, "goods-lit", lines, **{"index.highlight.max_analyzed_offset": 60}) as name:
        body = {"query": RAIN, "size": 5, "highlight": {"fields": {"name": {"type": "plain"}}}}
        for path in (f"/{name}/_search", f"/{name}/_search?filter_path=hits"):
            ours, theirs = pair.search(body, path)
            assert theirs.json().get("_shards", {"failed": 0})["failed"] == 0
            assert (items(ours)[0].state, items(ours)[0].reason) == ("skipped", "error")
            assert ours.json() | {"took": 0} == theirs.json() | {"took": 0}
        ours, theirs = pair.search(body | {"size": 40}, f"/{name}/_search")
        assert (theirs.json()["_shards"]["failed"], items(ours)[0].state) == (1, "applied")
        assert ours.json()["_shards"]["failed"] == 1
        assert {key(hit) for hit in ours.json()["hits"]["hits"]} == {key(hit) for hit in theirs.json()["hits"]["hits"]}


def test_neighbours_are_as_many_as_the_callers_size_says(pair: Pair) -> None:
    """Elasticsearch's kNN finds `size` of them where no `k` is given: they stand in totals and aggregations."""
    if pair.dialect != "elasticsearch":
        return
    vectors = {"embedding": {"type": "dense_vector", "dims": 2, "similarity": "cosine"}}
    lines = [one | ({} if "index" in one else {"embedding": [1.0, n / 100]}) for n, one in enumerate(rows(40))]
    with index(pair.straight, "goods-near", lines, shards=1, properties=vectors) as name:
        near = {"field": "embedding", "query_vector": [1.0, 0.1], "num_candidates": 40}
        aggs = {"brands": {"terms": {"field": "brand"}}}
        few = {"match": {"name": "7"}}
        for body in (
            {"query": few, "knn": near},
            {"query": {"bool": {"should": [few, {"knn": near}]}}},
            {"query": {"bool": {"should": few, "filter": {"knn": near}}}},
        ):
            ours, theirs = pair.search(body | {"aggs": aggs}, f"/{name}/_search")
            assert theirs.status_code == 200, theirs.text
            assert items(ours)[0].reason == "retriever"
            assert ours.json() | {"took": 0} == theirs.json() | {"took": 0}
            further = pair.straight.post(f"/{name}/_search", json=body | {"size": 30}).json()
            assert further["hits"]["total"] != theirs.json()["hits"]["total"]
        given = {"query": few, "knn": near | {"k": 10}, "aggs": aggs}
        ours, theirs = pair.search(given, f"/{name}/_search")
        assert items(ours)[0].state == "applied"
        same_but_for_order(ours.json(), theirs.json())


def test_a_sold_out_product_does_not_come_back(pair: Pair) -> None:
    """It was on the first page, and has left the window since."""
    with index(pair.straight, "goods-sold", rows(60), shards=1) as name:
        path = f"/{name}/_search"
        body = {"query": RAIN, "size": 10, "post_filter": {"range": {"stock": {"gte": 1}}}}
        first = pair.ours.post(path, json=body)
        assert items(first)[0].state == "applied"
        gone = key(first.json()["hits"]["hits"][0])
        sold = {"doc": {"stock": 0}}
        pair.straight.post(f"/{name}/_update/{gone[1]}?refresh=true", json=sold).raise_for_status()
        again = pair.ours.post(path, json=body)
        assert gone not in [key(hit) for hit in again.json()["hits"]["hits"]]
