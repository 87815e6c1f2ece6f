"""A reranked answer beside the engine's own: only the hits' order and scores, `took` and our header may differ."""

import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.faithful.compare import items, key, plain, same_but_for_order
from tests.faithful.conftest import Pair

RAIN: dict[str, Any] = {"multi_match": {"query": "rain jacket", "fields": ["name", "text"]}}
VARIANTS = {"path": "variants", "query": {"match": {"variants.name": "rain"}}}

BODIES: dict[str, dict[str, Any]] = {
    "aggregations": {
        "aggs": {
            "brands": {"terms": {"field": "brand"}, "aggs": {"best": {"top_hits": {"size": 2}}}},
            "price": {"histogram": {"field": "price", "interval": 50}},
            "all": {"global": {}, "aggs": {"n": {"value_count": {"field": "brand"}}}},
        }
    },
    "suggest": {"suggest": {"s": {"text": "raim jaket", "term": {"field": "name"}}}},
    "highlight": {"highlight": {"fields": {"name": {}, "text": {"number_of_fragments": 1}}}},
    "source off": {"_source": False},
    "source includes": {"_source": {"includes": ["na*", "price"], "excludes": ["name"]}},
    "fields": {"fields": ["col*", {"field": "made", "format": "yyyy"}], "_source": False},
    "all fields": {"fields": ["*"]},
    "stored fields": {"stored_fields": ["name"]},
    "docvalue fields": {"docvalue_fields": ["brand", {"field": "made", "format": "epoch_millis"}]},
    "the model's field asked for": {"fields": ["name"], "_source": ["price"]},
    "min_score": {"min_score": 1.0},
    "post_filter": {"post_filter": {"term": {"brand": "nord"}}, "aggs": {"b": {"terms": {"field": "brand"}}}},
    "total counted": {"track_total_hits": True},
    "total off": {"track_total_hits": False},
    "total bounded": {"track_total_hits": 5},
    "timeout": {"timeout": "30s"},
    "version": {"version": True, "seq_no_primary_term": True},
    "sort by score": {"sort": [{"_score": {"order": "desc"}}], "track_scores": True},
    "named": {"query": {"bool": {"should": [RAIN, {"term": {"brand": {"value": "nord", "_name": "n"}}}]}}},
    "nested": {"query": {"nested": VARIANTS | {"inner_hits": {"size": 1, "highlight": {"fields": {"*": {}}}}}}},
    "collapse": {"collapse": {"field": "brand", "inner_hits": {"name": "more", "size": 2, "sort": ["price"]}}},
    "boost of an index": {"indices_boost": [{"goods": 2.0}]},
    "explain": {"explain": True},
    "stats": {"stats": ["a", "b"]},
}

TARGETS = {
    "typed_keys": "/goods/_search?typed_keys",
    "total as int": "/goods/_search?rest_total_hits_as_int=true",
    "filter_path": "/goods/_search?filter_path=took,hits,aggregations.*.buckets.key",
    "human": "/goods/_search?human&pretty&error_trace=true",
    "preference": "/goods/_search?preference=_local&request_cache=false",
    "routing": "/goods/_search?routing=7",
    "search_type": "/goods/_search?search_type=dfs_query_then_fetch&batched_reduce_size=2",
    "two indices": "/goods,goods-two/_search",
    "wildcard": "/goods-*/_search?expand_wildcards=open",
    "alias": "/shelf/_search",
    "one is not there": "/goods,goods-none/_search?ignore_unavailable=true",
    "encoded": "/goods%2Cgoods-two/_search?preference=a%20b%2Cc",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_bodies(pair: Pair, body: dict[str, Any]) -> None:
    asked = {"query": RAIN, "size": 12} | body
    faithful(pair, "/goods/_search", asked)


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS.keys())
def test_targets(pair: Pair, target: str) -> None:
    asked = {"query": RAIN, "size": 12, "aggs": {"b": {"terms": {"field": "brand"}}}}
    faithful(pair, target, asked)


@pytest.mark.parametrize("pair", ["opensearch"], indirect=True)
def test_a_data_stream(pair: Pair) -> None:
    faithful(pair, "/logs-goods/_search", {"query": RAIN, "size": 12})


@pytest.mark.parametrize("pair", ["opensearch"], indirect=True)
def test_scripts(pair: Pair) -> None:
    """The embedded Elasticsearch comes without its script language."""
    fields = {"double": {"script": {"source": "doc['price'].value * 2"}}}
    faithful(pair, "/goods/_search", {"query": RAIN, "script_fields": fields, "_source": ["name"]})
    scored = {"script_score": {"query": RAIN, "script": {"source": "_score * 2"}}}
    faithful(pair, "/goods/_search", {"query": scored, "size": 12})


def faithful(pair: Pair, target: str, body: dict[str, Any]) -> httpx.Response:
    """Reranked, and as the engine says in all that is not order. Gives our answer."""
    ours, theirs = pair.search(body, target)
    assert theirs.status_code == 200, theirs.text
    assert (items(ours)[0].state, items(ours)[0].reason) == ("applied", None)
    mine, engine = ours.json(), theirs.json()
    every = pair.straight.post(target, json=body | {"size": 1000}).json()
    same_but_for_order(mine, engine)
    known = {key(hit): plain(hit) for hit in every["hits"]["hits"]}
    assert all(plain(hit) == known[key(hit)] for hit in mine["hits"]["hits"])
    shown = [hit["_score"] for hit in mine["hits"]["hits"]]
    assert shown == sorted(shown, reverse=True)
    assert mine["hits"].get("max_score", shown[0]) == shown[0]
    assert {name: value for name, value in ours.headers.items() if name not in CHANGED} == {
        name: value for name, value in theirs.headers.items() if name not in CHANGED
    }
    return ours


CHANGED = ("content-length", "transfer-encoding", "secondpass-rerank")


def test_a_uri_search(pair: Pair) -> None:
    for query in ("q=rain+jacket&df=name", "q=%22rain%22&df=name&default_operator=AND", "q=%2Brain&df=name&size=3"):
        ours, theirs = pair.both("GET", f"/goods/_search?{query}&_source=name")
        assert items(ours)[0].state == "applied"
        assert ours.json()["hits"]["total"] == theirs.json()["hits"]["total"]
        assert len(ours.json()["hits"]["hits"]) == len(theirs.json()["hits"]["hits"])
    source = quote(json.dumps({"query": {"match": {"name": "rain"}}}))
    ours, theirs = pair.both("GET", f"/goods/_search?source={source}&source_content_type=application/json")
    assert items(ours)[0].state == "applied"
    same_but_for_order(ours.json(), theirs.json())


def test_collapse_is_the_engines_and_the_groups_are_reordered(pair: Pair) -> None:
    """Each group's head is the engine's best of it; the model orders the heads."""
    body = {"query": RAIN, "collapse": {"field": "brand"}, "size": 10}
    ours, theirs = pair.search(body)
    assert {key(hit) for hit in ours.json()["hits"]["hits"]} == {key(hit) for hit in theirs.json()["hits"]["hits"]}
    assert ours.json()["hits"]["total"] == theirs.json()["hits"]["total"]


def test_profile_comes_with_the_answer(pair: Pair) -> None:
    ours, theirs = pair.search({"query": RAIN, "profile": True})
    assert items(ours)[0].state == "applied"
    assert shape(ours.json()["profile"]) == shape(theirs.json()["profile"])


def shape(said: Any) -> Any:
    """The profile's shards, each with its searches' query types; times differ from run to run."""
    return [[one["query"][0]["type"] for one in shard["searches"]] for shard in said["shards"]]


def test_indices_of_different_policies(pair: Pair) -> None:
    ours, theirs = pair.search({"query": RAIN}, "/goods,elsewhere/_search")
    assert (items(ours)[0].state, items(ours)[0].reason) == ("skipped", "policies_differ")
    assert ours.json() | {"took": 0} == theirs.json() | {"took": 0}


def test_a_policy_that_keeps_the_engines_scores(pair: Pair) -> None:
    ours, theirs = pair.search({"query": RAIN, "size": 60}, "/keepers/_search")
    assert items(ours)[0].state == "applied"
    scores = {key(hit): hit["_score"] for hit in theirs.json()["hits"]["hits"]}
    assert {key(hit): hit["_score"] for hit in ours.json()["hits"]["hits"]} == scores
    assert ours.json()["hits"]["max_score"] == theirs.json()["hits"]["max_score"]


def test_explain_tells_how_a_hit_came_to_its_score(pair: Pair) -> None:
    body = {"query": {"match": {"name": "rain"}}, "explain": True, "ext": {"secondpass": {"details": True}}}
    first = faithful(pair, "/goods/_search", {key: value for key, value in body.items() if key != "ext"}).json()
    pair.search(body)
    hits = pair.ours.post("/goods/_search", json=body).json()["hits"]["hits"]
    engines = {
        key(hit): hit
        for hit in pair.straight.post("/goods/_search", json=dict(list(body.items())[:2])).json()["hits"]["hits"]
    }
    assert [hit["_explanation"]["value"] for hit in first["hits"]["hits"]] == [
        hit["_score"] for hit in first["hits"]["hits"]
    ]
    for hit in hits:
        tree, told = hit["_explanation"], hit["_secondpass"]
        assert set(tree) == {"value", "description", "details"}
        assert tree["value"] == hit["_score"]
        probability, stage, own = tree["details"]
        assert probability["details"][0]["value"] == told["logit"]
        assert "from cache" in probability["details"][0]["description"]
        assert abs(probability["value"] - (hit["_score"] - 1)) < 1e-9
        assert stage["details"][0]["value"] == told["engine_rank"]
        assert own["value"] == told["engine_score"]
        if key(hit) in engines:
            assert own["details"][0] == engines[key(hit)]["_explanation"]


@pytest.mark.parametrize("pair", ["opensearch"], indirect=True)
def test_an_indexs_own_search_pipeline_is_noticed(pair: Pair) -> None:
    pipeline = {"response_processors": [{"rename_field": {"field": "name", "target_field": "called"}}]}
    pair.straight.put("/_search/pipeline/faithful", json=pipeline).raise_for_status()
    settings = {"index": {"number_of_replicas": 0, "search.default_pipeline": "faithful"}}
    pair.straight.put("/goods-piped", json={"settings": settings}).raise_for_status()
    try:
        for number in range(3):
            document = {"name": f"rain jacket {number}"}
            pair.straight.put(f"/goods-piped/_doc/{number}?refresh=true", json=document).raise_for_status()
        body = {"query": {"match": {"name": "rain"}}}
        ours, theirs = pair.search(body, "/goods-piped/_search")
        assert (items(ours)[0].state, items(ours)[0].reason) == ("skipped", "pipeline")
        assert ours.json() | {"took": 0} == theirs.json() | {"took": 0}
        ours, theirs = pair.search(body, "/goods-piped/_search?search_pipeline=_none")
        assert items(ours)[0].state == "applied"
    finally:
        pair.straight.delete("/goods-piped")
        pair.straight.delete("/_search/pipeline/faithful")
