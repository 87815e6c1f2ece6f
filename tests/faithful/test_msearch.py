"""`_msearch` through the proxy: searches under a policy reranked, all else the engine's bytes."""

import json
from typing import Any

import httpx
import pytest

from tests.faithful.compare import items, same_but_for_order
from tests.faithful.conftest import Pair

RAIN = {"query": {"match": {"name": "rain"}}}
JACKET = {"query": {"multi_match": {"query": "warm jacket", "fields": ["name", "text"]}}, "size": 5}
SORTED = {"query": {"match": {"name": "rain"}}, "sort": ["price"]}


def ask(pair: Pair, *lines: Any, path: str = "/_msearch", **headers: str) -> tuple[httpx.Response, httpx.Response]:
    content = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    headers = {"Content-Type": "application/x-ndjson"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return pair.both("POST", path, content=content, headers=headers)


def test_each_search_is_answered_as_its_policy_says(pair: Pair) -> None:
    ours, theirs = ask(
        pair,
        *({"index": "goods"}, RAIN),
        *({"index": ["goods", "goods-two"], "preference": "_local", "ignore_unavailable": True}, JACKET),
        *({"index": "goods"}, SORTED),
        *({"index": "unruled"}, {"query": {"match_all": {}}, "size": 0}),
        *({"index": "goods,elsewhere"}, RAIN),
        *({"index": "nothing-here"}, RAIN),
        *({"index": "goods"}, {"size": 0, "aggs": {"b": {"terms": {"field": "brand"}}}}),
    )
    assert [(item.state, item.reason) for item in items(ours)] == [
        ("applied", None),
        ("applied", None),
        ("skipped", "sort"),
        ("skipped", "opt_out"),
        ("skipped", "policies_differ"),
        ("skipped", "opt_out"),
        ("skipped", "size_zero"),
    ]
    mine, engine = ours.json(), theirs.json()
    same_but_for_order(mine["responses"][0], engine["responses"][0])
    assert [hit["_id"] for hit in mine["responses"][0]["hits"]["hits"]] != [
        hit["_id"] for hit in engine["responses"][0]["hits"]["hits"]
    ]
    for one, other in zip(mine["responses"][2:], engine["responses"][2:], strict=True):
        assert one | {"took": 0} == other | {"took": 0}


def test_a_search_is_the_same_alone_and_among_others(pair: Pair) -> None:
    among, _ = ask(pair, {}, RAIN, {}, JACKET, {}, JACKET | {"from": 5}, path="/goods/_msearch")
    alone = [pair.ours.post("/goods/_search", json=body) for body in (RAIN, JACKET, JACKET | {"from": 5})]
    for one, other in zip(among.json()["responses"], alone, strict=True):
        assert one["hits"] == other.json()["hits"]


def test_lines_that_come_as_a_parameter_and_a_packed_answer(pair: Pair) -> None:
    lines = f'{{"index": "goods"}}\n{json.dumps(JACKET)}\n'
    asked = {"source": lines, "source_content_type": "application/x-ndjson", "typed_keys": ""}
    ours, theirs = pair.both("GET", "/_msearch", params=asked, headers={"Accept-Encoding": "gzip"})
    assert [item.state for item in items(ours)] == ["applied"]
    assert ours.headers["content-encoding"] == theirs.headers["content-encoding"] == "gzip"
    posted, _ = ask(pair, {"index": "goods"}, JACKET)
    assert ours.json()["responses"][0]["hits"] == posted.json()["responses"][0]["hits"]


def test_controls_of_each_search(pair: Pair) -> None:
    off = RAIN | {"ext": {"secondpass": {"enabled": False}}}
    told = RAIN | {"ext": {"secondpass": {"details": True, "window": 7}}}
    ours, _ = ask(pair, {}, off, {}, told, path="/goods/_msearch")
    assert [item.state for item in items(ours)] == ["skipped", "applied"]
    assert items(ours)[1].window == 7
    first, second = ours.json()["responses"]
    assert "ext" not in first
    assert second["ext"]["secondpass"]["state"] == "applied"
    assert second["hits"]["hits"][0]["_secondpass"]["rank"] == 1
    ours, theirs = ask(pair, {}, RAIN, path="/goods/_msearch", Secondpass="off")
    assert items(ours)[0].reason == "opt_out"
    assert ours.json()["responses"][0]["hits"] == theirs.json()["responses"][0]["hits"]
    wrong = pair.ours.post(
        "/goods/_msearch",
        content=f"{{}}\n{json.dumps(RAIN)}\n",
        headers={"Content-Type": "application/x-ndjson", "Secondpass": 'policy="nothere"'},
    )
    assert wrong.status_code == 400
    unruled = {"index": "unruled"}, {"size": 0, "ext": {"secondpass": {"details": True}}}
    wrong, _ = ask(pair, {}, RAIN, *unruled, {}, RAIN | {"ext": {"secondpass": {"window": -1}}}, path="/goods/_msearch")
    assert [(item.state, item.reason) for item in items(wrong)] == [
        ("applied", None),
        ("skipped", "opt_out"),
        ("failed", "error"),
    ]
    assert [one["status"] for one in wrong.json()["responses"]] == [200, 200, 400]


@pytest.mark.parametrize(
    "content",
    [
        "{}\n" + json.dumps(RAIN),
        "{}\n{\n",
        '{"a":1}\n{}\n',
        "{}\n" + json.dumps({"query": {"nosuch": {}}}) + "\n",
        "{}\n" + json.dumps(RAIN | {"sise": 3}) + "\n",
        "",
        "\n",
    ],
)
def test_what_the_engine_refuses_is_its_own_error(pair: Pair, content: str) -> None:
    headers = {"Content-Type": "application/x-ndjson"}
    ours, theirs = pair.both("POST", "/goods/_msearch", content=content, headers=headers)
    assert (ours.status_code, ours.content) == (theirs.status_code, theirs.content)
    assert theirs.status_code == 400


def test_one_search_that_fails_is_that_searchs_error(pair: Pair) -> None:
    broken = {"query": {"match": {"name": "rain"}}, "size": 20_000}
    ours, theirs = ask(pair, {}, broken, {}, RAIN, {"index": "goods-none"}, RAIN, path="/goods/_msearch")
    mine, engine = ours.json()["responses"], theirs.json()["responses"]
    assert (mine[0], mine[2]) == (engine[0], engine[2])
    assert [item.state for item in items(ours)] == ["skipped", "applied", "skipped"]


@pytest.mark.parametrize("path", ["/_msearch", "/goods/_msearch"])
def test_outside_policies_nothing_is_said(pair: Pair, path: str) -> None:
    ours, theirs = ask(pair, {"index": "unruled"}, RAIN, {"index": "_all"}, RAIN, path=path)
    assert "secondpass-rerank" not in ours.headers
    assert [one.get("status") for one in ours.json()["responses"]] == [
        one.get("status") for one in theirs.json()["responses"]
    ]


@pytest.mark.parametrize(
    "parameters",
    [
        "typed_keys",
        "rest_total_hits_as_int=true",
        "pretty",
        "filter_path=responses.hits",
        "filter_path=took,responses.hits.hits",
        "filter_path=responses.hits.hits._source",
        "filter_path=-took",
        "max_concurrent_searches=1",
        "human&error_trace",
    ],
)
def test_parameters_of_the_answers_form(pair: Pair, parameters: str) -> None:
    body = JACKET | {"aggs": {"b": {"terms": {"field": "brand"}}}, "size": 100}
    ours, theirs = ask(pair, {}, body, path=f"/goods/_msearch?{parameters}")
    (item,) = items(ours)
    hidden = "_source" in parameters or "-took" in parameters
    assert (item.state, item.reason) == (("skipped", "no_text") if hidden else ("applied", None))
    for one, other in zip(ours.json()["responses"], theirs.json()["responses"], strict=True):
        if hidden:
            assert one | {"took": 0} == other | {"took": 0}
        else:
            same_but_for_order(one, other)


def test_pages_of_searches_among_others_are_stable(pair: Pair) -> None:
    whole, _ = ask(pair, {}, RAIN | {"size": 20}, path="/goods,goods-two/_msearch")
    parts, _ = ask(
        pair,
        *(line for at in (0, 5, 10, 15) for line in ({}, RAIN | {"from": at, "size": 5})),
        path="/goods,goods-two/_msearch",
    )
    listed = [hit["_id"] for one in parts.json()["responses"] for hit in one["hits"]["hits"]]
    assert listed == [hit["_id"] for hit in whole.json()["responses"][0]["hits"]["hits"]]


def test_more_than_we_rerank_at_once(pair: Pair) -> None:
    ours, _ = ask(pair, *(line for _ in range(40) for line in ({}, RAIN)), path="/goods/_msearch")
    said = [(item.state, item.reason) for item in items(ours)]
    assert said == [("applied", None)] * 32 + [("skipped", "overload")] * 8
