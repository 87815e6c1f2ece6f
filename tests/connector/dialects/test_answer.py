import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.dialects.answer import Found, read_answer, render_hit, write_answer
from tests.connector.dialects.samples import planned, policy, read

POLICY = policy()
PLAN = planned(read(), *POLICY.fields)

ANSWER = b"""{"took" : 7,"timed_out":false,"_shards":{"total":2,"successful":2,"skipped":0,"failed":0},
 "hits" : {"total":{"value":1000,"relation":"gte"},"max_score":3.5,"hits" : [
  {"_index":"p-1","_id":"a","_score":3.5,"_source":{"name":"Coat","price":1.0},"fields":{"name":["Coat"],"brand":["N"]}},
  {"_index":"p-1","_id":"b","_score":1.25,"matched_queries":["x"],"fields":{"description":["Warm"],"colour":["red"]},"inner_hits":{}},
  {"_index":"p-2","_id":"a","_score":1.0}
 ]},"aggregations":{"x":{"value":1e5}},"ext" : {"other":1}}"""


def found(body: bytes = ANSWER, **options: Any) -> Found:
    answer = read_answer(body, **options)
    assert answer is not None
    return answer


def test_candidates_in_the_engines_order() -> None:
    answer = found()
    assert [(one.key, one.fields, one.engine_rank, one.engine_score) for one in answer.candidates] == [
        (("p-1", "a", ""), b'{"name":["Coat"],"brand":["N"]}', 1, 3.5),
        (("p-1", "b", ""), b'{"description":["Warm"],"colour":["red"]}', 2, 1.25),
        (("p-2", "a", ""), b"", 3, 1.0),
    ]
    assert answer.candidates[2].raw == b'{"_index":"p-2","_id":"a","_score":1.0}'
    assert (answer.total, answer.relation, answer.max_score, answer.took_ms) == (1000, "gte", 3.5, 7)
    assert (answer.timed_out, answer.failed_shards) == (False, 0)
    assert [one.engine_rank for one in found(first=100).candidates] == [101, 102, 103]
    knn = found(knn=True).candidates[1]
    assert (knn.engine_rank, knn.knn_rank, knn.knn_score) == (None, 2, 1.25)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"<html>",
        b'{"error":{"type":"x"},"status":400}',
        b'{"hits":[]}',
        b'{"hits":{}}',
        b'{"hits":{"hits":{}}}',
        b'{"hits":{"hits":[1]}}',
        b'{"hits":{"hits":[{"_index":"p"}]}}',
        b'{"hits":{"hits":[{"_index":"p","_id":"1","_score":"x"}]}}',
        ANSWER[:-20],
    ],
)
def test_what_is_not_an_answer(body: bytes) -> None:
    assert read_answer(body) is None


def test_answers_with_less_in_them() -> None:
    bare = found(b'{"hits":{"hits":[]}}')
    assert (bare.candidates, bare.total, bare.max_score, bare.took_ms) == ((), None, None, 0)
    assert write_answer(b'{"hits":{"hits":[]}}', bare, [], 1.5, 10) == b'{"hits":{"hits":[]}}'
    old = found(b'{"hits":{"total":5,"max_score":null,"hits":[{"_index":"p","_id":"1","_score":null}]}}')
    assert (old.total, old.relation, old.max_score, old.candidates[0].engine_score) == (5, "eq", None, None)
    failed = found(b'{"took":1,"timed_out":true,"_shards":{"failed":2},"hits":{"hits":[]}}')
    assert (failed.timed_out, failed.failed_shards) == (True, 2)


def test_only_hits_change() -> None:
    answer = found()
    hits = [render_hit(one, PLAN.added) for one in reversed(answer.candidates)]
    out = write_answer(ANSWER, answer, hits)
    start, end = ANSWER.index(b"[\n"), ANSWER.index(b']},"aggr')
    assert out == ANSWER[:start] + b"[" + b",".join(hits) + ANSWER[end:]
    assert hits == [
        b'{"_index":"p-2","_id":"a","_score":1.0}',
        b'{"_index":"p-1","_id":"b","_score":1.25,"matched_queries":["x"],"fields":{"colour":["red"]},"inner_hits":{}}',
        b'{"_index":"p-1","_id":"a","_score":3.5,"_source":{"name":"Coat","price":1.0}}',
    ]


def test_scores_took_and_details() -> None:
    answer = found()
    hits = [render_hit(answer.candidates[2], PLAN.added, 1.75, {"rank": 1, "engine_rank": 3})]
    assert hits == [b'{"_index":"p-2","_id":"a","_score":1.75,"_secondpass":{"rank":1,"engine_rank":3}}']
    out = write_answer(ANSWER, answer, hits, 1.75, 12.6, {"state": "applied"})
    assert out.startswith(b'{"took" : 20,"timed_out":false,')
    assert b'"max_score":1.75,"hits" : [' in out
    assert out.endswith(b'"aggregations":{"x":{"value":1e5}},"ext" : {"other":1,"secondpass":{"state":"applied"}}}')
    plain = b'{"hits":{"max_score":null,"hits":[]}}'
    assert write_answer(plain, found(plain), [], 1.5, 0, {"a": 1}) == (
        b'{"hits":{"max_score":1.5,"hits":[]},"ext":{"secondpass":{"a":1}}}'
    )


def rendered(hit: dict[str, Any], request: object = None, fields: tuple[str, ...] = ("name", "brand")) -> Any:
    raw = json.dumps({"_index": "p", "_id": "1", "_score": None} | hit).encode()
    (candidate,) = found(b'{"hits":{"hits":[%b]}}' % raw).candidates
    return json.loads(render_hit(candidate, planned(read(request), *fields).added))


@pytest.mark.parametrize(
    ("request_body", "left"),
    [
        (None, None),
        ({"fields": ["brand"]}, {"brand": ["B"]}),
        ({"fields": ["b*"]}, {"brand": ["B"]}),
        ({"fields": ["*"]}, {"name": ["A"], "brand": ["B"]}),
        ({"fields": [{"field": "name", "format": "x"}]}, {"name": ["A"]}),
        ({"stored_fields": ["name"]}, {"name": ["A"]}),
        ({"docvalue_fields": [{"field": "brand"}]}, {"brand": ["B"]}),
        ({"script_fields": {"brand": {"script": "1"}}}, {"brand": ["B"]}),
        ({"collapse": {"field": "brand"}}, {"brand": ["B"]}),
    ],
)
def test_what_the_caller_asked_for_stays(request_body: object, left: object) -> None:
    assert rendered({"fields": {"name": ["A"], "brand": ["B"]}}, request_body).get("fields") == left


@pytest.mark.parametrize(
    ("request_body", "left"),
    [
        (None, None),
        ({"fields": ["variants.size"]}, {"variants": [{"size": ["S"]}, {"size": ["M"]}]}),
        ({"fields": ["variants.*"]}, {"variants": [{"size": ["S"], "name": ["A"]}, {"size": ["M"]}]}),
    ],
)
def test_nested_fields_are_cut_inside(request_body: object, left: object) -> None:
    nested = {"variants": [{"size": ["S"], "name": ["A"]}, {"size": ["M"]}]}
    if request_body is None:
        nested = {"variants": [{"name": ["A"]}, {"name": ["B"]}]}
    assert rendered({"fields": nested}, request_body, ("variants.name",)).get("fields") == left


@pytest.mark.parametrize(
    ("request_body", "left"),
    [
        (None, None),
        ({"fields": ["brand"]}, {"brand": ["a hidden one"]}),
        ({"fields": ["price"]}, {"price": ["bad"]}),
        ({"docvalue_fields": ["brand"]}, {"brand": ["a hidden one"]}),
    ],
)
@pytest.mark.parametrize("fields", [{}, {"fields": {"name": ["A"]}}])
def test_ignored_values_of_our_fields_are_cut(fields: dict[str, Any], request_body: Any, left: object) -> None:
    """Elasticsearch's, for `fields` asked for whose value was longer than `ignore_above`, say."""
    ignored = {"brand": ["a hidden one"]} | ({"price": ["bad"]} if request_body == {"fields": ["price"]} else {})
    hit = rendered({"_score": 1.0, "_ignored": ["brand"], **fields, "ignored_field_values": ignored}, request_body)
    assert hit.pop("ignored_field_values", None) == left
    assert hit == {"_index": "p", "_id": "1", "_score": 1.0, "_ignored": ["brand"]}
    raw = b'{"_index":"p","_id":"1","_score":1.0,"ignored_field_values":{"brand":["a hidden one"]}}'
    (candidate,) = found(b'{"hits":{"hits":[%b]}}' % raw).candidates
    assert render_hit(candidate, PLAN.added, 1.5) == b'{"_index":"p","_id":"1","_score":1.5}'


def test_aggregations_and_suggestions_lose_our_fields() -> None:
    hit = b'{"_id":"1","fields":{"name":["A"],"brand":["B"]}}'
    body = b'{"hits":{"hits":[]},"aggregations":{"t":{"hits":{"hits":[%b]}}},"suggest":{"s":[{"options":[%b]}]}}'
    top = {"t": {"top_hits": {"docvalue_fields": ["brand"]}}}
    out = write_answer(body % (hit, hit), found(body % (hit, hit)), [], added=PLAN.added, defined=top)
    assert out == body % (b'{"_id":"1","fields":{"brand":["B"]}}', b'{"_id":"1"}')


FIELD_NAMES = st.sampled_from(["name", "brand", "description", "colour", "price"])


@given(
    st.lists(st.dictionaries(FIELD_NAMES, st.lists(st.text(max_size=5), max_size=2)), min_size=1, max_size=6),
    st.lists(FIELD_NAMES | st.sampled_from(["*", "b*", "n*e"]), max_size=3),
    st.randoms(),
)
def test_hits_keep_everything_but_our_fields(documents: list[dict[str, Any]], asked: list[str], random: Any) -> None:
    hits = [
        {"_index": "p", "_id": str(n), "_score": 1.5, "_source": one, "fields": one} for n, one in enumerate(documents)
    ]
    body = json.dumps({"took": 1, "hits": {"total": {"value": 9}, "max_score": 1.5, "hits": hits}, "aggs": {}}).encode()
    answer = found(body)
    order = list(range(len(hits)))
    random.shuffle(order)
    plan = planned(read({"fields": asked}), *POLICY.fields)
    out = json.loads(write_answer(body, answer, [render_hit(answer.candidates[n], plan.added) for n in order]))
    covers = ["*" in asked, "b*" in asked, "n*e" in asked]
    kept = {"colour", "price", *asked, *(["brand"] * covers[1]), *(["name"] * covers[2])}
    for n, hit in zip(order, out["hits"]["hits"], strict=True):
        left = {key: value for key, value in documents[n].items() if covers[0] or key in kept}
        assert hit.pop("fields", {}) == left
        assert hit == {key: value for key, value in hits[n].items() if key != "fields"}
    assert {key: value for key, value in out.items() if key != "hits"} == {"took": 1, "aggs": {}}


QUICK = b'{"_index":"p","_id":"1","_version":3,"_score":1.5,"_source":{"a":{"fields":1}},"fields":{"name":["x"]}}'


@pytest.mark.parametrize(
    "raw",
    [
        QUICK,
        QUICK.replace(b',"fields":{"name":["x"]}', b""),
        QUICK.replace(b'"name"', b'"price"'),
        QUICK.replace(b'["x"]', b'["x"],"price":[1.0]'),
        QUICK.replace(b"}}", b'},"sort":[1]}'),
        QUICK.replace(b'":', b'" : '),
        QUICK.replace(b'"_version":3,', b'"_node":"n",'),
        b'{"_index":"p","_id":"a\\"b","_score":-1.0E-5}',
        b'{"_index":"p","_id":"1","_score":1.0,"fields":{"name":["x"]},"_source":{"z":1,"fields":{"name":["x"]}}}',
    ],
)
def test_the_quick_way_to_a_hit_is_the_general_one(raw: bytes) -> None:
    """`members` that change nothing force the general way."""
    (candidate,) = found(b'{"hits":{"hits":[%b]}}' % raw).candidates
    for added in ((), ("name",), ("name", "brand")):
        planned = replace(PLAN, added=added)
        general = render_hit(candidate, planned.added, 1.25, members={"_none": None})
        assert render_hit(candidate, planned.added, 1.25) == general
