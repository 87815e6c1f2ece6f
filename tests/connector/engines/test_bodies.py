"""Request bodies, word for word: what both engines are asked."""

import pytest

from connector.engines.bodies import DIALECTS

CHEAP = {"range": {"price": {"lte": 30}}}
KNN = {
    ("opensearch", False): {"query": {"knn": {"embedding": {"vector": [0.5, 1.0], "k": 7}}}},
    ("opensearch", True): {
        "query": {"knn": {"embedding": {"vector": [0.5, 1.0], "k": 7, "filter": {"bool": {"filter": [CHEAP]}}}}}
    },
    ("elasticsearch", False): {
        "knn": {"field": "embedding", "query_vector": [0.5, 1.0], "k": 7, "num_candidates": 100}
    },
    ("elasticsearch", True): {
        "knn": {"field": "embedding", "query_vector": [0.5, 1.0], "k": 7, "num_candidates": 100, "filter": [CHEAP]}
    },
}


@pytest.mark.parametrize(("dialect", "filtered"), KNN)
def test_nearest(dialect: str, filtered: bool) -> None:
    body = DIALECTS[dialect].knn_clause("embedding", [0.5, 1.0], 7, [CHEAP] if filtered else [])
    assert body == KNN[dialect, filtered]


def test_no_engine_is_asked_for_more_than_it_takes() -> None:
    for k, candidates in ((7, 100), (100, 200), (9_000, 10_000), (20_000, 10_000)):
        body = DIALECTS["elasticsearch"].knn_clause("v", [1.0], k)
        assert (body["knn"]["k"], body["knn"]["num_candidates"]) == (min(k, 10_000), candidates)
    assert DIALECTS["opensearch"].knn_clause("v", [1.0], 20_000)["query"]["knn"]["v"]["k"] == 10_000


def words(fields: list[str]) -> dict[str, object]:
    return {
        "multi_match": {
            "query": "rain jacket",
            "fields": fields,
            "type": "cross_fields",
            "tie_breaker": 0.1,
            "lenient": True,
        }
    }


@pytest.mark.parametrize("dialect", DIALECTS)
def test_words(dialect: str) -> None:
    query = DIALECTS[dialect].lexical_query
    assert query("rain jacket", ["name"]) == words(["name"])
    assert query("rain jacket", ["name", "brand"]) == words(["name^1.5", "brand"])
    assert query("rain jacket", ["name^3", "brand"]) == words(["name^3", "brand"])
    assert query("rain jacket", ["*", "brand"]) == words(["*", "brand"])
    assert query("rain jacket", ["name"], [CHEAP]) == {"bool": {"must": [words(["name"])], "filter": [CHEAP]}}
