import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.dialects.request import read_request
from connector.plan import FUSED_ALL_THE_SAME, match_policy, plan
from connector.scripts import estimate_tokens, fits_languages
from connector.settings import Model, Policy
from connector.types import Controls, Knn, Plan, Reason
from tests.connector.dialects.samples import MODEL, call, policy, read

MATCH = {"match": {"name": "rain jacket"}}
NEAREST = {"field": "embedding", "query_vector": [0.5]}
NOTHING = Controls()


def made(body: object = None, target: str = "/products/_search", controls: Controls = NOTHING, **changes: Any) -> Plan:
    return plan(read(body, target), controls, policy(**changes), MODEL)


def test_a_plain_search_is_reranked() -> None:
    assert made({"query": MATCH, "from": 20, "size": 20, "aggs": {}, "track_total_hits": True}) == Plan(
        policy="shop",
        text="rain jacket",
        first=20,
        size=20,
        window=100,
        budget_ms=1000,
        fields=("name", "brand", "description"),
        added=("name", "brand", "description"),
    )


SKIPPED: list[tuple[Reason, dict[str, Any]]] = [
    (Reason.SIZE_ZERO, {"size": 0}),
    (Reason.SORT, {"sort": "price"}),
    (Reason.SORT, {"sort": [{"_score": "asc"}]}),
    (Reason.SORT, {"sort": ["_score", "price"]}),
    (Reason.SORT, {"sort": [{"_score": {"order": "desc"}}, {"_id": "asc"}]}),
    (Reason.SORT, {"sort": [{"price": {"order": "asc"}}]}),
    (Reason.SORT, {"sort": ["_doc"]}),
    (Reason.SORT, {"sort": [{"_score": {"order": "desc", "mode": "min"}}]}),
    (Reason.PIT, {"pit": {"id": "x"}}),
    (Reason.SEARCH_AFTER, {"search_after": [1.0], "sort": ["_score"]}),
    (Reason.TERMINATE_AFTER, {"terminate_after": 100}),
    (Reason.RESCORE, {"rescore": {"query": {"rescore_query": MATCH}}}),
    (Reason.PIPELINE, {"search_pipeline": "mine"}),
    (Reason.PIPELINE, {"ext": {"mmr": {"diversity": 0.4}}}),
    (Reason.PIPELINE, {"query": {"hybrid": {"queries": [MATCH]}}}),
    (Reason.PIPELINE, {"search_pipeline": {"response_processors": []}}),
    (Reason.PIPELINE, {"ext": {"rerank": {"query_context": {"query_text": "x"}}}}),
    (Reason.RETRIEVER, {"retriever": {"standard": {"query": MATCH}}}),
    (Reason.RETRIEVER, {"rank": {"rrf": {}}}),
    (Reason.RETRIEVER, {"knn": {"field": "embedding", "query_vector": [0.5], "num_candidates": 200}}),
    (Reason.RETRIEVER, {"knn": [NEAREST | {"k": 5}, NEAREST]}),
    (Reason.RETRIEVER, {"query": {"bool": {"should": [MATCH, {"knn": NEAREST}]}}}),
    (
        Reason.RETRIEVER,
        {"query": {"bool": {"must": MATCH, "filter": {"nested": {"path": "a", "query": {"knn": NEAREST}}}}}},
    ),
    (Reason.RETRIEVER, {"query": {"semantic": {"field": "meaning", "query": "rain jacket"}}}),
    (Reason.RETRIEVER, {"post_filter": {"semantic": {"field": "meaning", "query": "rain"}}}),
    (Reason.NO_TEXT, {"query": {"match_all": {}}}),
    (Reason.NO_TEXT, {"query": None}),
    (Reason.NO_TEXT, {"stored_fields": "_none_"}),
    (Reason.NO_TEXT, {"stored_fields": ["_none_"]}),
    (Reason.AMBIGUOUS, {"query": {"bool": {"must": [MATCH, {"match": {"brand": "x"}}]}}}),
    (Reason.LANGUAGE, {"query": {"match": {"name": "防水 夹克"}}}),
    (Reason.LANGUAGE, {"query": {"match": {"name": "дождевик"}}}),
    (Reason.LENGTH, {"query": {"match": {"name": "rain " * 200}}}),
]


@pytest.mark.parametrize(("reason", "changes"), SKIPPED, ids=lambda value: str(value)[:60])
def test_skipped_by_body(reason: Reason, changes: dict[str, Any]) -> None:
    found = made({"query": MATCH} | changes, candidates="fused", vector_field="embedding")
    assert found.skip is reason
    assert found.knn is (Knn.FUSED if reason in FUSED_ALL_THE_SAME else None)


@pytest.mark.parametrize(
    ("reason", "parameters"),
    [
        (Reason.SIZE_ZERO, "size=0"),
        (Reason.SORT, "sort=price:desc"),
        (Reason.SORT, "sort=_score:asc"),
        (Reason.SORT, "sort=_score,price"),
        (Reason.SCROLL, "scroll=1m"),
        (Reason.TERMINATE_AFTER, "terminate_after=10"),
        (Reason.PIPELINE, "search_pipeline=mine"),
        (Reason.NO_TEXT, "format=yaml"),
        (Reason.NO_TEXT, "filter_path=hits.hits._source"),
        (Reason.NO_TEXT, "filter_path=-hits.hits._id"),
        (Reason.NO_TEXT, "filter_path=took"),
        (Reason.NO_TEXT, "stored_fields=_none_"),
        (Reason.AMBIGUOUS, "q=name:jacket"),
        (None, "sort=_score"),
        (None, "sort=_score:desc&size=5&from=10"),
        (None, "filter_path=took,hits"),
        (None, "filter_path=hits.hits"),
        (None, "filter_path=hits.*"),
        (None, "search_pipeline=_none"),
        (None, "format=json&pretty"),
        (None, "terminate_after=0"),
        (None, "q=boots"),
        (None, "search_type=dfs_query_then_fetch"),
    ],
)
def test_uri_parameters(reason: Reason | None, parameters: str) -> None:
    assert made({"query": MATCH}, f"/products/_search?{parameters}").skip is reason


@pytest.mark.parametrize(
    "sort",
    [
        "_score",
        ["_score"],
        {"_score": "desc"},
        {"_score": {"order": "desc"}},
        [{"_score": {}}],
        ["_score", "_score"],
        [],
        None,
    ],
    ids=json.dumps,
)
def test_score_descending_in_all_spellings(sort: object) -> None:
    assert made({"query": MATCH, "sort": sort}).skip is None


@pytest.mark.parametrize(
    "changes",
    [
        {"knn": NEAREST | {"k": 5}},
        {"query": {"bool": {"must": MATCH, "should": {"knn": NEAREST | {"k": 5, "num_candidates": 50}}}}},
        {"query": {"dis_max": {"queries": [MATCH, {"knn": {"field": {"vector": [0.5], "min_score": 0.5}}}]}}},
        {
            "query": {
                "bool": {"must": MATCH, "filter": [{"term": {"knn": "x"}}, {"match": {"semantic": {"query": "x"}}}]}
            }
        },
    ],
    ids=json.dumps,
)
def test_neighbours_whose_number_the_size_does_not_change(changes: dict[str, Any]) -> None:
    assert made({"query": MATCH} | changes).skip is None


def test_answers_that_are_not_json() -> None:
    for accept, reason in (("application/yaml", Reason.NO_TEXT), ("application/cbor", Reason.NO_TEXT), ("*/*", None)):
        found = plan(read({"query": MATCH}, Accept=accept), Controls(), policy(), MODEL)
        assert found.skip is reason
    vendor = "application/vnd.elasticsearch+json; compatible-with=9"
    assert plan(read({"query": MATCH}, Accept=vendor), Controls(), policy(), MODEL).skip is None


def test_pit_by_policy() -> None:
    body = {"query": MATCH, "pit": {"id": "x"}}
    assert made(body, pit=True).skip is None
    assert made(body | {"search_after": [1]}, pit=True).skip is Reason.SEARCH_AFTER


def test_controls_can_only_lower() -> None:
    assert made({"query": MATCH}, controls=Controls(enabled=False)).skip is Reason.OPT_OUT
    lower = made({"query": MATCH}, controls=Controls(budget_ms=200, window=50, details=True))
    assert (lower.budget_ms, lower.window, lower.details) == (200, 50, True)
    higher = made({"query": MATCH}, controls=Controls(enabled=True, budget_ms=60_000, window=100_000))
    assert (higher.budget_ms, higher.window) == (1000, 100)
    assert made({"query": MATCH}, controls=Controls(window=1)).skip is Reason.TOO_FEW


def test_the_vector_leg() -> None:
    body = {"query": {"bool": {"must": MATCH, "filter": {"term": {"a": 1}}}}}
    fused = {"candidates": "fused", "vector_field": "embedding"}
    assert made(body).knn is None
    assert made(body, **fused).knn_filter == ({"term": {"a": 1}},)
    assert made(body, **fused).knn is Knn.FUSED
    assert made(body, candidates="fused").knn is Knn.OFF
    mixed = {"query": {"bool": {"should": [MATCH, {"term": {"a": 1}}]}}}
    assert (made(mixed, **fused).knn, made(mixed, **fused).knn_filter) == (Knn.UNSPLIT, None)


def test_the_vector_leg_keeps_every_condition_that_is_not_the_users_words() -> None:
    fused = {"candidates": "fused", "vector_field": "embedding", "query_path": "header:X-User-Query"}
    tenant = {"match": {"tenant": "acme"}}
    body = {"query": {"bool": {"must": [tenant], "should": [{"prefix": {"name": "rain"}}]}}}
    found = plan(read(body, X_User_Query="rain jacket"), NOTHING, policy(**fused), MODEL)
    assert (found.text, found.knn, found.knn_filter) == ("rain jacket", Knn.UNSPLIT, None)
    words = {"query": {"bool": {"must": [MATCH], "filter": [tenant]}}}
    found = plan(read(words, X_User_Query="Rain  jacket"), NOTHING, policy(**fused), MODEL)
    assert (found.knn, found.knn_filter) == (Knn.FUSED, (tenant,))


@pytest.mark.parametrize(
    ("text", "languages", "fits"),
    [
        ("rain jacket", ["en"], True),
        ("Regenjacke für Damen", ["en"], True),
        ("防水夹克", ["en"], False),
        ("防水夹克", ["zh"], True),
        ("防水夹克", ["zh-CN"], True),
        ("防水夹克", ["en", "zh"], True),
        ("防水夹克", [], True),
        ("防水夹克", ["multilingual"], True),
        ("јакна", ["sr"], True),
        ("ජැකට්", ["si", "en"], True),
        ("防水夹克", ["Hans"], True),
        ("rain jacket", ["zh"], False),
        ("iPhone 手机壳", ["en"], True),
        ("iPhone 手机壳", ["zh"], False),
        ("X5 手机保护壳", ["en"], False),
        ("WH-1000XM4", ["en"], True),
        ("12345-67", ["zh"], True),
        ("กางเกง", ["tha_Thai"], True),
        ("rain jacket", ["Thai"], False),
        ("জ্যাকেট", ["Beng"], True),
        ("سترة", ["ar-SA"], True),
        ("防水夹克", ["zh-TW"], True),
        ("rain jacket", ["eng"], True),
        ("レイン", ["Kana"], True),
        ("rain jacket", ["ckb"], False),
        ("防水夹克", ["en-Xyzz"], True),
        ("２００ｍｌ ｃｕｐ", ["en"], True),
        ("レインジャケット", ["ja"], True),
        ("レインジャケット", ["zh"], False),
        ("비옷", ["ko"], True),
        ("дождевик", ["ru"], True),
        ("🧥", ["en"], True),
        ("", ["en"], True),
    ],
)
def test_languages(text: str, languages: list[str], fits: bool) -> None:
    assert fits_languages(text, languages) is fits


def test_length_counts_what_is_not_spaced_by_character() -> None:
    assert estimate_tokens("a" * 400) == 100
    assert estimate_tokens("防水夹克") == 4
    chinese = Model(name="zh", source="bundled:zh", max_tokens=64, languages=["zh"])
    request = read({"query": {"match": {"name": "防水" * 17}}})
    assert plan(request, Controls(), policy(), chinese).skip is Reason.LENGTH


def test_a_query_longer_than_the_model_was_made_for() -> None:
    def skip(words: str, longest: int) -> Reason | None:
        request = read({"query": {"match": {"name": words}}})
        return plan(request, Controls(), policy(), MODEL, longest).skip

    assert skip("a" * 60, 60) is None
    assert skip("a" * 61, 60) is Reason.LENGTH
    assert skip("a" * 61, 0) is None
    assert skip("дождевик " * 20, 60) is Reason.LENGTH
    fused = policy(candidates="fused", vector_field="embedding")
    assert plan(read({"query": {"match": {"name": "a" * 61}}}), Controls(), fused, MODEL, 60).knn is Knn.FUSED


SHOP = policy()
BOOKS = Policy(name="books", indices=["books", "*-books", ".library", "eu:books*"], fields=["title"])
ALL = Policy(name="all", indices=["_all", "*"], fields=["title"])


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("products",), SHOP),
        (("products-2024",), SHOP),
        (("products*",), SHOP),
        (("products-*", "products"), SHOP),
        (("products*", "-products-old"), SHOP),
        (("prod*",), None),
        (("*",), None),
        (("_all",), None),
        (None, None),
        (("products", "books"), Reason.POLICIES_DIFFER),
        (("products", "other"), Reason.POLICIES_DIFFER),
        (("other", "products"), Reason.POLICIES_DIFFER),
        (("other",), None),
        ((".products",), None),
        ((".library",), BOOKS),
        (("eu:products",), None),
        (("eu:books-1",), BOOKS),
        (("us:old-books",), None),
        (("<products-{now/d}>",), None),
        (("-products",), None),
        (("PRODUCTS",), None),
    ],
)
def test_policies_match(names: tuple[str, ...] | None, expected: Policy | Reason | None) -> None:
    assert match_policy(names, [SHOP, BOOKS]) is expected


@pytest.mark.parametrize(
    ("names", "takes"), [(None, True), (("_all",), True), (("*",), True), (("x",), True), ((".x",), False)]
)
def test_everything_only_where_listed_literally(names: tuple[str, ...] | None, takes: bool) -> None:
    assert match_policy(names, [ALL]) is (ALL if takes else None)


def test_the_first_policy_that_takes_a_name_is_its_policy() -> None:
    special = policy(name="special", indices=["products-special"])
    assert match_policy(("products-special",), [special, SHOP]) is special
    assert match_policy(("products-special",), [SHOP, special]) is SHOP
    assert match_policy(("products-special", "products"), [special, SHOP]) is Reason.POLICIES_DIFFER
    assert match_policy(("products",), []) is None


BODIES = st.dictionaries(
    st.sampled_from(
        ["query", "sort", "pit", "search_after", "rescore", "ext", "collapse", "fields", "stored_fields", "knn"]
    ),
    st.recursive(
        st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["_score", "match", "bool", "must", "field", "rerank"]), inner, max_size=3
            )
        ),
        max_leaves=8,
    ),
    max_size=5,
)


@given(BODIES)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no finding
def test_any_body_has_a_plan(body: dict[str, Any]) -> None:
    request = read_request(call(body))
    if request is None:  # left to the engine
        return
    found = plan(request, NOTHING, policy(candidates="fused", vector_field="embedding"), MODEL)
    assert found.skip is not None or found.text
