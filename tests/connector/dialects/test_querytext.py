import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.dialects.querytext import query_text
from connector.dialects.request import read_request
from connector.dialects.split import knn_filter
from connector.errors import ConfigError
from connector.settings import parse
from connector.types import Reason
from tests.connector.dialects.samples import call, read

TEXT = "rain jacket"
MATCH = {"match": {"name": TEXT}}
TERM = {"term": {"in_stock": True}}

FOUND: list[dict[str, Any]] = [
    MATCH,
    {"match": {"name": {"query": TEXT, "operator": "and", "fuzziness": "AUTO"}}},
    {"match": {"name": "  rain   jacket "}},
    {"match_phrase": {"name": TEXT}},
    {"match_phrase_prefix": {"name": {"query": TEXT, "slop": 2}}},
    {"match_bool_prefix": {"name": TEXT}},
    {"multi_match": {"query": TEXT, "fields": ["name^3", "description"], "type": "cross_fields"}},
    {"combined_fields": {"query": TEXT, "fields": ["name"]}},
    {"query_string": {"query": TEXT, "default_field": "name"}},
    {"simple_query_string": {"query": TEXT, "fields": ["name"]}},
    {"simple_query_string": {"query": TEXT, "flags": "NONE"}},
    {"bool": {"must": MATCH}},
    {"bool": {"must": [MATCH], "filter": [TERM], "must_not": [{"match": {"name": "kids"}}]}},
    {"bool": {"should": [MATCH, {"match_phrase": {"name": TEXT}}, {"match": {"brand": TEXT.title()}}]}},
    {"bool": {"must": [MATCH], "filter": [{"match": {"category": "clothes"}}]}},
    {"bool": {"must": [{"bool": {"should": [MATCH]}}, {"range": {"price": {"lt": 5}}}]}},
    {"bool": {"must": [MATCH], "should": [{"prefix": {"name": "rain"}}, {"match": {"year": 2024}}]}},
    {"dis_max": {"queries": [MATCH, {"match": {"brand": TEXT}}], "tie_breaker": 0.3}},
    {"function_score": {"query": MATCH, "functions": [{"filter": {"match": {"brand": "x"}}, "weight": 2}]}},
    {"script_score": {"query": MATCH, "script": {"source": "_score * 2"}}},
    {"boosting": {"positive": MATCH, "negative": {"match": {"name": "used"}}, "negative_boost": 0.5}},
    {"constant_score": {"filter": MATCH}},
    {"nested": {"path": "variants", "query": {"match": {"variants.name": TEXT}}}},
    {"hybrid": {"queries": [MATCH, {"knn": {"embedding": {"vector": [1.0], "k": 5}}}]}},
    {"hybrid": {"queries": [MATCH, {"neural": {"embedding": {"query_text": TEXT, "k": 5}}}]}},
    {"semantic": {"field": "body", "query": TEXT}},
    {"sparse_vector": {"field": "body", "inference_id": "x", "query": TEXT}},
]

NONE: list[dict[str, Any]] = [
    {"match_all": {}},
    TERM,
    {"bool": {}},
    {"bool": {"filter": [MATCH]}},
    {"bool": {"must_not": [MATCH]}},
    {"match": {"name": ""}},
    {"match": {"name": "   "}},
    {"match": {"year": 2024}},
    {"prefix": {"name": "rain ja"}},
    {"knn": {"field": "embedding", "query_vector": [1.0], "k": 5}},
    {"function_score": {"functions": []}},
]

AMBIGUOUS: list[dict[str, Any]] = [
    {"bool": {"must": [MATCH, {"match": {"brand": "Nordwand"}}]}},
    {"bool": {"should": [MATCH, {"match_phrase": {"name": "rain"}}]}},
    {"dis_max": {"queries": [MATCH, {"match": {"name": "umbrella"}}]}},
    {"more_like_this": {"fields": ["name"], "like": TEXT}},
    {"intervals": {"name": {"match": {"query": TEXT}}}},
    {"span_term": {"name": "rain"}},
    {"wrapper": {"query": "eyJ9"}},
    {"pinned": {"ids": ["1"], "organic": MATCH}},
    {"bool": {"must": [{"template": {}}]}},
    {"made_up": {}},
    {},
    {"match": {"name": TEXT}, "term": {"a": 1}},
]

LUCENE = [
    "name:jacket",
    "rain AND NOT jacket",
    "rain OR jacket",
    "NOT rain",
    "rai*",
    "r?in",
    '"rain jacket"~2',
    'name:"rain jacket"',
    '"rain jacket',
    '"rain \\" jacket"',
    "(rain jacket)",
    "AND rain",
    "rain -kids",
    "rain~",
    "rain^2",
    "[a TO b]",
    "/ra.n/",
    "rain\\:x",
    "rain && jacket",
    "rain || jacket",
    "!rain",
    "price >5",
]


@pytest.mark.parametrize("query", FOUND, ids=json.dumps)
def test_one_text_is_found(query: dict[str, Any]) -> None:
    assert query_text(read({"query": query})) == TEXT


@pytest.mark.parametrize("query", NONE, ids=json.dumps)
def test_no_text(query: dict[str, Any]) -> None:
    assert query_text(read({"query": query})) is Reason.NO_TEXT


@pytest.mark.parametrize("query", AMBIGUOUS, ids=json.dumps)
def test_ambiguous(query: dict[str, Any]) -> None:
    assert query_text(read({"query": query})) is Reason.AMBIGUOUS


@pytest.mark.parametrize("text", LUCENE)
def test_query_string_syntax_is_not_words(text: str) -> None:
    assert query_text(read({"query": {"query_string": {"query": text}}})) is Reason.AMBIGUOUS


@pytest.mark.parametrize("text", ["t-shirt and jeans", "c++", "100% cotton", "rock & roll", "wi-fi 6e", "men's 9.5"])
def test_plain_query_strings_are_words(text: str) -> None:
    assert query_text(read({"query": {"query_string": {"query": text}}})) == text


@pytest.mark.parametrize("text", ["rain | snow", '"rain jacket"~1', "rain -kids", "rai*", "rain~1", "(a b)", "c++"])
def test_simple_query_string_syntax_is_not_words(text: str) -> None:
    assert query_text(read({"query": {"simple_query_string": {"query": text}}})) is Reason.AMBIGUOUS
    plain = {"simple_query_string": {"query": text, "flags": "NONE"}}
    assert query_text(read({"query": plain})) == text


@pytest.mark.parametrize(
    "text", ['"rain jacket"', '+"rain jacket"', "+rain +jacket", "+rain jacket", 'rain "jacket"', 'rain +"jacket"']
)
def test_syntax_that_asks_for_all_words_is_words(text: str) -> None:
    for kind in ("query_string", "simple_query_string"):
        assert query_text(read({"query": {kind: {"query": text}}})) == TEXT
    flagged = {"simple_query_string": {"query": text, "flags": "AND|PREFIX"}}
    assert query_text(read({"query": flagged})) is Reason.AMBIGUOUS
    assert query_text(read({"query": {"query_string": {"query": "rain AND jacket"}}})) == TEXT
    assert query_text(read({"query": {"query_string": {"query": '"a:b (c)"'}}})) == "a:b (c)"


def test_without_a_query() -> None:
    assert query_text(read()) is Reason.NO_TEXT
    assert query_text(read({"suggest": {"text": "rain"}})) is Reason.NO_TEXT


def test_uri_query() -> None:
    assert query_text(read(None, "/p/_search?q=rain+jacket")) == TEXT
    assert query_text(read({"query": {"match": {"name": "other"}}}, "/p/_search?q=rain%20jacket")) == TEXT
    assert query_text(read(None, "/p/_search?q=name:jacket")) is Reason.AMBIGUOUS


def test_top_level_knn_may_bring_text() -> None:
    builder = {"text_embedding": {"model_id": "m", "model_text": TEXT}}
    assert query_text(read({"knn": {"field": "e", "query_vector": [1], "k": 3}})) is Reason.NO_TEXT
    assert query_text(read({"knn": {"field": "e", "query_vector_builder": builder, "k": 3}})) == TEXT
    assert query_text(read({"knn": [{"field": "e", "query_vector_builder": builder}], "query": MATCH})) == TEXT


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$.query.bool.must[0].match.name", "rain"),
        ("$.query.bool.must[1].match['brand.x']", "Nord"),
        ("query.bool.must[0].match.name", "rain"),
        ("header:X-User-Query", "雨衣 red"),
        ("header: x-user-query", "雨衣 red"),
        ("$.query.bool.must[-1].match.*", "Nord"),
        ("$.query.bool.must[?@.match.name].match.name", "rain"),
        ("$..name", "rain"),
        ("$..must[*].match.*", Reason.AMBIGUOUS),
        ("$.query.bool.must[7].match.name", Reason.AMBIGUOUS),
        ("$.absent", Reason.AMBIGUOUS),
        ("header:Absent", Reason.AMBIGUOUS),
        ("", Reason.AMBIGUOUS),
    ],
)
def test_query_path(path: str, expected: str) -> None:
    body = {"query": {"bool": {"must": [{"match": {"name": " rain "}}, {"match": {"brand.x": "Nord"}}]}}}
    one = call(body)
    headers = [*one.headers, (b"X-User-Query", "雨衣  red".encode())]
    request = read_request(type(one)(one.method, one.target, headers, one.body))
    assert request is not None
    assert query_text(request, path) == expected


LEAVES = st.sampled_from(
    [
        MATCH,
        TERM,
        {"match": {"name": "boots"}},
        {"match": {"name": {"query": TEXT}}},
        {"match_all": {}},
        {"exists": {}},
        *FOUND[3:11],
        *AMBIGUOUS[3:8],
        *NONE[:3],
    ]
)
QUERIES = st.recursive(
    LEAVES | st.dictionaries(st.sampled_from(["match", "bool", "knn", "x"]), st.none() | st.text() | st.integers()),
    lambda inner: st.one_of(
        st.fixed_dictionaries(
            {
                "bool": st.dictionaries(
                    st.sampled_from(["must", "should", "filter", "must_not"]), inner | st.lists(inner)
                )
            }
        ),
        st.fixed_dictionaries({"dis_max": st.fixed_dictionaries({"queries": st.lists(inner)})}),
        st.fixed_dictionaries({"constant_score": st.fixed_dictionaries({"filter": inner})}),
        st.fixed_dictionaries({"function_score": st.fixed_dictionaries({"query": inner})}),
        st.fixed_dictionaries({"nested": st.fixed_dictionaries({"path": st.just("v"), "query": inner})}),
    ),
    max_leaves=6,
)


@given(QUERIES)
@settings(max_examples=200)
def test_any_query_gives_a_text_or_a_reason(query: dict[str, Any]) -> None:
    request = read({"query": query})
    found = query_text(request)
    assert isinstance(found, Reason) or (found.strip() and found.casefold() in json.dumps(query).casefold())
    clauses = knn_filter(request, found)
    if found is Reason.AMBIGUOUS:
        assert clauses is None


def test_a_query_too_deep_is_ambiguous() -> None:
    depth = 250
    body = b'{"query":' + b'{"bool":{"must":[' * depth + b'{"match":{"name":"rain"}}' + b"]}}" * depth + b"}"
    assert query_text(read(body)) in ("rain", Reason.AMBIGUOUS)


@pytest.mark.parametrize("path", ["header:", "header:a b", "$.a b", "$.a[", "$.a[?f(@)]", "$$", "$.", "a..", " $.a"])
def test_paths_that_cannot_be_followed_are_refused_at_start(path: str) -> None:
    with pytest.raises(ConfigError, match="query_path"):
        parse({"policy": [{"name": "p", "indices": ["p"], "fields": ["f"], "query_path": path}]})
