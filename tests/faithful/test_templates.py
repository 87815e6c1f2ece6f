"""Search templates through the proxy. The embedded Elasticsearch comes without its template module: errors only."""

import json
from typing import Any

import httpx
import pytest

from tests.faithful.compare import items, key, same_but_for_order
from tests.faithful.conftest import Pair

SOURCE = {"query": {"match": {"name": "{{words}}"}}, "size": "{{size}}", "aggs": {"b": {"terms": {"field": "brand"}}}}
ASKED: dict[str, Any] = {"source": SOURCE, "params": {"words": "rain", "size": 50}}
SORTED = {"source": {"query": {"match": {"name": "{{words}}"}}, "sort": ["price"]}, "params": {"words": "rain"}}


rendering = pytest.mark.parametrize("pair", ["opensearch"], indirect=True)


@rendering
def test_a_template_is_reranked_as_what_it_stands_for(pair: Pair) -> None:
    ours, theirs = pair.search(ASKED, "/goods/_search/template")
    assert items(ours)[0].state == "applied"
    same_but_for_order(ours.json(), theirs.json())
    plain = pair.ours.post("/goods/_search", json={"query": {"match": {"name": "rain"}}, "size": 50})
    assert [key(hit) for hit in ours.json()["hits"]["hits"]] == [key(hit) for hit in plain.json()["hits"]["hits"]]


@rendering
def test_a_template_that_comes_as_a_parameter(pair: Pair) -> None:
    asked = {"source": json.dumps(ASKED), "source_content_type": "application/json"}
    ours, theirs = pair.both("GET", "/goods/_search/template", params=asked)
    assert items(ours)[0].state == "applied"
    same_but_for_order(ours.json(), theirs.json())
    plain, _ = pair.search(ASKED, "/goods/_search/template")
    assert ours.json()["hits"] == plain.json()["hits"]


@rendering
def test_a_stored_template_with_parameters(pair: Pair) -> None:
    script = {"script": {"lang": "mustache", "source": json.dumps(SOURCE)}}
    pair.straight.put("/_scripts/faithful", json=script).raise_for_status()
    asked = {"id": "faithful", "params": {"words": 'rain "dry" {{x}}', "size": 5}, "explain": True, "profile": True}
    path = "/goods/_search/template?typed_keys&rest_total_hits_as_int=true&preference=_local"
    ours, theirs = pair.search(asked, path)
    pair.straight.delete("/_scripts/faithful")
    assert items(ours)[0].state == "applied"
    mine, engine = ours.json(), theirs.json()
    assert len(mine["hits"]["hits"]) == len(engine["hits"]["hits"]) == 5
    assert mine["hits"]["hits"][0]["_explanation"]["value"] == mine["hits"]["hits"][0]["_score"]
    assert set(mine) == set(engine)
    assert (mine["hits"]["total"], mine["aggregations"]) == (engine["hits"]["total"], engine["aggregations"])


@rendering
def test_parameters_that_templates_do_not_heed(pair: Pair) -> None:
    ours, theirs = pair.search(ASKED, "/goods/_search/template?size=1&from=3&q=snow&sort=price&_source=false&pretty")
    assert items(ours)[0].state == "applied"
    same_but_for_order(ours.json(), theirs.json())


@rendering
def test_a_template_that_is_not_reranked_is_the_engines(pair: Pair) -> None:
    ours, theirs = pair.search(SORTED, "/goods/_search/template")
    assert items(ours)[0].reason == "sort"
    assert ours.json() | {"took": 0} == theirs.json() | {"took": 0}


@pytest.mark.parametrize(
    "asked",
    [
        {"id": "nothing"},
        {"source": "{{{x}}", "params": {"x": 1}},
        {"source": {"query": {"nosuch": {}}}},
        {"source": {"query": {"match": {"name": "rain"}}, "size": 20_000}},
        {"source": "no json"},
        {"sauce": {}},
        [],
    ],
)
def test_what_goes_wrong_is_the_engines_error(pair: Pair, asked: Any) -> None:
    ours, theirs = pair.search(asked, "/goods/_search/template")
    assert (ours.status_code, ours.content) == (theirs.status_code, theirs.content)
    assert ours.status_code >= 400
    assert items(ours)[0].state == "skipped"


@rendering
def test_many_templates_at_once(pair: Pair) -> None:
    lines = [
        {"index": "goods"},
        ASKED,
        {"index": "goods"},
        SORTED,
        {"index": "unruled"},
        SORTED,
        {"index": "goods"},
        {"id": "nothing"},
    ]
    content = "".join(json.dumps(line) + "\n" for line in lines)
    headers = {"Content-Type": "application/x-ndjson"}
    ours, theirs = pair.both("POST", "/_msearch/template", content=content, headers=headers)
    assert [(item.state, item.reason) for item in items(ours)] == [
        ("applied", None),
        ("skipped", "sort"),
        ("skipped", "opt_out"),
        ("skipped", "error"),
    ]
    mine, engine = ours.json()["responses"], theirs.json()["responses"]
    same_but_for_order(mine[0], engine[0])
    for one, other in zip(mine[1:3], engine[1:3], strict=True):
        assert one | {"took": 0} == other | {"took": 0}
    assert mine[3] == engine[3]


@rendering
def test_rendering_alone_is_the_engines(pair: Pair) -> None:
    answers: tuple[httpx.Response, ...] = pair.both("POST", "/_render/template", json=ASKED)
    assert answers[0].content == answers[1].content
    assert "secondpass-rerank" not in answers[0].headers
