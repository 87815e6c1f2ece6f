import json
from typing import Any

import pytest

from connector.dialects.split import knn_filter
from tests.connector.dialects.samples import read

TEXT = "rain jacket"
MATCH = {"match": {"name": TEXT}}
ELSEWHERE = {"match": {"tenant": "Rain Jacket"}}  # the same word in another field may be a condition
TERM = {"term": {"in_stock": True}}
RANGE = {"range": {"price": {"lt": 50}}}
NOT = {"bool": {"must_not": [TERM]}}

SPLIT: list[tuple[dict[str, Any], list[Any]]] = [
    (MATCH, []),
    ({"match_all": {}}, []),
    ({"multi_match": {"query": "rain jacket", "fields": ["name"]}}, []),
    ({"bool": {"must": MATCH, "filter": TERM}}, [TERM]),
    ({"bool": {"must": [MATCH], "filter": [TERM, RANGE], "must_not": TERM}}, [TERM, RANGE, NOT]),
    ({"bool": {"must": [MATCH, RANGE]}}, [RANGE]),
    ({"bool": {"must": [MATCH, {"match": {"year": 2024}}]}}, [{"match": {"year": 2024}}]),
    ({"bool": {"must": [MATCH, {"bool": {"should": [TERM, RANGE]}}]}}, [{"bool": {"should": [TERM, RANGE]}}]),
    ({"bool": {"must": [MATCH], "filter": [{"match": {"category": "coats"}}]}}, [{"match": {"category": "coats"}}]),
    ({"bool": {"must": [MATCH], "filter": [{"script": {}}]}}, [{"script": {}}]),
    ({"bool": {"must": [MATCH], "should": [TERM, {"match": {"brand": "rain jacket"}}]}}, []),
    ({"bool": {"should": [MATCH, {"match_phrase": {"name": "rain jacket"}}]}}, []),
    ({"bool": {"should": [MATCH, MATCH], "minimum_should_match": 2, "filter": TERM}}, [TERM]),
    ({"bool": {"must": [MATCH, {"match_phrase": {"name": {"query": "rain  Jacket"}}}]}}, []),
    ({"bool": {"must": MATCH, "should": {"prefix": {"name": "ra"}}}}, []),
    ({"bool": {"should": [MATCH, ELSEWHERE], "minimum_should_match": 1}}, []),
    ({"bool": {"must": MATCH, "should": [TERM, RANGE], "minimum_should_match": 0}}, []),
    (
        {"bool": {"must": MATCH, "should": [TERM, RANGE], "minimum_should_match": 1}},
        [{"bool": {"should": [TERM, RANGE], "minimum_should_match": 1}}],
    ),
    ({"bool": {"must": [{"bool": {"must": [MATCH], "filter": [TERM]}}], "filter": [RANGE]}}, [RANGE, TERM]),
    ({"function_score": {"query": {"bool": {"must": MATCH, "filter": TERM}}, "functions": [{"weight": 2}]}}, [TERM]),
    ({"script_score": {"query": MATCH, "script": {"source": "1"}}}, []),
    ({"constant_score": {"filter": {"bool": {"must": [MATCH, TERM]}}}}, [TERM]),
    ({"constant_score": {"filter": TERM}}, [{"constant_score": {"filter": TERM}}]),
    ({"boosting": {"positive": MATCH, "negative": TERM}}, []),
    ({"dis_max": {"queries": [MATCH, {"match": {"brand": "rain jacket"}}]}}, []),
    ({"nested": {"path": "v", "query": {"match": {"v.name": "rain jacket"}}}}, []),
    ({"bool": {"must": [MATCH, {"nested": {"path": "v", "query": TERM}}]}}, [{"nested": {"path": "v", "query": TERM}}]),
]

UNSPLIT: list[dict[str, Any]] = [
    {"bool": {"must": [MATCH, {"match": {"brand": "Nordwand"}}]}},
    {"bool": {"should": [MATCH, TERM]}},
    {"bool": {"should": [{"bool": {"must": MATCH, "filter": TERM}}, MATCH]}},
    {"bool": {"must": MATCH, "should": [MATCH, TERM], "minimum_should_match": 1}},
    {"bool": {"must": [MATCH, {"prefix": {"name": "ra"}}]}},
    {"bool": {"must": [MATCH, {"script": {"script": "doc"}}]}},
    {"bool": {"must": [MATCH, {"percolate": {}}]}},
    {"dis_max": {"queries": [MATCH, TERM]}},
    {"nested": {"path": "v", "query": {"bool": {"must": [MATCH, TERM]}}}},
    {"function_score": {"query": MATCH, "min_score": 2}},
    {"script_score": {"query": MATCH, "script": {}, "min_score": 2}},
    {"hybrid": {"queries": [MATCH]}},
    {"knn": {"field": "e", "query_vector": [1.0], "k": 3}},
    {"neural": {"e": {"query_text": "rain jacket"}}},
    {"query_string": {"query": "rain AND name:x"}},
    {"bool": {"must": [MATCH, ELSEWHERE]}},
    {"bool": {"must": [MATCH, {"multi_match": {"query": TEXT, "fields": ["name", "tenant^2"]}}]}},
    {"bool": {"must": [ELSEWHERE], "should": [MATCH], "minimum_should_match": 1}},
    {"bool": {"should": [MATCH, ELSEWHERE], "minimum_should_match": "100%"}},
    {"bool": {"should": [MATCH, TERM], "minimum_should_match": 0}},
    {"bool": {"must": [MATCH, {"match": {"tenant": " "}}]}},
]


@pytest.mark.parametrize(("query", "clauses"), SPLIT, ids=json.dumps)
def test_the_part_without_words(query: dict[str, Any], clauses: list[Any]) -> None:
    assert knn_filter(read({"query": query}), TEXT) == tuple(clauses)


@pytest.mark.parametrize("query", UNSPLIT, ids=json.dumps)
def test_no_split_that_is_not_exact(query: dict[str, Any]) -> None:
    assert knn_filter(read({"query": query}), TEXT) is None


@pytest.mark.parametrize("query", [MATCH, {"bool": {"must": [MATCH], "should": [{"prefix": {"name": "ra"}}]}}])
def test_a_text_that_is_not_the_users_is_a_condition(query: dict[str, Any]) -> None:
    assert knn_filter(read({"query": query}), TEXT.upper()) == ()
    assert knn_filter(read({"query": query}), "wet weather") is None


def test_post_filter_joins() -> None:
    body = {"query": {"bool": {"must": MATCH, "filter": TERM}}, "post_filter": RANGE}
    assert knn_filter(read(body), TEXT) == (TERM, RANGE)
    assert knn_filter(read({"post_filter": RANGE}, "/p/_search?q=rain"), "rain") == (RANGE,)


@pytest.mark.parametrize("key", ["min_score", "knn", "slice", "terminate_after", "collapse"])
def test_limits_that_no_clause_can_repeat(key: str) -> None:
    assert knn_filter(read({"query": MATCH, key: 1}), TEXT) is None
